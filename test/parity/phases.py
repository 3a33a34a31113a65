"""Checks that each phase of a network, printed and read again, leads to the same later phases and package, byte by byte.

usage: phases.py KINEMA MODELS core|others      runs some networks for some targets, or all that are left
"""
import itertools
import os
import subprocess
import sys
import tempfile
import zipfile

PHASES = ["clip", "step", "fused", "planned"]
LAST = "target"  # is made from the phase before alone, since it takes long; packages are made from it


def run(kinema, *arguments):
    done = subprocess.run([kinema, "compile", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"kinema compile {' '.join(arguments)}: status {done.returncode}\n{done.stderr[:2000]}")
    return done.stdout


def contents(package):
    """Returns what is in a package except the spec, which a module does not know."""
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "spec.arch"}


def check(kinema, target, model, folder, makes_packages):
    """Compares the phases of a model; returns how many texts, and packages where asked for, were compared."""
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
    if not makes_packages:
        return compared
    package, again = f"{folder}/direct.kinema", f"{folder}/again.kinema"
    run(kinema, model, *options, "-o", package)
    run(kinema, direct[LAST], "--from", LAST, *options[:2], "-o", again)
    if contents(package) != contents(again):
        sys.exit(f"{model} for {target}: the package made from phase {LAST} is another one than made at once")
    return compared + 1


PACKED = {("ir_csn_50", "x86-64-v4-bf16"), ("x3d_xs", "sm_90a")}  # these alone are packed, since machine code takes longest
CORE = {("r2plus1d_18", "x86-64-v3"), ("x3d_xs", "sm_90a"), ("ir_csn_50", "x86-64-v4-bf16")}

ALIKE = {"x3d_s", "x3d_m", "x3d_l", "tsn_50"}  # x3d_xs at other sizes or with more of its blocks, and resnet152_frames with fewer


def main():
    kinema, models, which = sys.argv[1:]
    names = sorted(file[: -len(".arch")] for file in os.listdir(models) if file.endswith(".arch") and file[: -len(".arch")] not in ALIKE)
    pairs = set(itertools.product(names, ["x86-64-v4", "sm_90a"])) - CORE if which == "others" else CORE
    compared = 0
    for name, target in sorted(pairs):
        with tempfile.TemporaryDirectory() as folder:
            compared += check(kinema, target, os.path.join(models, name + ".arch"), folder, (name, target) in PACKED)
    print(f"{compared} phases of {len(pairs)} networks and targets are the same, whichever phase the road begins at")
    sys.exit(compared < len(pairs))


main()
