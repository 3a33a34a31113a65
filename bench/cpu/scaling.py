"""Measures how much quicker two threads are than one: Kinema's convs and whole entries, PyTorch's entries, and what the machine itself gives.

usage: scaling.py [--networks r2plus1d_18 r3d_18] [--frames 8] [--batch 2] [--precision fp32] [--out OUT]

Each measurement is a process of its own, one thread and two in turn; of each the least of the rounds' medians. Convs: all
launches of conv and wgrad, by their times one by one. Writes OUT.jsonl and the table OUT.md.
"""
import argparse
import os
import statistics
import sys
import tempfile

from compare import ENTRIES, LAYOUTS, ROOT, SPECS, Failed, Kinema, PyTorch, answer
from machine import machine, warn_if_busy, write_results

THREADS = (1, 2)
CONVS = ("conv", "wgrad")


def kinema(options, package, threads):
    """Returns the seconds of each entry and of its convs, and the machine's peak."""
    document = answer([os.path.join(options.build, "bin/kinema-runtime"), "bench", package, "--json", "--per-kernel", "--entry", *ENTRIES,
                       "--runs", str(options.runs), "--threads", str(threads), "--device", "cpu"])
    seconds = {"peak": 1 / max(document["peak"].get(kind, 0) for kind in ("avx2", "avx512", "neon"))}
    for entry in document["entries"]:
        seconds[entry["entry"]] = entry["seconds"]
        seconds[entry["entry"] + ": convs"] = sum(launch["seconds"] for launch in entry["launches"] if launch["op"] in CONVS)
    return seconds


def pytorch(options, network, threads):
    options = argparse.Namespace(**vars(options) | {"threads": threads, "seconds": 60})

    def seconds(entry, layout):
        peer = PyTorch(options.python, options, (network, options.frames, options.batch, entry))
        return statistics.median(peer.measure(layout)["runs"])
    return {"PyTorch: " + entry: min(seconds(entry, layout) for layout in LAYOUTS) for entry in ENTRIES}


def measure(options, network):
    """Returns the seconds, by what was measured and the number of threads."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = argparse.Namespace(**vars(options) | {"threads": max(THREADS)})
        ours = Kinema(compiled, (network, options.frames, options.batch, "train_step"), folder)
        ours.compile()
        least = {}
        for _ in range(options.rounds):
            for threads in THREADS:
                for what, seconds in (kinema(options, ours.package, threads) | pytorch(options, network, threads)).items():
                    times = least.setdefault(what, {})
                    times[threads] = min(times.get(threads, seconds), seconds)
    return least


def table(lines):
    text = "| network | precision | | 1 thread, ms | 2 threads, ms | ratio |\n|---|---|---|---|---|---|\n"
    for line in lines:
        for what, times in line["seconds"].items():
            one, two = times["1"], times["2"]
            cells = ("", "") if what == "peak" else (f"{1e3 * one:.1f}", f"{1e3 * two:.1f}")
            text += f"| {line['network']}, {line['frames']} frames, batch {line['batch']} | {line['precision']} | {what} | {' | '.join(cells)} | {one / two:.2f} |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--python", default="/usr/bin/python3", help="with torch and torchvision")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results/cpu-scaling"))
    parser.add_argument("--networks", nargs="+", choices=SPECS, default=["r2plus1d_18", "r3d_18"])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5, help="in a round")
    options = parser.parse_args()
    warn_if_busy()
    lines = []
    for network in options.networks:
        try:
            seconds = measure(options, network)
        except Failed as failed:
            sys.exit(f"scaling: {network}: {failed}")
        seconds = {what: {str(threads): time for threads, time in times.items()} for what, times in seconds.items()}
        lines.append({"network": network, "frames": options.frames, "batch": options.batch, "size": options.size, "precision": options.precision,
                      "seconds": seconds, "machine": machine()})
        print(table(lines[-1:]), flush=True)
    write_results(options.out, lines,
                  f"# One thread and two\n\n{lines[0]['machine']['processor']} ({', '.join(lines[0]['machine']['flags'])}). Peak: the measured rate of fused "
                  f"multiply-adds.\n\n{table(lines)}")


if __name__ == "__main__":
    main()
