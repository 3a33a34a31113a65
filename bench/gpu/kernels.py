"""Implements the part `kernels`: compares the kernels' results on this GPU with reference results that came with the bundle.

Each case is a network: its scores, and loss, gradients, statistics and weights after one step of SGD, twice, since two
runs must give the same bits. Small networks have the results of the emulator (halves and terms: the same arithmetic but for the order
in which a tensor core adds) or of the CPU (fp32); networks in their full size have the CPU's in fp32. Part `verify` says
which kernel it is.
"""
import os
from concurrent.futures import ThreadPoolExecutor

import safetensors
import sketches
from support import Failed, Part


def entry_results(part, case, entry, number):
    """Runs an entry and returns where its results are."""
    output = os.path.join(part.work, f"{case['name']}.{entry}.{number}.safetensors")
    arguments = ["--input", part.file(case["input"]), "--output", output]
    arguments += ["--weights", part.file(case["weights"])] if case.get("weights") else []
    arguments += ["--step", *case["step"]] if entry == "step" else []
    part.runtime(part.file(case["package"]), "run", *arguments, seconds=60)
    return output


def same_bytes(first, second):
    return open(first, "rb").read() == open(second, "rb").read()


def measure(part, case):
    """Returns the distances to what is expected, and whether two runs gave the same bits."""
    worst, same = {}, True
    for entry in ("infer", "step"):
        first, second = (entry_results(part, case, entry, number) for number in (1, 2))
        same &= same_bytes(first, second)
        compare(worst, entry, sketches.sketches(first), safetensors.load(part.file(case["expected"][entry])), case["bounds"])
        for file in (first, second):
            os.remove(file)
    return verdict(worst, same)


def compare(worst, entry, found, wanted, bounds):
    """Adds, for each kind of tensor, the one that comes nearest its bound or is farthest beyond it. A bound belongs to a
    tensor or to its kind."""
    for name, far in sketches.distances(found, wanted).items():
        kind = sketches.kind(name)
        bound = bounds[entry].get(name, bounds[entry].get(kind))
        told = worst.setdefault(f"{entry}.{kind}", {"tensor": name, "far": far, "bound": bound})
        if far / bound > told["far"] / told["bound"]:
            told |= {"tensor": name, "far": far, "bound": bound}


def verdict(worst, same):
    passed = same is not False and all(told["far"] <= told["bound"] for told in worst.values())
    return {"passed": passed, "distances": worst, "same_bits": same}


def check(part, case):
    what = {"case": case["name"], "reference": case["reference"]}
    if part.left() < 5:
        return part.add(**what, skipped="no time was left")
    try:
        return part.add(**what, **measure(part, case))
    except (Failed, ValueError, OSError) as error:
        return part.add(**what, passed=False, error=str(error))


def main():
    part = Part("kernels")
    cases = [case for case in part.contents["cases"] if not part.chosen or case["name"] in part.chosen]
    with ThreadPoolExecutor(4) as pool:  # most of a run is the process's beginning
        list(pool.map(lambda case: check(part, case), cases))
    part.finish()


if __name__ == "__main__":
    main()
