"""bench/gpu.sh from its bundle to its table, without a GPU: a tiny bundle, a library in place of the driver, which runs
kernels in the emulator, and a program in place of compute-sanitizer. Every field must be there, and what fails must show.

usage: gpu_rehearsal.py KINEMA STANDIN        STANDIN: the folder of that library
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Finds something in one network's step with racecheck; does not run for synccheck, to be quick.
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

COMPARISON = {"network", "batch", "entry", "variants_tried", "variants_measured", "kinema_seconds", "kinema_clips", "kinema_bytes", "floor_seconds",
              "predicted_seconds", "launch_seconds", "times_floor"}
PEER = {"pytorch_seconds", "pytorch_clips", "pytorch_bytes", "pytorch_variant", "speedup"}
LAUNCH = {"layer", "kernel", "op", "schedule", "seconds", "gflops", "gbytes"}
RESULTS = {"machine", "parts", "kernels", "sanitizer", "training", "speed", "comparison", "launches"}


def check(good, what):
    if not good:
        sys.exit(f"gpu_rehearsal: {what}")


def has_pytorch():
    return subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode == 0


def measure(bundle, out, standin, folder, *parts, **more):
    """Exit status, results.json and table.txt."""
    environment = dict(os.environ) | {"KINEMA_STANDIN": standin, "PYTHON": sys.executable, "BUDGET": "1500",
                                      "PATH": folder + os.pathsep + os.environ["PATH"]} | more
    done = subprocess.run([os.path.join(ROOT, "bench/gpu.sh"), bundle, out, *parts], env=environment, capture_output=True, text=True)
    print(done.stdout + done.stderr, flush=True)
    return done.returncode, json.load(open(os.path.join(out, "results.json"))), open(os.path.join(out, "table.txt")).read()


def check_whole(status, results, table):
    check(status == 1, f"exit status {status}, although the sanitizer has found something")
    check(results.keys() == RESULTS, f"results.json has {sorted(results)}")
    check([(part["part"], part["status"]) for part in results["parts"]] == [("kernels", 0), ("training", 0), ("sanitizer", 1), ("speed", 0)],
          f"parts: {results['parts']}")
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


def check_speed(results, table):
    rows = {row["entry"]: row for row in results["comparison"]}
    wanted = COMPARISON | (PEER if has_pytorch() else set())
    for entry in ("infer", "train_step"):
        row = rows[entry]
        check(wanted <= row.keys(), f"{entry} lacks {sorted(wanted - row.keys())}")
        check(row["variants_tried"] == 5 and row["kinema_bytes"] > 1e5 and row["floor_seconds"] > 0 and row["predicted_seconds"] > 0, f"{row}")
        launches = results["launches"][f"r2plus1d.1.{entry}"]
        # A microsecond each in the library in place of the driver.
        check(abs(row["launch_seconds"] - 1e-6 * len(launches)) < 1e-8, f"{entry}: {row['launch_seconds']} s for {len(launches)} launches")
        check(all(LAUNCH <= launch.keys() for launch in launches) and any("floor" in launch for launch in launches), f"{entry}: launches lack fields")
    check(not any("error" in line for line in results["speed"]), "an error in part speed")
    check("r2plus1d" in table and "sm90.halo_wgrad" in table, "the table lacks the launches")


def main():
    kinema, standin = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "compute-sanitizer"), "w") as file:
            file.write(SANITIZER)
        os.chmod(file.name, 0o755)
        bundle = os.path.join(folder, "bundle.tar.xz")
        subprocess.run([sys.executable, os.path.join(ROOT, "bench/bundle"), bundle, "--rehearsal"], check=True, env=dict(os.environ) | {"KINEMA": kinema})
        status, results, table = measure(bundle, os.path.join(folder, "whole"), standin, folder)
        check_whole(status, results, table)
        check_speed(results, table)
        # A kernel that fails: one part says so, the next one begins, and there is a table.
        status, results, table = measure(bundle, os.path.join(folder, "broken"), standin, folder, "kernels:csn-fp32", "speed:none", KINEMA_STANDIN_FAIL="k3")
        check(status == 1 and [part["status"] for part in results["parts"]] == [1, 0], f"parts with a broken kernel: {results['parts']}")
        check("launch failure" in results["kernels"][0]["error"] and "FAILED" in table, f"a broken kernel: {results['kernels']}")


if __name__ == "__main__":
    main()
