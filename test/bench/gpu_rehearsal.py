"""Runs bench/gpu.sh from its bundle to its table, without a GPU: with a tiny bundle, a library in place of the driver, which
runs kernels in the emulator, and programs in place of NVIDIA's. Every field must be there, and what fails must show.

usage: gpu_rehearsal.py KINEMA STANDIN        STANDIN is the folder of that library
"""
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The sanitizer finds something in one network's step with racecheck; for synccheck it runs nothing, to be quick.
SANITIZER = """#!/usr/bin/env bash
[ "$1" = --tool ] && [ "$3" = --error-exitcode ] || exit 3
tool=$2 code=$4
shift 4
[ $tool = synccheck ] || "$@" || exit
[ $tool = racecheck ] && echo "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)"
[[ $tool = racecheck && "$*" = *branches*--step* ]] || { echo "========= ERROR SUMMARY: 0 errors"; exit 0; }
echo "========= COMPUTE-SANITIZER"
echo "========= Error: Race reported between Write access at k1 and Read access at k1 [4 hazards]"
echo "========= RACECHECK SUMMARY: 4 hazards displayed (4 errors, 0 warnings)"
exit $code
"""

# The profiler leaves a report of the kernel that it is asked for, which must be one of the program's, and tells a counter and the samples of two
# instructions from it.
PROFILER = """#!/usr/bin/env bash
if [ "$1" = --import ]; then
  kernel=$(cat $2)
  [ $4 = raw ] && echo '"ID","Kernel Name","gpu__time_duration.sum","lts__throughput.avg.pct_of_peak_sustained_elapsed"
"","","us","%"
"0","'$kernel'","1.5","40"'
  [ $4 = source ] && echo '"Kernel Name","'$kernel'",
"Address","Source","# Samples","Instructions Executed","stall_barrier","stall_long_sb","stall_barrier (Not Issued)"
"0x10","  MEMBAR.ALL.GPU","30","4","2","28","0"
"0x20","  EXIT","10","4","10","0","0"'
  exit 0
fi
while [ $# -gt 0 ] && [ "$1" != --kernel-name ]; do shift; done
kernel=$2
while [ $# -gt 0 ] && [ "$1" != -o ]; do shift; done
report=$2
while [ $# -gt 0 ] && [[ "$1" != *kinema-runtime ]]; do shift; done
[ -n "$KINEMA_CUDA_SYNC" ] && "$@" > /dev/null || exit
echo $kernel > $report.ncu-rep
"""
# The monitor answers the question for the machine, then prints a line a second.
MONITOR = """#!/usr/bin/env bash
[[ "$1" == --query-gpu=* ]] && { echo "stand-in, 580.1, 1 MiB, 1 MHz, 2 MHz, 30, 700 W"; exit; }
while true; do echo "12:00:00 0 100 1980"; sleep 1; done
"""
# These programs tell what the GPU can do at the most. A product is wrong where WRONG_PRODUCT is set.
PRODUCTS = """#!/usr/bin/env bash
[ $1 = golden ] && echo '{"test":"wgmma_golden","case":"c8_fprop","n":64,"shift":0,"pass":'${WRONG_PRODUCT:-true}',"question":false,"note":""}' > $2
[ $1 = golden ] && echo '{"test":"wgmma_golden","case":"sw128_MN","n":144,"shift":0,"pass":false,"question":true,"note":""}' >> $2
[ $1 = rate ] && echo '{"test":"wgmma_rate","mode":"c8_fprop","n":64,"warpgroups":2,"transform":0,"tflops":500.0}' > $2
true
"""
MEMORY = """#!/usr/bin/env bash
[ $1 = basic ] && echo '{"test":"copy_kernel_rw","gb_s":2000.0}' > $2
[ $1 = verify ] && echo '{"test":"tma_verify","case":"left halo","pass":true}' > $2
[ $1 = fill ] && echo '{"test":"tma_fill","landed_gb_s":900.0}' > $2
true
"""
PROGRAMS = {"compute-sanitizer": SANITIZER, "ncu": PROFILER, "nvidia-smi": MONITOR, "wgmma_rate": PRODUCTS, "memory_rate": MEMORY}

COMPARISON = {"network", "batch", "entry", "variants_tried", "variants_measured", "kinema_seconds", "kinema_clips", "kinema_bytes", "floor_seconds",
              "predicted_seconds", "launch_seconds", "times_floor"}
