"""Compares Kinema with its peers on this machine's CPU: inference and training steps of four networks, in turn, by medians; with
--zoo, of networks of other families, each in one size. The peers are PyTorch and, for inference, OpenVINO and ONNX Runtime where
a Python has them; these two run what `kinema export` writes.

Each measurement is a process of its own, so that its memory is too: Kinema, each peer, Kinema, ... In the first round
each PyTorch runs in both layouts, then in the quicker one. Writes a JSON line for each contestant of each
configuration to OUT.jsonl, as soon as it is measured, and makes OUT.md and OUT.svg of them.
"""
import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile

import report
from machine import machine, warn_if_busy

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SPECS = {"r2plus1d_18": "models/torchvision/r2plus1d_18.arch", "r3d_18": "models/torchvision/r3d_18.arch",
         "mc3_18": "models/torchvision/mc3_18.arch", "f_r2d_18": "models/f_r2d_18.arch"}
# Other families, whose PyTorch networks are those of test/parity/papers/: frames, height and width.
ZOO = {"r3d_50": (8, 112), "r3d_50_nl": (8, 112), "ip_csn_50": (8, 112), "ir_csn_50": (8, 112), "p3d_63": (16, 112), "tsm_50": (8, 112),
       "tsm_mobilenet_v2": (8, 112), "slowfast_50_4x16": (32, 112), "x3d_m": (8, 112), "videomae_b": (8, 112), "timesformer_b": (8, 112),
       "i3d": (16, 224), "s3d_g": (16, 224), "mfnet": (8, 112), "glore_50": (8, 112), "ltc": (16, 58), "slow_fusion": (10, 170),
       "artnet_18": (16, 112), "f_stcn": (5, 204), "eco_lite": (16, 112), "cost_50": (8, 112), "tea_50": (8, 112), "tpn_50": (32, 112), "movinet_a0": (8, 112),
       "mvit_b_16x4": (8, 112), "mvit_v2_s": (8, 128), "video_swin_t": (16, 224), "tdn_50": (40, 112), "timeception_i3d": (64, 112)}
SETTINGS = {"timeception_i3d": ["--set", "layers=3"]}  # each layer halves the frames that I3D leaves
ENTRIES = ("infer", "train_step")
LAYOUTS = ("contiguous", "channels_last")
ENGINES = ("openvino", "onnxruntime")
CLASSES = 400


class Failed(Exception):
    pass


def spec_of(network):
    return os.path.join(ROOT, SPECS.get(network, f"models/{network}.arch"))


def size_of(options, network):
    return ZOO[network][1] if network in ZOO else options.size


def configurations(options):
    if options.zoo:
        networks = options.networks or ZOO
        return [(network, ZOO[network][0], 2, entry) for network in networks for entry in options.entries]
    return list(itertools.product(options.networks or SPECS, options.frames, options.batches, options.entries))


def sized(options, configuration):
    """Returns the options of `kinema` that say how large a configuration's network is."""
    network, frames, batch, _ = configuration
    return ["--frames", str(frames), "--size", str(size_of(options, network)), "--batch", str(batch), "--classes", str(CLASSES), *SETTINGS.get(network, [])]


