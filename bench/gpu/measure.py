"""Runs the parts of the GPU benchmark, each in its share of the time, and writes one report of all.

usage: measure.py BUNDLE OUT [CALL | PART ...]

a PART: ceilings, verify, kernels, training, sanitizer, speed, counters, tune, or PART:NAME,... (networks, cases, tools)
a CALL: 1, 2 or 3, parts in their order with their time (docs/benchmarks.md)

BUDGET (seconds; of a call its own, else 520) bounds all together. OUT gets results.json, table.txt, counters.csv and logs.tgz,
no more; they are written again every few seconds, so that what stops the program takes nothing along that was measured
before. What OUT has of earlier calls is kept and added to.
"""
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

import report
from support import patience

# Each part has at most so many seconds; the parts run in this order.
SHARES = {"ceilings": 90, "verify": 90, "kernels": 100, "training": 45, "sanitizer": 75, "speed": 100000, "counters": 90, "tune": 300}
# Each call has the parts of one stay on a machine, with the seconds of each part.
CALLS = {
    "1": (210, [("ceilings:golden,rate,basic", 45), ("verify", 60), ("kernels", 60), ("speed:r2plus1d_18-32", 100000)]),
    "2": (290, [("speed:r2plus1d_18-32,r3d_18-32", 160), ("counters", 90), ("training", 30)]),
    "3": (280, [("tune", 80), ("sanitizer:memcheck,r2plus1d-bf16,csn-bf16", 40), ("speed", 100000)]),
}
HOPELESS = 3  # exit status of a part behind which nothing can be right
PACKED = ("results.json", "table.txt", "counters.csv")  # what OUT has beside the logs
EVERY = 8  # seconds


class Keeper:
    """Brings what the parts leave in the folder `work` to OUT, now and then and at the end."""

    def __init__(self, work, out):
        self.work, self.out = work, out
        self.lock, self.stopped = threading.Lock(), threading.Event()
        earlier = os.path.join(out, "logs.tgz")
        if os.path.exists(earlier):
            report.unpack(earlier, work)
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped.wait(EVERY):
            self.keep()

    def keep(self):
        with self.lock:
            report.write(self.work)
            for name in PACKED:
                if os.path.exists(os.path.join(self.work, name)):
                    self.place(name, open(os.path.join(self.work, name), "rb").read())
            self.place("logs.tgz", self.packed())

    def packed(self):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz", compresslevel=3) as archive:
            for folder, folders, files in os.walk(self.work):
                folders[:] = sorted(set(folders) - {"work"})  # holds tensors, which are of no use later
                for name in sorted(set(files) - set(PACKED)):
                    path = os.path.join(folder, name)
                    try:
                        archive.add(path, os.path.relpath(path, self.work))
                    except FileNotFoundError:  # a part has just replaced its own file
                        pass
        return content.getvalue()

    def place(self, name, content):
        with open(os.path.join(self.out, name + ".new"), "wb") as file:
            file.write(content)
        os.replace(os.path.join(self.out, name + ".new"), os.path.join(self.out, name))

    def finish(self):
        self.stopped.set()
        self.thread.join()
        self.keep()


def machine():
    """Describes the machine, as far as it tells."""
    told = {"processors": os.cpu_count(), "python": sys.version.split()[0]}
    if shutil.which("nvidia-smi"):
        fields = "name,driver_version,memory.total,clocks.sm,clocks.max.sm,temperature.gpu,power.limit"
        done = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], capture_output=True, text=True)
        told["gpu"] = dict(zip(fields.split(","), (value.strip() for value in done.stdout.splitlines()[0].split(",")))) if done.stdout.strip() else done.stderr.strip()
    return told


def watch_clocks(work):
    """Records clocks, power and temperature, one line a second with its time, as long as the parts run."""
    if not shutil.which("nvidia-smi"):
        return None
    with open(os.path.join(work, "clocks.log"), "a") as log:
        return subprocess.Popen(["nvidia-smi", "dmon", "-s", "puc", "-d", "1", "-o", "T"], stdout=log, stderr=subprocess.STDOUT)


def run_part(bundle, out, wanted, seconds):
    """Runs one part and returns its {"status", "seconds"}; what it prints goes to PART.log."""
    name, _, chosen = wanted.partition(":")
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    begin = time.monotonic()
    with open(os.path.join(out, name + ".log"), "a") as log:
        process = subprocess.Popen([sys.executable, program, bundle, out, str(seconds), *(chosen.split(",") if chosen else [])],
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(seconds + 10)  # parts keep to the time themselves
        except subprocess.TimeoutExpired:
            status = "out of time"
        try:  # ends the part with all that it began
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return {"part": wanted, "status": status, "begin": time.strftime("%H:%M:%S", time.localtime(time.time() - (time.monotonic() - begin))),
            "seconds": round(time.monotonic() - begin, 1)}


def plan(wanted):
    """Returns (seconds of all, [(part, its seconds)])."""
    if len(wanted) == 1 and wanted[0] in CALLS:
        return CALLS[wanted[0]]
    for part in wanted:
        if part.partition(":")[0] not in SHARES:
            sys.exit(f"there is no part {part}; there are {', '.join(SHARES)}, PART:NAME, and the calls {', '.join(CALLS)}")
    return 520, [(part, SHARES[part.partition(":")[0]]) for part in wanted or SHARES]


def run_parts(bundle, work, parts, end):
    """Runs the parts and returns whether all have passed."""
    passed, stopped = True, None
    for part, seconds in parts:
        left = end - time.monotonic() - 15
        if stopped or left < 5:
            told = {"part": part, "status": f"not begun: {stopped} failed" if stopped else "not begun: no time was left", "seconds": 0}
        else:
            told = run_part(bundle, work, part, min(left, patience() * seconds))
        with open(os.path.join(work, "parts.jsonl"), "a") as file:
            file.write(json.dumps(told) + "\n")
        print(f"{part}: {'passed' if told['status'] == 0 else told['status']}, {told['seconds']} s", flush=True)
        passed &= told["status"] == 0
        if told["status"] == HOPELESS:
            stopped = part.partition(":")[0]
    return passed


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    bundle, out, *wanted = sys.argv[1:]
    budget, parts = plan(wanted)
    os.makedirs(out, exist_ok=True)
    end = time.monotonic() + float(os.environ.get("BUDGET", budget))
    with tempfile.TemporaryDirectory() as work:
        keeper = Keeper(work, out)
        with open(os.path.join(work, "machine.json"), "w") as file:
            json.dump(machine(), file)
        clocks = watch_clocks(work)
        passed = run_parts(bundle, work, parts, end)
        if clocks:
            clocks.kill()
            clocks.wait()
        keeper.finish()
    print(open(os.path.join(out, "table.txt")).read(), end="")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
