"""Assembles every kernel of the networks for a GPU and fails on spills, stack frames and warnings.

usage: ptxas_test.py KINEMA MODELS [NETWORK...]      exit status 77: there is no ptxas
"""
import json
import os
import subprocess
import sys

REGISTERS = 255
ADVICE = "(C7519)"  # a fence more than was written, where accumulators leave a loop: harmless, counted


def inspect(kinema, path, precision):
    run = subprocess.run([kinema, "inspect", path, "--target", "sm_90a", "--precision", precision, "--json"],
                         capture_output=True, text=True)
    return run.returncode, run.stderr.strip().split("\n")[0], json.loads(run.stdout) if run.returncode == 0 else None


def complaints(report):
    for kernel in report["kernels"]:
        if kernel["spills"] or kernel["stack"] or not 0 < kernel["registers"] <= REGISTERS:
            yield f"{kernel['kernel']} ({kernel['op']} of {kernel['layers'][0]}): {kernel['registers']} registers, " \
                  f"{kernel['spills']} bytes spilled, {kernel['stack']} bytes of stack"
    yield from (warning for warning in report["assembler_warnings"] if ADVICE not in warning)


def main():
    kinema, models = sys.argv[1:3]
    networks = sys.argv[3:] or sorted(name[:-5] for name in os.listdir(models) if name.endswith(".arch"))
    wrong, total = [], 0
    for network in networks:
        for precision in ("bf16", "fp32") if network in ("r2plus1d_18", "ip_csn_50") else ("bf16",):
            status, message, report = inspect(kinema, os.path.join(models, network + ".arch"), precision)
            if status:
                wrong.append(f"{network}: {message}")
                continue
            if not report["assembled"]:
                print("skipped: there is no ptxas")
                sys.exit(77)
            found = list(complaints(report))
            total += len(report["kernels"])
            most = max(kernel["registers"] for kernel in report["kernels"])
            advice = sum(ADVICE in warning for warning in report["assembler_warnings"])
            print(f"{network} {precision}: {len(report['kernels'])} kernels, at most {most} registers, {len(found)} complaints, "
                  f"{advice} fences added", flush=True)
            wrong += [f"{network} {precision}: {line}" for line in found]
    print("\n".join(wrong) or f"{total} kernels assembled without spills or warnings")
    sys.exit(bool(wrong) or total == 0)


main()
