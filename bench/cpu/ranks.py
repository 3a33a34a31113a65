"""Compares training by processes: so many ranks of one thread, beside one process of as many threads, and beside PyTorch's
DistributedDataParallel over gloo with as many processes of one thread.

usage: ranks.py [--ranks N] [--network NAME] [--batch N] [--frames N] [--steps N] [--rounds N] [--build DIR] [--python PYTHON] [--out OUT]

All have the same clips a step in total: --batch, which the ranks share. Contestants take turns, each time in new processes;
the least of the rounds' medians counts. Writes JSON lines to OUT.jsonl and prints the ratios.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

from machine import MPIRUN, machine, warn_if_busy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def median_step(folder, skipped=2):
    with open(os.path.join(folder, "steps.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return statistics.median(row["seconds"] for row in rows[skipped:])


def kinema(options, folder, ranks):
    """Trains for some steps; returns the seconds of one. Decoding is a small part of them: videos are small, and decoded ahead."""
    out, batch = os.path.join(folder, f"run{ranks}"), options.batch // ranks
    words = [os.path.join(options.build, "bin/kinema"), "train", os.path.join(ROOT, f"models/torchvision/{options.network}.arch"),
             "--train", os.path.join(folder, "videos/train.txt"), "--out", out, "--overwrite", "--frames", str(options.frames), "--classes", "10",
             "--threads", str(options.ranks // ranks), "--loaders", "1", "--set", f"train.batch={batch}",
             "--set", f"train.clips={options.steps * options.batch}", "--set", "train.epochs=1", "--set", f"data.frames={options.frames}"]
    if ranks > 1:
        words = [*MPIRUN, "-n", str(ranks), *words]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return median_step(out)


def pytorch(options):
    words = [options.python, os.path.join(HERE, "ranks_peer.py"), options.network, str(options.ranks), str(options.batch // options.ranks),
             str(options.frames), str(options.steps)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["seconds"]


def version(options):
    return subprocess.run([options.python, "-c", "import torch; print(torch.__version__)"], check=True, capture_output=True, text=True).stdout.strip()


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--network", default="r2plus1d_18")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--out")
    options = parser.parse_args()
    if options.batch % options.ranks:
        parser.error("the ranks share the batch: it must be a multiple of their number")
    options.out = options.out or os.path.join(ROOT, f"bench/results/cpu-{options.ranks}-ranks")
    return options


def main():
    options = parse()
    warn_if_busy()
    times, torch = {}, version(options)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.join(options.build, "bin/kinema"), "data", "make-motion", os.path.join(folder, "videos"), "--train", "2", "--test", "1",
                        "--height", "128", "--width", "170"], check=True, capture_output=True)
        for _ in range(options.rounds):
            for name, measure in ((f"kinema, {options.ranks} ranks", lambda: kinema(options, folder, options.ranks)),
                                  (f"kinema, 1 process of {options.ranks} threads", lambda: kinema(options, folder, 1)),
                                  (f"PyTorch {torch} DDP, {options.ranks} processes", lambda: pytorch(options))):
                times[name] = min(times.get(name, float("inf")), measure())
    first = next(iter(times.values()))
    with open(options.out + ".jsonl", "w", encoding="utf-8") as file:
        for name, seconds in times.items():
            print(f"{name:<34} {1e3 * seconds:8.1f} ms a step  {options.batch / seconds:6.2f} clips/s  {seconds / first:5.2f} times the first's")
            file.write(json.dumps({"contestant": name, "network": options.network, "batch": options.batch, "frames": options.frames,
                                   "seconds": seconds, "machine": machine()}) + "\n")


main()
