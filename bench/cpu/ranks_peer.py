"""Is the peer of ranks.py: times a training step of torchvision's network in PyTorch's DistributedDataParallel over gloo.

usage: ranks_peer.py NETWORK PROCESSES BATCH FRAMES STEPS     BATCH: of each process, which has one thread

Prints {"seconds": the median of the steps but the first two}.
"""
import json
import os
import statistics
import sys
import tempfile
import time

import torch
import torchvision
from torch import distributed, multiprocessing, nn


def work(rank, name, processes, batch, frames, steps, meeting):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=processes)
    torch.manual_seed(1)
    network = nn.parallel.DistributedDataParallel(getattr(torchvision.models.video, name)(num_classes=10))
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    clips, labels = torch.randn(batch, 3, frames, 112, 112), torch.randint(0, 10, (batch,))
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(clips), labels).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    if rank == 0:
        print(json.dumps({"seconds": statistics.median(seconds[2:])}))
    distributed.destroy_process_group()


def main():
    name, *numbers = sys.argv[1:]
    processes, batch, frames, steps = map(int, numbers)
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (name, processes, batch, frames, steps, os.path.join(folder, "meeting")), nprocs=processes)


if __name__ == "__main__":
    main()
