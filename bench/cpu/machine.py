"""Describes the machine that measures in a few words, for every result, and writes the results."""
import json
import os
import platform
import re
import sys

# Starts processes of this machine, however few cores it has and whoever asks.
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe"]

# These features of a processor decide which kernels run.
VECTORS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd")


def machine():
    with open("/proc/cpuinfo") as file:
        processor = file.read()
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+) kB", file.read()).group(1)) * 1024
    flags = re.search(r"^(?:flags|Features)\s*:(.*)$", processor, re.M)
    name = re.search(r"^model name\s*:\s*(.*)$", processor, re.M)
    return {"processor": name.group(1) if name else platform.processor(), "flags": [flag for flag in VECTORS if flags and flag in flags.group(1).split()],
            "cores": len(os.sched_getaffinity(0)), "memory_bytes": memory, "kernel": re.match(r"[0-9.]+", platform.release()).group(0)}


def warn_if_busy():
    """Warns where the machine does something else too, since times then say little."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: the machine is busy (load {load:.1f} in the last minute): wait until it is idle to compare times", file=sys.stderr)


def peak_memory(process="self"):
    """Returns the most bytes that a process has held."""
    with open(f"/proc/{process}/status") as file:
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1))


def write_results(out, lines, text):
    """Writes what a benchmark measured: a line of JSON each, and the text that people read."""
    with open(out + ".jsonl", "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    with open(out + ".md", "w") as file:
        file.write(text)