def run(command, **keywords):
    """Runs a command and returns what it prints. Raises Failed with what it complains of at last."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, **keywords)
    except OSError as error:
        raise Failed(str(error)) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Failed(lines[-1] if lines else f"{command[0]}: exit status {done.returncode}")
    return done.stdout


def answer(command, **keywords):
    """Returns the JSON that a command prints. Raises Failed."""
    return json.loads(run(command, **keywords))


class Kinema:
    name = "kinema"

    def __init__(self, options, configuration, folder):
        self.options, self.configuration = options, configuration
        self.package = os.path.join(folder, "network.kinema")
        self.runtime = os.path.join(options.build, "bin/kinema-runtime")
        self.variants, self.seconds = [""], None
        network, entry = configuration[0], configuration[3]
        self.compiled = [os.path.join(options.build, "bin/kinema"), "compile", spec_of(network), "-o", self.package,
                         "--mode", "train" if entry == "train_step" else "infer", *sized(options, configuration),
                         "--threads", str(options.threads), "--precision", options.precision]

    def compile(self):
        run(self.compiled)
        self.parameters = answer([self.runtime, "info", self.package, "--json"])["parameters"]["total"]

    def measure(self, variant):
        if not os.path.exists(self.package):
            self.compile()
        # How many runs fit is known from the round before.
        runs = 1 if self.seconds is None else max(1, min(self.options.runs, int(self.options.seconds / self.seconds)))
        document = answer([self.runtime, "bench", self.package, "--json", "--entry", self.configuration[3], "--runs", str(runs),
                           "--threads", str(self.options.threads), "--device", "cpu"])
        entry = document["entries"][0]
        self.seconds = entry["seconds"]
        return {key: entry[key] for key in ("runs", "macs", "floor")} | {key: document[key] for key in ("peak_memory_bytes", "peak")} | {"parameters": self.parameters}


class PyTorch:
    def __init__(self, python, options, configuration):
        self.python, self.options, self.configuration = python, options, configuration
        self.name, self.variants = f"pytorch ({python})", list(LAYOUTS)

    def measure(self, variant):
        network, frames, batch, entry = self.configuration
        numbers = (batch, frames, size_of(self.options, network), CLASSES, self.options.threads, self.options.runs, self.options.seconds)
        result = answer([self.python, os.path.join(HERE, "peer.py"), network, entry, variant, self.options.precision, *map(str, numbers)],
                        env=dict(os.environ) | {"OMP_NUM_THREADS": str(self.options.threads)})
        self.name = f"pytorch {result.pop('version').split('+')[0]}"
        return result


class Engine:
    """Runs the exported network, for inference."""

    def __init__(self, name, python, options, configuration, folder):
        self.engine, self.python, self.options, self.configuration = name, python, options, configuration
        self.name, self.variants, self.model = name, [""], os.path.join(folder, "network.onnx")

    def export(self):
        run([os.path.join(self.options.build, "bin/kinema"), "export", spec_of(self.configuration[0]), "--onnx", self.model,
             *sized(self.options, self.configuration)])

    def measure(self, variant):
        if not os.path.exists(self.model):
            self.export()
        result = ask_engine(self.python, self.engine, self.model, self.options, self.configuration[2])
        self.name = f"{self.engine} {result.pop('version')}"
        return result


def ask_engine(python, engine, model, options, batch=1, threads=None, cache=""):
    threads = options.threads if threads is None else threads
    return answer([python, os.path.join(HERE, "onnx_peer.py"), engine, model, options.precision, str(batch), str(threads), str(options.runs), str(options.seconds), cache],
                  env=dict(os.environ) | {"OMP_NUM_THREADS": str(threads or 1)})


def engines_of(options):
    """Returns the engines that there are, each with the first Python that has it."""
    found = {}
    for python, engine in itertools.product(options.python, ENGINES):
        try:
            if engine not in found:
                ask_engine(python, engine, "", options, threads=0)
                found[engine] = python
        except Failed:
            pass
    return found


def has_torch(python):
    return subprocess.run([python, "-c", "import torch, torchvision"], capture_output=True, check=False).returncode == 0


class Measured:
    """Holds the results of one contestant's rounds, by variant."""

    def __init__(self, contestant):
        self.contestant, self.rounds, self.error = contestant, {variant: [] for variant in contestant.variants}, None

    def add(self):
        """Runs one round of all variants or, once they are known, of the best one alone."""
        if self.error:
            return
        tried = [self.best()] if all(self.rounds.values()) else list(self.rounds)
        for variant in tried:
            try:
                self.rounds[variant].append(self.contestant.measure(variant))
            except Failed as failed:
                self.error = str(failed)

    def runs(self, variant):
        return [seconds for round in self.rounds[variant] for seconds in round["runs"]]

    def best(self):
        return min((variant for variant in self.rounds if self.rounds[variant]), key=lambda variant: statistics.median(self.runs(variant)))

    def result(self):
        if self.error:
            return {"contestant": self.contestant.name, "error": self.error}
        best = self.best()
        last = self.rounds[best][-1]
        result = {"contestant": self.contestant.name, "variant": best, "seconds": statistics.median(self.runs(best)), "runs": self.runs(best),
                  "tried": {variant: statistics.median(self.runs(variant)) for variant in self.rounds},
                  "peak_memory_bytes": max(round["peak_memory_bytes"] for round in self.rounds[best])}
        result |= {key: last[key] for key in ("macs", "floor", "parameters") if key in last}
        if "peak" in last:
            result["peak"] = {key: max(round["peak"][key] for round in self.rounds[best]) for key in last["peak"]}
        return result


