"""Is the peer: times video networks in PyTorch: residual ones by torch.nn alone, others as the parity tests write them from
their papers (test/parity/papers).

usage: pytorch.py [cpu]        answers requests, a JSON object a line, on stdin by one each on stdout

A request: {"network", "batch", "frames", "size", "classes", "entry": "infer" | "train_step", "layout": "contiguous" |
"channels_last_3d", "precision": "bf16" (autocast) | "bf16 weights" (of inference) | "tf32", "with": [any of "fold" (batch
norm goes into the convs, of inference), "graph" (replayed as a CUDA graph), "compile" and "max-autotune" (both by
torch.compile)], "seconds"}. The answer: {"seconds": median of a run, "least", "peak_bytes": of tensors, "reserved_bytes",
"parameters", "begin_seconds"} or {"error"}.
"""
import gc
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def conv3d(before, after, mid, stride):
    return nn.Conv3d(before, after, 3, stride, 1, bias=False)


def conv2d(before, after, mid, stride):
    return nn.Conv3d(before, after, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)


def conv2plus1d(before, after, mid, stride):
    return nn.Sequential(nn.Conv3d(before, mid, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False), nn.BatchNorm3d(mid), nn.ReLU(True),
                         nn.Conv3d(mid, after, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False))


def mid_channels(before, after):
    return before * after * 27 // (before * 9 + 3 * after)


class Block(nn.Module):
    """Is two convs and a shortcut. With one_mid, both have the first one's M_i, as in torchvision."""

    def __init__(self, conv, before, after, stride, one_mid):
        super().__init__()
        mid = mid_channels(before, after)
        self.conv1 = nn.Sequential(conv(before, after, mid, stride), nn.BatchNorm3d(after), nn.ReLU(True))
        self.conv2 = nn.Sequential(conv(after, after, mid if one_mid else mid_channels(after, after), 1), nn.BatchNorm3d(after))
        self.relu = nn.ReLU(True)
        self.shortcut = None
        if stride != 1 or before != after:
            strides = (1, stride, stride) if conv is conv2d else stride
            self.shortcut = nn.Sequential(nn.Conv3d(before, after, 1, strides, bias=False), nn.BatchNorm3d(after))

    def forward(self, x):
        residual = x if self.shortcut is None else self.shortcut(x)
        return self.relu(self.conv2(self.conv1(x)) + residual)


class VideoResNet(nn.Module):
    def __init__(self, convs, blocks, widths, classes, one_mid=True, stem_mid=45):
        super().__init__()
        stem = widths[0]
        if convs[0] is conv2plus1d:
            self.stem = nn.Sequential(nn.Conv3d(3, stem_mid, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False), nn.BatchNorm3d(stem_mid), nn.ReLU(True),
                                      nn.Conv3d(stem_mid, stem, (3, 1, 1), 1, (1, 0, 0), bias=False), nn.BatchNorm3d(stem), nn.ReLU(True))
        else:
            self.stem = nn.Sequential(nn.Conv3d(3, stem, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), nn.BatchNorm3d(stem), nn.ReLU(True))
        layers, before = [], stem
        for stage, (conv, count, width) in enumerate(zip(convs, blocks, widths)):
            for block in range(count):
                layers.append(Block(conv, before, width, 2 if stage and not block else 1, one_mid))
                before = width
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.fc(self.layers(self.stem(x)).mean((2, 3, 4)))


WIDTHS = (64, 128, 256, 512)
NETWORKS = {
    "r2plus1d_18": lambda classes: VideoResNet([conv2plus1d] * 4, (2, 2, 2, 2), WIDTHS, classes),
    "r3d_18": lambda classes: VideoResNet([conv3d] * 4, (2, 2, 2, 2), WIDTHS, classes),
    "mc3_18": lambda classes: VideoResNet([conv3d] + [conv2d] * 3, (2, 2, 2, 2), WIDTHS, classes),
    "r2plus1d_34": lambda classes: VideoResNet([conv2plus1d] * 4, (3, 4, 6, 3), WIDTHS, classes, one_mid=False),
    "r2plus1d": lambda classes: VideoResNet([conv2plus1d] * 2, (1, 1), (16, 32), classes, one_mid=False, stem_mid=12),
}


def make_network(request):
    """Returns the network; one of test/parity/papers is as large as the paper's and has 400 classes."""
    name = request["network"]
    if name in NETWORKS:
        return NETWORKS[name](request["classes"])
    import papers  # needs torchvision
    return papers.WHOLE[name](request["frames"], request["size"]) if name in papers.WHOLE else papers.NETWORKS[name]()


def last(parent, name):
    """Returns the last leaf of a child, through nested Sequentials, and the module that holds it."""
    child = getattr(parent, name)
    return last(child, list(child._modules)[-1]) if isinstance(child, nn.Sequential) else (parent, name)


