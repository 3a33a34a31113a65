"""Runs the parts of the GPU benchmark, each in its share of the time, and writes one report of all.

usage: measure.py BUNDLE OUT [PART ...]        a PART: kernels, training, sanitizer, speed, or PART:NAME (a network, a case)

BUDGET (seconds, 520) bounds all together. OUT gets results.json, table.txt and what each part printed; earlier parts
in the same OUT are kept, so that the work can be split over several calls.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import report
from support import patience

SHARES = {"kernels": 100, "training": 45, "sanitizer": 75, "speed": 100000}  # seconds at the most, in this order


def machine():
    """What the machine is, as far as it says."""
    told = {"processors": os.cpu_count(), "python": sys.version.split()[0]}
    if shutil.which("nvidia-smi"):
        fields = "name,driver_version,memory.total,clocks.sm,clocks.max.sm,temperature.gpu,power.limit"
        done = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], capture_output=True, text=True)
        told["gpu"] = dict(zip(fields.split(","), (value.strip() for value in done.stdout.splitlines()[0].split(",")))) if done.stdout.strip() else done.stderr.strip()
    return told


def run_part(bundle, out, wanted, seconds):
    """{"status", "seconds"} of one part; what it prints goes to PART.log."""
    name, _, chosen = wanted.partition(":")
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    begin = time.monotonic()
    with open(os.path.join(out, name + ".log"), "a") as log:
        process = subprocess.Popen([sys.executable, program, bundle, out, str(seconds), *([chosen] if chosen else [])],
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(seconds + 10)  # parts look at the time themselves
        except subprocess.TimeoutExpired:
            status = "out of time"
        try:  # with all that it began
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return {"part": wanted, "status": status, "seconds": round(time.monotonic() - begin, 1)}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    bundle, out, *wanted = sys.argv[1:]
    for part in wanted:
        if part.partition(":")[0] not in SHARES:
            sys.exit(f"there is no part {part}; there are {', '.join(SHARES)}, and PART:NAME")
    os.makedirs(out, exist_ok=True)
    end = time.monotonic() + float(os.environ.get("BUDGET", 520))
    with open(os.path.join(out, "machine.json"), "w") as file:
        json.dump(machine(), file)
    statuses = []
    for part in wanted or SHARES:
        left = end - time.monotonic() - 15
        if left < 5:
            told = {"part": part, "status": "not begun: no time was left", "seconds": 0}
        else:
            told = run_part(bundle, out, part, min(left, patience() * SHARES[part.partition(":")[0]]))
        statuses.append(told)
        with open(os.path.join(out, "parts.jsonl"), "a") as file:
            file.write(json.dumps(told) + "\n")
        print(f"{part}: {'passed' if told['status'] == 0 else told['status']}, {told['seconds']} s", flush=True)
        report.write(out)  # what there is so far
    print(open(os.path.join(out, "table.txt")).read(), end="")
    shutil.rmtree(os.path.join(out, "work"), ignore_errors=True)
    sys.exit(any(told["status"] != 0 for told in statuses))


if __name__ == "__main__":
    main()
