"""Compares the model of a step of several ranks (docs/scale.md) with steps on this machine.

usage: ranks_model.py [--ranks N] [--steps N] [--rounds N] [--shape GB ...] [--bn rank|sync] [--build DIR] [SPEC]

Measures a step of as many processes that do not know each other (so that they share the machine as the ranks do), of ranks
that add up all gradients at once, and of ranks with buckets. The first two give the network's bandwidth, of which the model
predicts the third; what the machine's memory and cores share between sums and launches, it does not know. Takes the least of
the rounds' medians.

With --shape, each rank stands in a network namespace of its own that sends so many GB a second at most, and the model, which
is told the same, predicts all steps. Its latency is what ranks of a network with few gradients take, for each turn of their
one sum; so it has in it what ranks tell each other besides. Needs root.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

from machine import MPIRUN, warn_if_busy
from namespaces import Namespaces

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT = 300  # seconds for a run
FEW = """network few classes=10 frames=8 size=56 height=size width=size {
  input rgb [3 frames height width]
  stem: conv3d ch=64 stride=2
  pool avg global
  fc classes
}
"""
WIRE = 1448 / 1514  # of what is sent, which is not headers


def words(options, out, *more):
    return [options.kinema, "train", options.spec, "--train", "videos/train.txt", "--out", out, "--overwrite", "--threads", "1", "--loaders", "1",
            "--set", "train.batch=1", "--set", "train.epochs=1", "--set", f"train.clips={options.steps * options.ranks}", *more]


def median_step(out, skipped=3):
    with open(os.path.join(out, "steps.jsonl"), encoding="utf-8") as file:
        seconds = [json.loads(line)["seconds"] for line in file]
    return statistics.median(seconds[skipped:])


def alone(options):
    """Returns the seconds of a step of processes that run beside each other, each by itself."""
    jobs = [subprocess.Popen(words(options, f"alone{i}", "--set", f"train.clips={options.steps}"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for i in range(options.ranks)]
    for job in jobs:
        if job.wait(LIMIT):
            raise SystemExit("a process failed")
    return statistics.mean(median_step(f"alone{i}") for i in range(options.ranks))


def together(options, bucket, namespaces=None):
    line = words(options, "ranks", "--bucket", bucket)
    subprocess.run(namespaces.mpirun(line) if namespaces else [*MPIRUN, "-n", str(options.ranks), *line], check=True, capture_output=True, timeout=LIMIT)
    return median_step("ranks")


def model(options, package, network, milliseconds):
    done = subprocess.run([options.kinema, "inspect", package, "--json", "--ranks", str(options.ranks), "--network", network, "--step-ms", str(milliseconds)],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def shaped(options, package, own, gigabytes):
    """Prints what steps of ranks take whose network is that slow, and what the model says of them."""
    large = options.spec
    with Namespaces(options.ranks, gigabytes, os.getcwd()) as namespaces:
        options.spec = "few.arch"
        with open(options.spec, "w", encoding="utf-8") as file:
            file.write(FEW)
        few = min(alone(options) for _ in range(options.rounds))
        latency = (min(together(options, "1", namespaces) for _ in range(options.rounds)) - few) / (2 * (options.ranks - 1))
        options.spec = large
        measured = {bucket: min(together(options, bucket, namespaces) for _ in range(options.rounds)) for bucket in ("1", "8", "1000000")}
    predicted = model(options, package, f"{1e6 * latency}:{WIRE * gigabytes}", 1e3 * own)
    for bucket, seconds in measured.items():
        size = None if bucket == "1000000" else int(bucket) * 10**6
        steps = [step for step in predicted["steps"] if size is None or step["bucket_bytes"] is None or step["bucket_bytes"] <= size]
        said = steps[-1]
        print(f"| {options.ranks} | {gigabytes:g} | {1e3 * latency:.1f} ms | {said['buckets']} | {1e3 * own:.0f} ms | {1e3 * seconds:.0f} ms | {1e3 * said['seconds']:.0f} ms | "
              f"{said['seconds'] / seconds:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="?", default=os.path.join(HERE, "ranks.arch"))
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", type=float, nargs="+", default=[], metavar="GB")
    parser.add_argument("--bn", choices=["rank", "sync"], default="rank")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    options = parser.parse_args()
    options.kinema, options.spec = os.path.join(os.path.abspath(options.build), "bin/kinema"), os.path.abspath(options.spec)
    warn_if_busy()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run([options.kinema, "data", "make-motion", "videos", "--train", "4", "--test", "1", "--height", "32", "--width", "48", "--frames", "8"],
                       check=True, capture_output=True)
        spec = os.path.join(folder, "small.arch")
        with open(options.spec, encoding="utf-8") as file, open(spec, "w", encoding="utf-8") as copy:
            copy.write(f"{file.read()}\ntrain {{\n  bn {options.bn}\n}}\n" if options.bn != "rank" else file.read())
        options.spec = spec
        if options.shape:
            subprocess.run([options.kinema, "compile", spec, "--distributed", "--batch", "1", "-o", "small.kinema"], check=True, capture_output=True)
            own = min(alone(options) for _ in range(options.rounds))
            print("| ranks | GB/s | latency | buckets | alone | measured | by the model | ratio |\n|---|---|---|---|---|---|---|---|", flush=True)
            for gigabytes in options.shape:
                shaped(options, "small.kinema", own, gigabytes)
            return
        times = {"alone": float("inf"), "at once": float("inf"), "in buckets": float("inf")}
        for _ in range(options.rounds):
            for name, measure in (("alone", lambda: alone(options)), ("at once", lambda: together(options, "1000000")),
                                  ("in buckets", lambda: together(options, "1"))):
                times[name] = min(times[name], measure())
        subprocess.run([options.kinema, "compile", spec, "--distributed", "--batch", "1", "-o", "small.kinema"], check=True, capture_output=True)
        slow, latency = model(options, "small.kinema", "20:1000000", 1e3 * times["alone"]), 20e-6
        passes = 2 * (options.ranks - 1)
        summed = max(times["at once"] - times["alone"] - passes * latency, 1e-6)
        bandwidth = passes / options.ranks * slow["bytes"] / summed
        predicted = model(options, "small.kinema", f"20:{bandwidth / 1e9}", 1e3 * times["alone"])
        first = predicted["steps"][0]
        print(f"{options.ranks} ranks that add up {slow['bytes'] / 1e6:.1f} MB: alone {1e3 * times['alone']:.1f} ms, at once {1e3 * times['at once']:.1f} ms "
              f"(so {bandwidth / 1e9:.2f} GB/s), in {first['buckets']} buckets {1e3 * times['in buckets']:.1f} ms; the model says {1e3 * first['seconds']:.1f} ms")


main()
