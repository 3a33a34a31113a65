"""Implements the part `counters`: Nsight Compute's counters of the kernels that take most time: what goes through shared memory, L2 and memory,
how busy the tensor cores are; and the samples of each instruction, which say where warps wait (samples.py)."""
import csv
import glob
import io
import json
import os
import shutil
import subprocess

import samples
from support import Failed, Part, device_environment, last_line

# The table has these; counters.csv has all.
METRICS = {"gpu__time_duration.sum": "time", "sm__inst_executed_pipe_tensor_op_hmma.avg.pct_of_peak_sustained_active": "tensor pipe %",
           "sm__throughput.avg.pct_of_peak_sustained_elapsed": "multiprocessor %", "l1tex__throughput.avg.pct_of_peak_sustained_active": "L1 and shared %",
           "lts__throughput.avg.pct_of_peak_sustained_elapsed": "L2 %", "dram__throughput.avg.pct_of_peak_sustained_elapsed": "memory %"}


def find_profiler():
    homes = [os.environ.get("CUDA_HOME", ""), "/usr/local/cuda", *sorted(glob.glob("/opt/nvidia/nsight-compute/*"), reverse=True)]
    return shutil.which("ncu") or next((path for home in homes for path in (os.path.join(home, "bin", "ncu"), os.path.join(home, "ncu"))
                                        if os.access(path, os.X_OK)), None)


def heaviest(part, one):
    """Returns [(entry, kernel, layer, seconds of all its launches)] of a step and of an inference, as part `speed` has measured them, else as measured here."""
    sums = {}
    for entry in ("train_step", "infer"):
        measured = os.path.join(part.out, f"launches.{one['network']}.{one['batch']}.{entry}.json")
        if os.path.exists(measured):
            launches = json.load(open(measured))
        else:
            told = part.runtime(part.file(one["package"]), "bench", "--entry", entry, "--runs", "1", "--per-kernel", "--json", seconds=60)
            launches = json.loads(told.stdout)["entries"][0]["launches"]
        for launch in launches:
            _, _, layer, seconds = sums.get(launch["kernel"], (None, None, launch["layer"], 0))
            sums[launch["kernel"]] = (entry, launch["kernel"], layer, seconds + launch["seconds"])
    return sorted(sums.values(), key=lambda kernel: -kernel[3])[:part.contents["counters"]]


def rows_of(text):
    """Returns the header, the units and the kernels' rows of the profiler's CSV, which stands among what the program prints."""
    lines = text.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    return list(csv.reader(io.StringIO("\n".join(lines[begin:])))) if begin is not None else []


def call(part, line, kernel, environment=None):
    try:
        return subprocess.run(line, capture_output=True, text=True, timeout=part.limit(40), env=environment)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {part.limit(40):.0f} s: {kernel}") from None


def keep_samples(part, profiler, report, kernel):
    """Keeps where the kernel's warps were sampled, instruction by instruction, and returns the places where they wait most."""
    folder = os.path.join(part.out, "samples")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, kernel + ".csv")
    with open(path, "w") as file:
        file.write(call(part, [profiler, "--import", report, "--page", "source", "--csv"], kernel).stdout)
    return samples.summary(path)


def profile(part, profiler, one, entry, kernel, layer, seconds, profiled):
    package, base = part.file(one["package"]), os.path.join(part.work, kernel)
    report = base + ".ncu-rep"  # the profiler adds that
    line = [profiler, "--set", "full", "--clock-control", "none", "--kernel-name", kernel, "--launch-count", "1", "--kill", "yes", "-f", "-o", base,
            *part.command(package, "bench", "--entry", entry, "--runs", "1", "--device", "cuda")]
    done = call(part, line, kernel, device_environment(package) | {"KINEMA_CUDA_SYNC": "1"})
    rows = rows_of(call(part, [profiler, "--import", report, "--page", "raw", "--csv"], kernel).stdout) if os.path.exists(report) else []
    if len(rows) < 3:
        raise Failed(last_line(done.stderr) or last_line(done.stdout) or f"the profiler has left no counters, exit status {done.returncode}")
    with open(os.path.join(part.out, "counters.csv"), "a") as file:
        csv.writer(file).writerows(rows if not profiled else rows[2:])
    values = dict(zip(rows[0], rows[2]))
    units = dict(zip(rows[0], rows[1]))
    part.add(network=one["network"], batch=one["batch"], entry=entry, kernel=kernel, layer=layer, seconds=seconds,
             counters={name: f"{values[metric]} {units[metric]}" for metric, name in METRICS.items() if metric in values},
             waits=keep_samples(part, profiler, report, kernel))
    os.remove(report)


def main():
    part = Part("counters")
    profiler = find_profiler()
    chosen = [one for one in part.contents["speed"] if part.wants(one)][:1]
    if not profiler or not chosen:
        part.add(skipped="there is no ncu on this machine" if chosen else "there is no such network")
        part.finish()
    profiled = 0
    try:
        kernels = heaviest(part, chosen[0])
    except Failed as error:
        part.add(error=str(error))
        kernels = []
    for entry, kernel, layer, seconds in kernels:
        if part.left() < 10:
            part.add(kernel=kernel, layer=layer, skipped="no time was left")
            continue
        try:
            profile(part, profiler, chosen[0], entry, kernel, layer, seconds, profiled)
            profiled += 1
        except (Failed, OSError, ValueError, KeyError) as error:
            part.add(kernel=kernel, layer=layer, error=str(error))
    part.finish()


if __name__ == "__main__":
    main()