def fold(network):
    """Folds each batch norm behind a conv into the conv."""
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        names = list(sequence._modules)
        for before, name in zip(names, names[1:]):
            if not isinstance(getattr(sequence, name), nn.BatchNorm3d):
                continue
            parent, leaf = last(sequence, before)
            if isinstance(getattr(parent, leaf), nn.Conv3d):
                setattr(parent, leaf, fuse_conv_bn_eval(getattr(parent, leaf), getattr(sequence, name)))
                setattr(sequence, name, nn.Identity())
    if any(isinstance(module, nn.BatchNorm3d) for module in network.modules()):
        raise RuntimeError("a batch norm follows no conv")


def compiled(network, ways):
    if not {"compile", "max-autotune"} & set(ways):
        return network
    return torch.compile(network, **({"mode": "max-autotune"} if "max-autotune" in ways else {}))


def prepare(request, device):
    """Returns the work of one run, and the number of parameters."""
    torch.manual_seed(1)
    layout = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}[request["layout"]]
    network = make_network(request).to(device).to(memory_format=layout)
    parameters = sum(p.numel() for p in network.parameters())
    clips = torch.randn(request["batch"], 3, request["frames"], request["size"], request["size"], device=device).to(memory_format=layout)
    labels = torch.randint(0, request["classes"], (request["batch"],), device=device)
    trains = request["entry"] == "train_step"
    network.train(trains)
    # A graph must not rely on casts that were kept from before it was captured.
    autocast = lambda: torch.autocast(device, dtype=torch.bfloat16, enabled=request["precision"] == "bf16", cache_enabled="graph" not in request["with"])
    work = training(network, clips, labels, request["with"], autocast) if trains else inference(network, clips, request, autocast)
    return (replayed(work) if "graph" in request["with"] and device == "cuda" else work), parameters


def inference(network, clips, request, autocast):
    if "fold" in request["with"]:
        fold(network)
    if request["precision"] == "bf16 weights":
        network, clips = network.to(torch.bfloat16), clips.to(torch.bfloat16)
    run = compiled(network, request["with"])

    def work():
        with torch.no_grad(), autocast():
            return run(clips)
    return work


def training(network, clips, labels, ways, autocast):
    run = compiled(network, ways)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4, **({"fused": True} if clips.is_cuda else {}))

    def work():
        optimiser.zero_grad(set_to_none=True)
        with autocast():
            loss = nn.functional.cross_entropy(run(clips).float(), labels)
        loss.backward()
        optimiser.step()
        return loss
    return work


def replayed(work):
    """Returns the work as a CUDA graph, captured after some runs on another stream, as PyTorch asks for."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()

    def replay():
        graph.replay()
        return result
    return replay


def times(work, seconds, device):
    """Returns the seconds of each of several runs, one started after the other; those of the first run; peaks of memory."""
    cuda = device == "cuda"
    wait = torch.cuda.synchronize if cuda else (lambda: None)

    def timed():
        begin = time.perf_counter()
        work()
        wait()
        return time.perf_counter() - begin
    first = timed()
    for _ in range(2):
        timed()
    count = int(min(50, max(5, seconds / max(timed(), 1e-5)))) if cuda else 2
    if not cuda:
        return [timed() for _ in range(count)], first, 0, 0
    torch.cuda.reset_peak_memory_stats()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    events[0].record()
    for event in events[1:]:
        work()
        event.record()
    wait()
    each = [before.elapsed_time(after) * 1e-3 for before, after in zip(events, events[1:])]
    return each, first, torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


def answer(request, device):
    if {"compile", "max-autotune"} & set(request["with"]) and not hasattr(torch, "compile"):
        return {"error": f"PyTorch {torch.__version__} has no torch.compile"}
    work, parameters = prepare(request, device)
    each, first, peak, reserved = times(work, request["seconds"], device)
    result = work()
    if not torch.isfinite(result).all():
        return {"error": "the results are not finite"}
    return {"seconds": statistics.median(each), "least": min(each), "runs": len(each), "begin_seconds": first, "peak_bytes": peak,
            "reserved_bytes": reserved, "parameters": parameters}


def settings(device):
    torch.backends.cudnn.benchmark = True  # takes the quickest kernels, tried out in the first run
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = True
    told = {"pytorch": torch.__version__, "device": device, "threads": torch.get_num_threads()}
    if device == "cuda":
        told |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return told


def main():
    device = "cpu" if sys.argv[1:] == ["cpu"] else "cuda"
    answers = sys.stdout
    sys.stdout = sys.stderr  # libraries may print to it
    print(json.dumps(settings(device)), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            told = answer(request, device)
        except Exception as error:  # such as no memory or a failed compilation: the next request may work
            told = {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]}
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
        if hasattr(torch, "_dynamo"):
            torch._dynamo.reset()
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
