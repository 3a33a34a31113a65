"""Reads what Nsight Compute samples of each instruction of a kernel (`--page source --csv`): where its warps are, and what they wait for.

usage: samples.py FILE.csv [FROM TO]      the file is one of samples/ in logs.tgz (docs/benchmarks.md)

It lists the runs of instructions that are executed as often as each other (loops and what is between them) with their shares
of all samples, and the instructions at which warps wait most; with FROM and TO, the machine code from one number to the other.
"""
import csv
import sys

LEAST_SHARE = 0.01  # of a run of instructions that is listed
MOST = 20  # instructions that are listed


def instructions(path):
    """Returns [{"number", "code", "samples", "executed" (by warps), "waits": what the samples wait for most}]."""
    rows = list(csv.reader(open(path)))
    begin = next((i for i, row in enumerate(rows) if row and row[0] == "Address"), None)
    if begin is None:
        return []
    found = []
    for number, row in enumerate(rows[begin + 1:]):
        fields = dict(zip(rows[begin], row))
        if not fields.get("# Samples", "").isdigit() or not fields.get("Instructions Executed", "").isdigit():
            continue  # no instruction
        stalls = {name: int(value) for name, value in fields.items() if name.startswith("stall_") and "Not Issued" not in name and value.isdigit()}
        found.append({"number": number, "code": fields.get("Source", "").strip(), "samples": int(fields["# Samples"]), "executed": int(fields["Instructions Executed"]),
                      "waits": max(stalls, key=stalls.get).removeprefix("stall_") if any(stalls.values()) else "-"})
    return found


def heaviest(code, most=MOST):
    return sorted(code, key=lambda one: -one["samples"])[:most]


def runs(code):
    """Returns [(first number, last number, times executed, samples)]."""
    found = []
    for one in code:
        if found and found[-1][2] == one["executed"]:
            first, _, executed, samples = found[-1]
            found[-1] = (first, one["number"], executed, samples + one["samples"])
        else:
            found.append((one["number"], one["number"], one["executed"], one["samples"]))
    return found


def line(one, all_samples):
    return f"{one['number']:5} {one['samples'] / all_samples:6.1%} {one['executed']:9} {one['waits']:18} {one['code']}"


def summary(path, most=3):
    """Returns the instructions at which warps wait most, a line for each, for the table."""
    code = instructions(path)
    every = max(1, sum(one["samples"] for one in code))
    return [f"{one['samples'] / every:.0%} {one['waits']} at {one['code']}" for one in heaviest(code, most) if one["samples"]]


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    code = instructions(sys.argv[1])
    every = max(1, sum(one["samples"] for one in code))
    if len(sys.argv) == 4:
        print("\n".join(line(one, every) for one in code[int(sys.argv[2]):int(sys.argv[3])]))
        return
    print(f"{every} samples of {len(code)} instructions")
    for first, last, executed, samples in runs(code):
        if samples >= LEAST_SHARE * every:
            print(f"{first:5} to {last:5} {samples / every:6.1%} executed {executed} times")
    print("\n".join(line(one, every) for one in heaviest(code)))


if __name__ == "__main__":
    main()