PEER = {"pytorch_seconds", "pytorch_clips", "pytorch_bytes", "pytorch_variant", "speedup"}
LAUNCH = {"layer", "kernel", "op", "schedule", "seconds", "gflops", "gbytes"}
PARTS = ["ceilings", "verify", "kernels", "training", "sanitizer", "speed", "counters", "tune"]
RESULTS = {"machine", "measured", "comparison", "launches", "parts", *PARTS}


def check(good, what):
    if not good:
        sys.exit(f"gpu_rehearsal: {what}")


def has_pytorch():
    return subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode == 0


def environment(standin, folder):
    return dict(os.environ) | {"KINEMA_STANDIN": standin, "PYTHON": sys.executable, "BUDGET": "1500", "TMPDIR": folder,
                               "PATH": folder + os.pathsep + os.environ["PATH"]}


def measure(bundle, out, standin, folder, *parts, **more):
    """Runs parts; returns the exit status, results.json and table.txt."""
    done = subprocess.run([os.path.join(ROOT, "bench/gpu.sh"), bundle, out, *parts], env=environment(standin, folder) | more, capture_output=True, text=True)
    print(done.stdout + done.stderr, flush=True)
    return done.returncode, json.load(open(os.path.join(out, "results.json"))), open(os.path.join(out, "table.txt")).read()


def check_whole(status, results, table):
    check(status == 1, f"exit status {status}, although the sanitizer has found something")
    check(results.keys() == RESULTS, f"results.json has {sorted(results)}")
    check([(part["part"], part["status"]) for part in results["parts"]] == [(name, int(name == "sanitizer")) for name in PARTS], f"parts: {results['parts']}")
    cases = {case["case"]: case for case in results["kernels"]}
    check(set(cases) == {"branches-bf16", "csn-fp32"}, f"cases: {sorted(cases)}")
    for case in cases.values():
        kinds = {name.split(".")[1] for name in case["distances"]}
        check(case["passed"] and case["same_bits"] and kinds == {"logits", "loss", "gradients", "statistics", "weights"}, f"{case}")
    check(max(told["far"] for told in cases["branches-bf16"]["distances"].values()) == 0, "the emulator's results are not the emulator's")
    found = [line for line in results["sanitizer"] if not line["passed"]]
    check(len(results["sanitizer"]) == 12 and len(found) == 1, f"sanitizer: {results['sanitizer']}")
    check(found[0]["tool"] == "racecheck" and found[0]["findings"] == 4 and "at k1" in found[0]["told"][0], f"sanitizer: {found}")
    check("racecheck: 3 of 4 runs clean, 1 with findings" in table, "the table does not tell of the sanitizer")
    training = results["training"][0]
    check(training["passed"] and training["same_bits"] and len(training["losses"]) == 2 and training["clip_top1"] is not None, f"training: {training}")


def check_machine(out, results, table):
    """Checks that few files come back, with what was asked of the GPU itself."""
    check(sorted(os.listdir(out)) == ["counters.csv", "logs.tgz", "results.json", "table.txt"], f"{out} has {sorted(os.listdir(out))}")
    with tarfile.open(os.path.join(out, "logs.tgz")) as logs:
        names = logs.getnames()
        check("12:00:00 0 100" in logs.extractfile("clocks.log").read().decode(), "clocks.log has no clocks")
    check("tune/0-r2plus1d.1.times.json" in names and not any("safetensors" in name for name in names), f"logs.tgz has {names}")
    check(results["machine"]["gpu"]["power.limit"] == "700 W", f"machine: {results['machine']}")
    check([run["what"] for run in results["ceilings"]] == ["golden", "rate", "basic", "verify", "fill"], f"ceilings: {results['ceilings']}")
    check(results["ceilings"][0]["products"] == 1 and results["ceilings"][0]["answers"] == {"sw128_MN 144": False}, f"golden: {results['ceilings'][0]}")
    check(results["measured"] == {"flops": 5e14, "bandwidth": 2e12} and "floors are of 500 TFLOP/s and 2.00 TB/s" in table, f"{results['measured']}")
    case = results["verify"][0]
    check(len(results["verify"]) == 1 and case["passed"] and case["compared"] > 5 and case["repeated"] > 5 and 0 < case["furthest"] < 1, f"verify: {case}")
    told = results["counters"]
    check(len(told) == 2 and told[0]["kernel"] != told[1]["kernel"], f"counters: {told}")
    check(all(kernel["counters"] == {"time": "1.5 us", "L2 %": "40 %"} for kernel in told), f"counters: {told}")
    check(all(kernel["waits"] == ["75% long_sb at MEMBAR.ALL.GPU", "25% barrier at EXIT"] for kernel in told), f"waits: {told}")
    check(len(open(os.path.join(out, "counters.csv")).readlines()) == 4, "counters.csv")
    check(results["tune"][0]["seconds"].keys() >= {"infer", "train_step"}, f"tune: {results['tune']}")


