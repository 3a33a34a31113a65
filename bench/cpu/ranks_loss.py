"""Measures what sending gradients as bfloat16 (--compress bf16) does to what ranks learn, on videos whose classes are motions.

usage: ranks_loss.py [--ranks N] [--seeds N] [--epochs N] [--videos N] [--build DIR] [--out OUT]

Trains a small R3D with each seed three times: by ranks that send gradients as they are, by ranks that send them as bfloat16,
and by one process, which adds up in another order and so shows what rounding does by itself. All have the same clips a step
and share the statistics of batch norms. Writes JSON lines to OUT.jsonl and a table to OUT.md.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import tempfile

from machine import MPIRUN, machine

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BATCH = 16  # of all ranks together


def train(options, name, ranks, seed, *more):
    """Returns the training loss, the test loss and the test accuracy of the last epoch."""
    words = [os.path.join(options.build, "bin/kinema"), "train", os.path.join(ROOT, "science/networks/resnet.arch"), "--train", "videos/train.txt",
             "--test", "videos/test.txt", "--out", name, "--overwrite", "--threads", "1", "--loaders", "1", "--seed", str(seed), "--set", "ch=8",
             "--set", f"classes={options.classes}", "--set", f"train.batch={BATCH // ranks}", "--set", f"train.epochs={options.epochs}",
             "--set", "train.bn=sync", *more]
    if ranks > 1:
        words = [*MPIRUN, "-n", str(ranks), *words]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    with open(os.path.join(name, "curves.csv"), encoding="utf-8") as file:
        return list(csv.DictReader(file))[-1]


def measure(options):
    """Returns a row for each seed and way: what the last epoch came to."""
    ways = {"as they are": (options.ranks,), "as bfloat16": (options.ranks, "--compress", "bf16"), "one process": (1,)}
    rows = []
    for seed in range(1, options.seeds + 1):
        for way, (ranks, *more) in ways.items():
            last = train(options, way.replace(" ", "-"), ranks, seed, *more)
            rows.append({"gradients": way, "ranks": ranks, "seed": seed, "epochs": options.epochs, "videos": options.videos,
                         "train_loss": float(last["train_loss"]), "test_loss": float(last["test_loss"]), "test_top1": float(last["test_clip_top1"])})
            print(rows[-1], flush=True)
    return rows


def table(rows):
    lines = ["| gradients | ranks | training loss | test loss | test accuracy |", "|---|---|---|---|---|"]
    for way in dict.fromkeys(row["gradients"] for row in rows):
        own = [row for row in rows if row["gradients"] == way]
        cells = [" ".join(f"{row[what]:.3f}" for row in own) + f", mean {statistics.mean(row[what] for row in own):.3f}" for what in ("train_loss", "test_loss", "test_top1")]
        lines.append(f"| {way} | {own[0]['ranks']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--videos", type=int, default=200, help="of a class, to train with")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results/ranks-loss"))
    options = parser.parse_args()
    if options.ranks < 2 or BATCH % options.ranks:
        parser.error(f"--ranks: {options.ranks}, expected several that share {BATCH} clips evenly")
    options.build, options.out = os.path.abspath(options.build), os.path.abspath(options.out)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run([os.path.join(options.build, "bin/kinema"), "data", "make-motion", "videos", "--family", "swings", "--train", str(options.videos),
                        "--test", "50", "--frames", "8", "--height", "32", "--width", "32", "--others", "1", "--camera", "0.1", "--noise", "8"],
                       check=True, capture_output=True)
        with open("videos/classes.txt", encoding="utf-8") as file:
            options.classes = len(file.read().split())
        rows = measure(options)
    with open(options.out + ".jsonl", "w", encoding="utf-8") as file:
        described = machine()
        file.writelines(json.dumps({**row, "machine": described}) + "\n" for row in rows)
    with open(options.out + ".md", "w", encoding="utf-8") as file:
        file.write("# What gradients sent as bfloat16 do to training\n\n"
                   f"A small R3D (`science/networks/resnet.arch`) on videos of the family `swings`, {options.videos} of a class, {options.epochs} epochs "
                   f"of {BATCH} clips a step, `bn sync`; a number for each seed, by `bench/cpu/ranks_loss.py`.\n\n{table(rows)}")
    print(table(rows))


main()
