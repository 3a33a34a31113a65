"""Implements the part `ceilings`: measures what this GPU can do at the most, and checks that its matrix instructions read
shared memory as the kernels expect. Ends with exit status 3 where a product of the golden check is wrong: no kernel can be
right then."""
import json
import os
import shutil
import subprocess
import sys

from support import Failed, Part, last_line

# The programs run in this order: (program, what it is to do, seconds).
RUNS = [("wgmma_rate", "golden", 40), ("wgmma_rate", "rate", 40), ("memory_rate", "basic", 30), ("memory_rate", "verify", 20), ("memory_rate", "fill", 40)]


def program(part, name):
    """Returns the program of the bundle or, in a rehearsal, where there is no GPU for it, the one in the PATH."""
    bundled = part.file("bin", name)
    return bundled if os.path.exists(bundled) else shutil.which(name)


def lines(path):
    return [json.loads(line) for line in open(path)] if os.path.exists(path) else []


def run(part, name, what, seconds):
    """Runs the program and returns the lines that it has left; raises Failed."""
    path = program(part, name)
    results = os.path.join(part.work, f"{name}.{what}.jsonl")
    more = [os.path.join(part.out, "products.bin")] if what == "golden" else []
    try:
        done = subprocess.run([path, what, results, *more], capture_output=True, text=True, timeout=part.limit(seconds))
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {part.limit(seconds):.0f} s: {name} {what}") from None
    print(done.stdout, flush=True)
    found = lines(results)
    if done.returncode and not found:
        raise Failed(f"{name} {what}: {last_line(done.stderr) or last_line(done.stdout) or f'exit status {done.returncode}'}")
    return found


def verdict(what, found):
    """Returns the fields that report a run, among them `passed` where it can be right or wrong."""
    if what == "golden":
        golden = [line for line in found if line["test"] == "wgmma_golden" and not line["question"]]
        wrong = [f"{line['case']} n={line['n']} shift={line['shift']}{line['note']}" for line in golden if not line["pass"]]
        return {"passed": bool(golden) and not wrong, "products": len(golden), "wrong": wrong[:20],
                "answers": {f"{line['case']} {line['shift'] or line['n']}": line["pass"] for line in found if line.get("question")}}
    if what == "verify":
        wrong = [line["case"] for line in found if not line["pass"]]
        return {"passed": bool(found) and not wrong, "copies": len(found), "wrong": wrong}
    if what == "rate":
        return {"flops": 1e12 * max(line["tflops"] for line in found), "rates": found}
    if what == "basic":
        moved = [line for line in found if line["test"] != "l2_read_all"]
        return {"bandwidth": 1e9 * max(line["gb_s"] for line in moved), "rates": found}
    return {"rates": found}


def main():
    part = Part("ceilings")
    hopeless = False
    for name, what, seconds in RUNS:
        if part.chosen and what not in part.chosen:
            continue
        if not program(part, name):
            part.add(program=name, what=what, skipped="the bundle has no such program: there was no nvcc where it was made")
            continue
        if part.left() < 5:
            part.add(program=name, what=what, skipped="no time was left")
            continue
        try:
            told = verdict(what, run(part, name, what, seconds))
            part.add(program=name, what=what, **told)
            hopeless |= what == "golden" and bool(told["wrong"])
        except (Failed, OSError, ValueError, KeyError) as error:
            part.add(program=name, what=what, error=str(error))
    if hopeless:
        sys.exit(3)
    part.finish()


if __name__ == "__main__":
    main()
