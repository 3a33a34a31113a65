"""Compares convs in groups with PyTorch's on this machine's CPU, layer by layer, in three directions: forward, the gradient of the input, the gradient of the weight.

usage: groups.py [--layers NAME ...] [--out OUT]

A layer of Kinema's is a launch of a network that has it between two small convs, timed by `kinema-runtime bench --per-kernel`
in a training step; PyTorch's are its operators, in the quicker of two layouts, on operands that are there. All in
turn, each time in a process of its own; medians. Writes OUT.jsonl and the table OUT.md.
"""
import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile

from compare import HERE, LAYOUTS, ROOT, Failed, answer
from machine import machine, warn_if_busy, write_results

DIRECTIONS = ("forward", "input gradient", "weight gradient")


@dataclasses.dataclass
class Layer:
    of: str
    channels: int
    groups: int
    kernel: tuple  # T, H, W
    stride: tuple
    size: tuple  # T, H, W of the input

    def macs(self, batch):
        positions = 1
        for size, stride in zip(self.size, self.stride):
            positions *= -(-size // stride)
        for taps in self.kernel:
            positions *= taps
        return batch * positions * self.channels * self.channels // self.groups


CUBE, PLANE = (3, 3, 3), (1, 3, 3)
LAYERS = {
    "csn-256": Layer("CSN-50, depthwise", 256, 256, CUBE, (1, 1, 1), (8, 14, 14)),
    "csn-64": Layer("CSN-50, depthwise", 64, 64, CUBE, (1, 1, 1), (8, 28, 28)),
    "csn-128-s2": Layer("CSN-50, depthwise", 128, 128, CUBE, (2, 2, 2), (8, 28, 28)),
    "x3d-54": Layer("X3D, depthwise", 54, 54, CUBE, (1, 1, 1), (8, 40, 40)),
    "x3d-216": Layer("X3D, depthwise", 216, 216, CUBE, (1, 2, 2), (8, 20, 20)),
    "x3d-time": Layer("X3D's stem, in time", 24, 24, (5, 1, 1), (1, 1, 1), (8, 56, 56)),
    "resnext-128": Layer("ResNeXt3D, 32 groups", 128, 32, CUBE, (1, 1, 1), (8, 28, 28)),
    "resnext-512": Layer("ResNeXt3D, 32 groups", 512, 32, CUBE, (2, 2, 2), (4, 14, 14)),
    "mfnet-96": Layer("MFNet, 16 groups", 96, 16, CUBE, (1, 1, 1), (8, 28, 28)),
    "frames-128": Layer("ResNeXt on frames", 128, 32, PLANE, (1, 1, 1), (8, 28, 28)),
}


def sides(numbers):
    return "x".join(map(str, numbers))


class Kinema:
    name = "kinema"

    def __init__(self, options, layer, folder):
        self.options, self.package = options, os.path.join(folder, "layer.kinema")
        spec = os.path.join(folder, "layer.arch")
        with open(spec, "w") as file:
            file.write(f"network layer {{\n  input rgb 3x{sides(layer.size)}\n  before: conv 1x1x1 ch={layer.channels} bn=off act=none\n"
                       f"  layer: conv {sides(layer.kernel)} ch={layer.channels} groups={layer.groups} stride={sides(layer.stride)} bn=off bias=off act=none\n"
                       "  after: conv 1x1x1 ch=8 bn=off\n  pool avg global\n  fc 10\n}\n")
        done = subprocess.run([os.path.join(options.build, "bin/kinema"), "compile", spec, "-o", self.package, "--batch", str(options.batch),
                               "--threads", str(options.threads)], capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr.strip())

    def measure(self):
        document = answer([os.path.join(self.options.build, "bin/kinema-runtime"), "bench", self.package, "--json", "--per-kernel", "--entry", "train_step",
                           "--runs", str(self.options.runs), "--threads", str(self.options.threads), "--device", "cpu"])
        launches = [launch for launch in document["entries"][0]["launches"] if launch["layer"] == "layer"]
        convs = [launch["seconds"] for launch in launches if launch["op"] == "conv"]
        weights = [launch["seconds"] for launch in launches if launch["op"] == "wgrad"]
        if len(convs) != 2 or len(weights) != 1:
            raise Failed(f"the layer has {len(convs)} convs and {len(weights)} gradients of its weight")
        # The launches that merge and copy for the layer are its own too.
        beside = sum(launch["seconds"] for launch in launches) - sum(convs) - weights[0]
        return dict(zip(DIRECTIONS, (convs[0], convs[1], weights[0] + beside)))


class PyTorch:
    def __init__(self, options, layer, python):
        self.options, self.layer, self.python, self.name = options, layer, python, "pytorch"

    def measure(self):
        layer, options = self.layer, self.options
        numbers = [options.batch, layer.channels, layer.groups, *layer.kernel, *layer.stride, *layer.size, options.threads, options.runs]
        layouts = [answer([self.python, os.path.join(HERE, "group_peer.py"), layout, *map(str, numbers)],
                          env=dict(os.environ) | {"OMP_NUM_THREADS": str(options.threads)}) for layout in LAYOUTS]
        self.name = f"pytorch {layouts[0]['version'].split('+')[0]}"
        return {direction: min(layout[direction] for layout in layouts) for direction in DIRECTIONS}


def compare(options, name):
    layer = LAYERS[name]
    with tempfile.TemporaryDirectory() as folder:
        contestants = [Kinema(options, layer, folder)] + [PyTorch(options, layer, python) for python in options.python]
        rounds = [[contestant.measure() for contestant in contestants] for _ in range(options.rounds)]
    return [{"layer": name, "direction": direction, "contestant": contestant.name, "macs": layer.macs(options.batch),
             "seconds": statistics.median(round[number][direction] for round in rounds)}
            for direction in DIRECTIONS for number, contestant in enumerate(contestants)]


def table(lines):
    text = f"| layer | | {' | '.join(f'{direction}: ms | GFLOP/s | PyTorch ms | times' for direction in DIRECTIONS)} |\n|---|---|{'---|' * 4 * len(DIRECTIONS)}\n"
    for name in dict.fromkeys(line["layer"] for line in lines):
        layer = LAYERS[name]
        row = [f"{layer.of}, {layer.channels} channels, {sides(layer.kernel)} stride {sides(layer.stride)}", f"of {sides(layer.size)}"]
        for direction in DIRECTIONS:
            ours, *peers = [line for line in lines if line["layer"] == name and line["direction"] == direction]
            best = min(peer["seconds"] for peer in peers)
            row += [f"{1e3 * ours['seconds']:.2f}", f"{2e-9 * ours['macs'] / ours['seconds']:.0f}", f"{1e3 * best:.2f}", f"{best / ours['seconds']:.1f}"]
        text += f"| {' | '.join(row)} |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--python", action="append", help="with torch (default: /usr/bin/python3); may be repeated")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results/cpu-groups"))
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS))
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10, help="in a round")
    options = parser.parse_args()
    options.python = options.python or ["/usr/bin/python3"]
    warn_if_busy()
    lines, described = [], machine()
    for name in options.layers:
        try:
            lines += compare(options, name)
        except Failed as failed:
            sys.exit(f"groups: {name}: {failed}")
        print(table([line for line in lines if line["layer"] == name]).splitlines()[-1], flush=True)
    peers = sorted({line["contestant"] for line in lines} - {Kinema.name})
    write_results(options.out, [line | {"machine": described, "threads": options.threads} for line in lines],
                  f"# Convs in groups beside PyTorch\n\nBatch {options.batch}, {options.threads} threads; {described['processor']}, {described['cores']} cores. "
                  f"GFLOP/s: two operations a multiply-add. Times: of the quicker of {', '.join(peers)} over Kinema's.\n\n{table(lines)}")


if __name__ == "__main__":
    main()
