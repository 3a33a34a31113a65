"""Checks that a module made for one target is refused for every other one, and goes on for its own when none is named.

usage: other_targets.py SPEC
"""
import subprocess
import sys

TARGETS = ["x86-64-v3", "x86-64-v4", "x86-64-v4-bf16", "x86-64-v4-amx", "aarch64", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"]


def kinema(*arguments):
    return subprocess.run(["kinema", "compile", *arguments], capture_output=True, text=True)


def main():
    for made in TARGETS:
        for phase in ("fused", "planned"):
            module = f"{made}.{phase}.mlir"
            kinema(sys.argv[1], "--batch", "1", "--mode", "infer", "--precision", "bf16", "--target", made, "--emit", phase, "-o", module)
            goes_on = "planned" if phase == "fused" else "package"
            own = kinema(module, "--from", "fused", "--emit", "planned") if phase == "fused" else None
            if own and (own.returncode or f'"{made}">' not in own.stdout):
                sys.exit(f"{module} does not go on for its own target: {own.stderr}")
            for other in TARGETS:
                if other == made:
                    continue
                done = kinema(module, "--from", phase, "--emit", goes_on, "--target", other, "-o", "other")
                if done.returncode != 2 or f"was made for {made}, not for {other}: go on with --target {made}" not in done.stderr:
                    sys.exit(f"{module} for {other}: status {done.returncode}\n{done.stderr}")


main()
