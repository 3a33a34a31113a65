"""Times a package in Kinema's library, as onnx_peer.py times a model in another engine.

usage: library_peer.py PACKAGE THREADS RUNS SECONDS
       library_peer.py PACKAGE WEIGHTS              initialises weights and writes them

The library is KINEMA_LIBRARY of the environment. A package has its weights with it.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../python"))
import kinema  # noqa: E402
from runs import time_runs  # noqa: E402


def opened(path, threads):
    package = kinema.load(path)
    session = package.session("cpu", threads=threads)  # loads the weights that the package carries
    return session, next(iter(package.inputs.values())).shape


def main():
    package = sys.argv[1]
    if len(sys.argv) == 3:
        kinema.load(package).session("cpu").initialise(seed=1).save(sys.argv[2])
        return
    threads, runs, seconds = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    print(json.dumps({"version": kinema.__version__} | time_runs(lambda: opened(package, threads), runs, seconds)))


if __name__ == "__main__":
    main()