def check_speed(results, table):
    rows = {row["entry"]: row for row in results["comparison"]}
    wanted = COMPARISON | (PEER if has_pytorch() else set())
    for entry in ("infer", "train_step"):
        row = rows[entry]
        check(wanted <= row.keys(), f"{entry} lacks {sorted(wanted - row.keys())}")
        check(row["variants_tried"] == 6 and row["kinema_bytes"] > 1e5 and row["floor_seconds"] > 0 and row["predicted_seconds"] > 0, f"{row}")
        launches = results["launches"][f"r2plus1d.1.{entry}"]
        # Each launch takes a microsecond in the library that stands in for the driver.
        check(abs(row["launch_seconds"] - 1e-6 * len(launches)) < 1e-8, f"{entry}: {row['launch_seconds']} s for {len(launches)} launches")
        check(all(LAUNCH <= launch.keys() for launch in launches) and any("floor" in launch for launch in launches), f"{entry}: launches lack fields")
    floors = [(launch["floor"], max(2 * launch["macs"] / 5e14, launch["bytes"] / 2e12)) for launch in launches if "floor" in launch]
    check(all(abs(told / wanted - 1) < 1e-9 for told, wanted in floors), "floors are not of what was measured")
    check(abs(sum(told for told, _ in floors) / rows["train_step"]["floor_seconds"] - 1) < 1e-9, "the floor of a step is not the sum of its launches'")
    check(not any("error" in line for line in results["speed"]), "an error in part speed")
    check("r2plus1d" in table and "sm90.halo_wgrad" in table, "the table lacks the launches")


def check_calls(bundle, standin, folder):
    """Checks that parts go on after one has failed, unless nothing can be right any more, and that results of several calls join."""
    first, second = os.path.join(folder, "first"), os.path.join(folder, "second")
    status, results, table = measure(bundle, first, standin, folder, "kernels:csn-fp32", "speed:none", KINEMA_STANDIN_FAIL="k3")
    check(status == 1 and [part["status"] for part in results["parts"]] == [1, 0], f"parts with a broken kernel: {results['parts']}")
    check("launch failure" in results["kernels"][0]["error"] and "FAILED" in table, f"a broken kernel: {results['kernels']}")
    status, results, table = measure(bundle, second, standin, folder, "1", WRONG_PRODUCT="false")
    check(status == 1 and [part["status"] for part in results["parts"]] == [3] + 3 * ["not begun: ceilings failed"], f"a wrong product: {results['parts']}")
    check("WRONG: c8_fprop n=64" in table, "the table does not tell of a wrong product")
    together = subprocess.run([sys.executable, os.path.join(ROOT, "bench/gpu/report.py"), os.path.join(folder, "both"), first, second],
                              check=True, capture_output=True, text=True).stdout
    check("WRONG: c8_fprop" in together and "FAILED" in together, f"two calls together: {together}")


def check_kill(bundle, standin, folder):
    """Checks that what was measured before a kill is there."""
    out = os.path.join(folder, "killed")
    process = subprocess.Popen([os.path.join(ROOT, "bench/gpu.sh"), bundle, out, "ceilings", "tune"], env=environment(standin, folder),
                               start_new_session=True, stdout=subprocess.PIPE, text=True)
    check("ceilings: passed" in process.stdout.readline(), "the first part")
    while not os.path.exists(os.path.join(out, "results.json")) or not json.load(open(os.path.join(out, "results.json")))["ceilings"]:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    check(json.load(open(os.path.join(out, "results.json")))["measured"]["flops"] == 5e14, "what was measured before a kill")


def main():
    kinema, standin = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in PROGRAMS.items():
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
            os.chmod(file.name, 0o755)
        bundle = os.path.join(folder, "bundle.tar.xz")
        subprocess.run([sys.executable, os.path.join(ROOT, "bench/bundle"), bundle, "--rehearsal"], check=True, env=dict(os.environ) | {"KINEMA": kinema})
        out = os.path.join(folder, "whole")
        status, results, table = measure(bundle, out, standin, folder)
        check_whole(status, results, table)
        check_speed(results, table)
        check_machine(out, results, table)
        check_calls(bundle, standin, folder)
        check_kill(bundle, standin, folder)


if __name__ == "__main__":
    main()
