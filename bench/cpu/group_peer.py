"""Is the peer of groups.py: times one conv in groups in PyTorch on the CPU, in its three directions.

usage: group_peer.py LAYOUT BATCH CHANNELS GROUPS KERNEL(3) STRIDE(3) SIZE(3) THREADS RUNS

LAYOUT: contiguous or channels_last. Prints {"version", and by direction the median of RUNS runs' seconds, after one that
is not counted}.
"""
import json
import statistics
import sys
import time

import torch


def seconds(work, runs):
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    layout, *numbers = sys.argv[1:]
    batch, channels, groups, kt, kh, kw, st, sh, sw, t, h, w, threads, runs = map(int, numbers)
    torch.set_num_threads(threads)
    form = torch.channels_last_3d if layout == "channels_last" else torch.contiguous_format
    kernel, stride = [kt, kh, kw], [st, sh, sw]
    padding = [taps // 2 for taps in kernel]
    x = torch.randn(batch, channels, t, h, w).contiguous(memory_format=form)
    weight = torch.randn(channels, channels // groups, *kernel).contiguous(memory_format=form)
    with torch.no_grad():
        def forward():
            return torch.nn.functional.conv3d(x, weight, stride=stride, padding=padding, groups=groups)
        gradient = torch.randn_like(forward())

        def backward(*wanted):
            return torch.ops.aten.convolution_backward(gradient, x, weight, None, stride, padding, [1, 1, 1], False, [0, 0, 0], groups, [*wanted, False])
        times = {"forward": seconds(forward, runs), "input gradient": seconds(lambda: backward(True, False), runs),
                 "weight gradient": seconds(lambda: backward(False, True), runs)}
    print(json.dumps({"version": torch.__version__} | times))


if __name__ == "__main__":
    main()
