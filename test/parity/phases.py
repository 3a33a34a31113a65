"""Each phase of a network, printed and read again, leads to the same later phases, byte by byte.

usage: phases.py KINEMA MODELS core|others: some networks for some targets, or all that are left
"""
import itertools
import os
import subprocess
import sys
import tempfile

PHASES = ["clip", "step", "fused", "planned"]  # those that can be read
LAST = "target"  # looked at from the phase before alone, for it takes long


def run(kinema, *arguments):
    done = subprocess.run([kinema, "compile", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"kinema compile {' '.join(arguments)}: status {done.returncode}\n{done.stderr[:2000]}")
    return done.stdout


def check(kinema, target, model, folder):
    """Returns how many texts were compared."""
    options = ["--target", target, "--batch", "1"]
    direct = {}
    for phase in [*PHASES, LAST]:
        direct[phase] = f"{folder}/{phase}.mlir"
        run(kinema, model, *options, "--locations", "--emit", phase, "-o", direct[phase])
    compared = 0
    for number, phase in enumerate(PHASES):
        for later in PHASES[number + 1 :] or [LAST]:
            again = f"{folder}/again.mlir"
            run(kinema, direct[phase], "--from", phase, *options[:2], "--locations", "--emit", later, "-o", again)
            if open(again).read() != open(direct[later]).read():
                sys.exit(f"{model} for {target}: phase {later} read from {phase} is another text than made at once")
            compared += 1
    return compared


CORE = {("r2plus1d_18", "x86-64-v3"), ("slowfast_50_4x16", "sm_90a"), ("ir_csn_50", "x86-64-v4-bf16")}


def main():
    kinema, models, which = sys.argv[1:]
    names = sorted(file[: -len(".arch")] for file in os.listdir(models) if file.endswith(".arch"))
    pairs = set(itertools.product(names, ["x86-64-v4", "sm_90a"])) - CORE if which == "others" else CORE
    compared = 0
    for name, target in sorted(pairs):
        with tempfile.TemporaryDirectory() as folder:
            compared += check(kinema, target, os.path.join(models, name + ".arch"), folder)
    print(f"{compared} phases of {len(pairs)} networks and targets are the same, whichever phase the road begins at")
    sys.exit(compared < len(pairs))


main()
