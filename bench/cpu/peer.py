"""Is the peer: times a network in PyTorch on the CPU; torchvision's networks, its ResNet-18 on frames for f-R2D, and those that
test/parity/papers/ has from papers.

usage: peer.py NETWORK ENTRY LAYOUT PRECISION BATCH FRAMES SIZE CLASSES THREADS RUNS SECONDS

ENTRY: infer or train_step. LAYOUT: contiguous or channels_last. PRECISION: fp32, or bf16 (autocast). It makes as many
runs as fit in SECONDS, 1 to RUNS, after one that is not counted. Prints {"version", "parameters", "runs": seconds of each, "peak_memory_bytes": of the process}.
"""
import json
import os
import sys
import time

import torch
import torchvision
from machine import peak_memory
from torch import nn


class FrameResNet(nn.Module):
    """Is f-R2D-18: a 2D ResNet-18 on each frame, without the pool behind its stem; features are averaged over time."""

    def __init__(self, num_classes):
        super().__init__()
        self.resnet = torchvision.models.resnet18(num_classes=num_classes)
        self.resnet.maxpool = nn.Identity()
        self.fc = self.resnet.fc
        self.resnet.fc = nn.Identity()

    def forward(self, clips):
        frames = clips.transpose(1, 2).flatten(0, 1)
        return self.fc(self.resnet(frames).unflatten(0, (clips.shape[0], -1)).mean(1))


def make_network(name, classes, frames, size):
    if name == "f_r2d_18":
        return FrameResNet(classes)
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../test/parity"))
    import papers  # which has 400 classes
    if name in papers.WHOLE:
        return papers.WHOLE[name](frames, size)
    if name in papers.NETWORKS:
        return papers.NETWORKS[name]()
    return getattr(torchvision.models.video, name)(num_classes=classes)


def in_layout(network, layout):
    """Sets the layout: with channels_last, that of each conv's weights, in 2D or 3D, which the activations follow."""
    if layout == "contiguous":
        return network
    for parameter in network.parameters():
        if parameter.dim() >= 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d if parameter.dim() == 5 else torch.channels_last)
    return network


def make_work(network, entry, layout, precision, clips, labels):
    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")
    if layout == "channels_last":
        clips = clips.contiguous(memory_format=torch.channels_last_3d)
    if entry == "infer":
        network.eval()

        def infer():
            with torch.no_grad(), autocast():
                network(clips)
        return infer
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, nesterov=True, weight_decay=1e-4)

    def step():
        optimiser.zero_grad(set_to_none=True)
        with autocast():
            loss = nn.functional.cross_entropy(network(clips), labels)
        loss.backward()
        optimiser.step()
    return step


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    name, entry, layout, precision, *numbers = sys.argv[1:11]
    batch, frames, size, classes, threads, runs = map(int, numbers)
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = make_network(name, classes, frames, size)
    work = make_work(in_layout(network, layout), entry, layout, precision, torch.randn(batch, 3, frames, size, size), torch.randint(0, classes, (batch,)))
    work()
    times, end = [], time.perf_counter() + float(sys.argv[11])
    while not times or (len(times) < runs and time.perf_counter() < end):
        times.append(seconds_of(work))
    print(json.dumps({"version": torch.__version__, "parameters": sum(parameter.numel() for parameter in network.parameters()),
                      "runs": times, "peak_memory_bytes": peak_memory()}))


if __name__ == "__main__":
    main()
