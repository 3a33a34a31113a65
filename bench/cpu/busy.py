"""Measures what a step costs beside other programs that compute: Kinema with one thread and with two, on an idle machine and beside 1 and 2 busy processes; PyTorch too.

usage: busy.py [--others 0 1 2] [--out OUT]

The networks: R3D-18 on small clips, and heads.arch, whose step is many small launches (PyTorch has R3D-18 alone). Each measurement is a
process of its own, all in turn, as many times as there are rounds; each result is the median of all runs. Writes OUT.jsonl and the table OUT.md.
"""
import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile

from compare import HERE, ROOT, Failed, PyTorch, answer
from machine import machine, warn_if_busy, write_results

THREADS = (1, 2)
NETWORKS = {"r3d_18": os.path.join(ROOT, "models/r3d_18.arch"), "heads": os.path.join(HERE, "heads.arch")}
BUSY = "while True: pass"


@contextlib.contextmanager
def beside(others):
    """Runs so many processes that compute meanwhile, each in a session of its own, like another user's."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) for _ in range(others)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def compile_network(options, network, folder):
    package = os.path.join(folder, network + ".kinema")
    sizes = ["--frames", str(options.frames), "--size", str(options.size)] if network != "heads" else []
    done = subprocess.run([os.path.join(options.build, "bin/kinema"), "compile", NETWORKS[network], "-o", package, "--batch", str(options.batch), *sizes,
                           "--threads", str(max(THREADS))], capture_output=True, text=True)
    if done.returncode:
        raise Failed(done.stderr.strip())
    return package


def kinema(options, package, threads):
    document = answer([os.path.join(options.build, "bin/kinema-runtime"), "bench", package, "--json", "--entry", "train_step", "--runs", str(options.runs),
                       "--threads", str(threads), "--device", "cpu"])
    return document["entries"][0]["runs"]


def pytorch(options, network, threads):
    options = argparse.Namespace(**vars(options) | {"threads": threads, "seconds": 30, "precision": "fp32"})
    return PyTorch(options.python, options, (network, options.frames, options.batch, "train_step")).measure("contiguous")["runs"]


def measure(options, network):
    """Returns the seconds of all runs, by contestant, threads and other programs."""
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        package = compile_network(options, network, folder)
        for _ in range(options.rounds):
            for others in options.others:
                with beside(others):
                    for threads in THREADS:
                        runs.setdefault(("Kinema", threads, others), []).extend(kinema(options, package, threads))
                        if network != "heads":
                            runs.setdefault(("PyTorch", threads, others), []).extend(pytorch(options, network, threads))
    return [{"network": network, "contestant": contestant, "threads": threads, "others": others, "seconds": statistics.median(seconds), "runs": seconds}
            for (contestant, threads, others), seconds in sorted(runs.items())]


def table(lines, others):
    text = f"| network | | threads |{''.join(f' beside {count}, ms |' for count in others)}\n|---|---|---|{'---|' * len(others)}\n"
    times = {(line["network"], line["contestant"], line["threads"], line["others"]): line["seconds"] for line in lines}
    for row in dict.fromkeys(key[:3] for key in times):
        text += f"| {' | '.join(map(str, row))} |{''.join(f' {1e3 * times[(*row, count)]:.0f} |' for count in others)}\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--python", default="/usr/bin/python3", help="with torch and torchvision")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results/cpu-busy"))
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--others", nargs="+", type=int, default=[0, 1, 2], help="busy processes beside it")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=56)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10, help="in a round")
    options = parser.parse_args()
    warn_if_busy()
    lines, described = [], machine()
    for network in options.networks:
        try:
            lines += measure(options, network)
        except Failed as failed:
            sys.exit(f"busy: {network}: {failed}")
        print(table([line for line in lines if line["network"] == network], options.others), flush=True)
    write_results(options.out, [line | {"machine": described} for line in lines],
                  f"# Beside other programs\n\nA step of training, median, beside so many busy processes; {described['processor']}, {described['cores']} cores. "
                  f"r3d_18: {options.frames} frames of {options.size}x{options.size}, batch {options.batch}.\n\n{table(lines, options.others)}")


if __name__ == "__main__":
    main()
