"""Measures how long one clip takes: each run by itself, and the first from the file to the result, in a process that has just begun.

usage: latency.py [--networks r2plus1d_18 r3d_18] [--frames 16] [--threads 1 2] [--precision fp32] [--out OUT]

Kinema runs in its library, by Python, from a package with weights; OpenVINO and ONNX Runtime run what `kinema export` writes,
OpenVINO also from a cache of what it has compiled before. Each measurement is a process of its own, all in turn; the network's files are
read before it, so that they are in the system's cache. Of each the median of the rounds' medians, and the median of the firsts. Writes OUT.jsonl and the table OUT.md.
"""
import argparse
import os
import statistics
import sys
import tempfile

from compare import ENGINES, HERE, ROOT, SPECS, Failed, answer, ask_engine, engines_of, run, sized, spec_of
from machine import machine, warn_if_busy, write_results
from report import TITLES


def prepare(options, network, folder):
    """Writes the network, with weights, as a package and in ONNX; returns the two paths."""
    size = sized(options, (network, options.frames, 1, "infer"))
    kinema, package, weights, model = os.path.join(options.build, "bin/kinema"), *(os.path.join(folder, name) for name in ("network.kinema", "weights.safetensors", "network.onnx"))
    compiled = [kinema, "compile", spec_of(network), "-o", package, "--mode", "infer", "--threads", str(max(options.threads)), "--precision", options.precision, *size]
    run(compiled)
    run([*library(options, package), weights])
    run([*compiled, "--weights", weights])
    run([kinema, "export", spec_of(network), "--onnx", model, "--weights", weights, *size])
    return package, model


def library(options, package):
    return ["env", f"KINEMA_LIBRARY={os.path.join(options.build, 'lib/libkinema.so.1')}", "/usr/bin/python3", os.path.join(HERE, "library_peer.py"), package]


def contestants(options, package, model, folder, threads):
    """Returns what measures each contestant, by its name. OpenVINO's cache is filled by its first round, which does not count."""
    runs = [str(threads), str(options.runs), str(options.seconds)]
    found = {"kinema": lambda: answer([*library(options, package), *runs])}
    for engine, python in options.engines.items():
        if engine == "onnxruntime" and options.precision != "fp32":
            continue
        found[engine] = lambda engine=engine, python=python: ask_engine(python, engine, model, options, 1, threads)
        if engine == "openvino":
            cache = os.path.join(folder, f"cache-{threads}")
            found["openvino, cached"] = lambda python=python, cache=cache: ask_engine(python, "openvino", model, options, 1, threads, cache)
    if "openvino, cached" in found:
        found["openvino, cached"]()
    return found


def bring_to_memory(folder):
    """Reads all files of a folder, which the system may have dropped from its cache."""
    for place, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(place, name), "rb") as file:
                while file.read(1 << 24):
                    pass


def measure(options, network):
    """Returns a result of each contestant and number of threads."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        package, model = prepare(options, network, folder)
        for threads in options.threads:
            found = contestants(options, package, model, folder, threads)
            rounds = {name: [] for name in found}
            for _ in range(options.rounds):
                for name, ask in found.items():
                    bring_to_memory(folder)
                    rounds[name].append(ask())
            for name, measured in rounds.items():
                results.append({"network": network, "frames": options.frames, "size": options.size, "precision": options.precision, "threads": threads,
                                "contestant": name, "version": measured[0]["version"], "seconds": statistics.median(statistics.median(one["runs"]) for one in measured),
                                "first": statistics.median(one["first"] for one in measured), "rounds": options.rounds, "firsts": [one["first"] for one in measured],
                                "peak_memory_bytes": max(one["peak_memory_bytes"] for one in measured)})
    return results


def table(lines):
    text = "| network | clip | threads | contestant | a clip, ms | of Kinema's | first, ms | of Kinema's | GB |\n|---|---|---|---|---|---|---|---|---|\n"
    ours = {(line["network"], line["threads"]): line for line in lines if line["contestant"] == "kinema"}
    for line in lines:
        own = ours[line["network"], line["threads"]]
        text += (f"| {TITLES[line['network']]} | {line['frames']}x{line['size']}x{line['size']} | {line['threads']} | {line['contestant']} | {1e3 * line['seconds']:.1f} | "
                 f"{line['seconds'] / own['seconds']:.2f} | {1e3 * line['first']:.0f} | {line['first'] / own['first']:.2f} | {line['peak_memory_bytes'] / 1e9:.2f} |\n")
    return text


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--python", action="append", help="a Python with openvino or onnxruntime; may be repeated (default: /usr/bin/python3)")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results/cpu-latency"))
    parser.add_argument("--networks", nargs="+", choices=SPECS, default=["r2plus1d_18", "r3d_18"])
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="processes of each contestant")
    parser.add_argument("--runs", type=int, default=10, help="at most, in a round")
    parser.add_argument("--seconds", type=float, default=3, help="of runs in a round")
    options = parser.parse_args()
    options.python = options.python or ["/usr/bin/python3"]
    options.engines = engines_of(options)
    missing = [engine for engine in ENGINES if engine not in options.engines]
    if missing:
        print(f"not compared with {', '.join(missing)}, which none of {', '.join(options.python)} has", file=sys.stderr)
    return options


def main():
    options = parse()
    warn_if_busy()
    lines = []
    for network in options.networks:
        try:
            lines += measure(options, network)
        except Failed as failed:
            sys.exit(f"latency: {network}: {failed}")
        print(table([line for line in lines if line["network"] == network]), flush=True)
    described = machine()
    write_results(options.out, [line | {"machine": described} for line in lines],
                  f"# How long one clip takes on a CPU\n\n{described['processor']} ({', '.join(described['flags'])}), {described['cores']} cores. A clip: the median of runs "
                  f"one after the other. First: from the file to the first result, in a new process that has imported Kinema, or the engine (OpenVINO loads what reads ONNX and what runs on CPUs within that time); the median of {options.rounds} processes.\n\n{table(lines)}")


if __name__ == "__main__":
    main()