def compare(options, configuration):
    """Returns the results of all contestants, Kinema's first."""
    with tempfile.TemporaryDirectory() as folder:
        contestants = [Kinema(options, configuration, folder)] + [PyTorch(python, options, configuration) for python in options.torches]
        if configuration[3] == "infer":
            contestants += [Engine(name, python, options, configuration, folder) for name, python in options.engines.items()]
        measured = [Measured(contestant) for contestant in contestants]
        for _ in range(options.rounds):
            for one in measured:
                one.add()
        results = [one.result() for one in measured]
    if len({result["parameters"] for result in results if "parameters" in result}) > 1:
        sys.exit(f"compare: {configuration[0]} is not the same network to all: " +
                 ", ".join(f"{result['contestant']} has {result.get('parameters')} parameters" for result in results))
    return results


def describe(configuration, results):
    network, frames, batch, entry = configuration
    told = "  ".join(f"{result['contestant']} " + (f"{1e3 * result['seconds']:.0f} ms" if "seconds" in result else f"failed: {result['error']}")
                     for result in results)
    return f"{network} {frames} frames, batch {batch}, {entry}: {told}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder of the build")
    parser.add_argument("--python", action="append", help="a Python with torch and torchvision, and perhaps openvino and onnxruntime; may be repeated (default: /usr/bin/python3)")
    parser.add_argument("--out", help="results without their endings (default: bench/results/cpu-N-cores, with -bf16 in that precision)")
    parser.add_argument("--zoo", action="store_true", help="other families, in batches of 2")
    parser.add_argument("--networks", nargs="+", choices=[*SPECS, *ZOO], help="default: all")
    parser.add_argument("--frames", nargs="+", type=int, default=[8, 16])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 2, 8])
    parser.add_argument("--entries", nargs="+", choices=ENTRIES, default=ENTRIES)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="bf16: PyTorch under autocast (default: fp32)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3, help="processes of each contestant")
    parser.add_argument("--runs", type=int, default=10, help="at most, in a round")
    parser.add_argument("--seconds", type=float, default=3, help="of runs in a round, as far as one run takes less")
    parser.add_argument("--continue", dest="goes_on", action="store_true", help="keep what OUT.jsonl has, and measure the rest")
    options = parser.parse_args()
    options.python = options.python or ["/usr/bin/python3"]
    options.engines = engines_of(options)
    options.torches = [python for python in options.python if python not in options.engines.values() or has_torch(python)]
    strangers = [network for network in options.networks or [] if (network in ZOO) != options.zoo]
    if strangers:
        parser.error(f"{', '.join(strangers)}: networks of other families go with --zoo, the four without")
    kind = ("-zoo" if options.zoo else "") + ("-bf16" if options.precision == "bf16" else "")
    options.out = options.out or os.path.join(ROOT, f"bench/results/cpu-{options.threads}-cores{kind}")
    return options


def main():
    options, described = parse(), machine()
    warn_if_busy()
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    path = options.out + ".jsonl"
    lines = report.read(path) if options.goes_on and os.path.exists(path) else []
    done = {report.configuration(line) for line in lines}
    failed = False
    with open(path, "a" if lines else "w") as file:  # what is kept is not written again: a stop could lose it
        for configuration in configurations(options):
            if configuration in done:
                continue
            results = compare(options, configuration)
            print(describe(configuration, results), flush=True)
            failed |= any("error" in result for result in results)
            common = dict(zip(("network", "frames", "batch", "entry"), configuration)) | {"size": size_of(options, configuration[0]), "threads": options.threads, "precision": options.precision}
            file.writelines(json.dumps(common | result | {"machine": described}) + "\n" for result in results)
            file.flush()
    report.write(options.out)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
