"""Changes the schedule of one kernel of a planned module by hand, as somebody would who reads what the compiler says.

usage: another_schedule.py MODULE EDITED [NUMBER]   writes the module with another schedule, and with this number in it
       another_schedule.py --check EDITED OTHER     succeeds if OTHER has that schedule, too
"""
import re
import subprocess
import sys

# A parameter that decides how the work is cut, and another number for it.
EDITS = [(r'"sm90\.halo"[^>]*?weight_stages = 9 ', "weight_stages", "9", "4"), (r'"cpu\.tile"[^>]*?parts = 2 ', "parts", "2", "1")]
MARK = "// edited: "


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def edit(module, edited, number=None):
    text = read(module)
    pattern, parameter, before, after = next(e for e in EDITS if re.search(e[0], text))
    at = text.rindex("#kernel.schedule<", 0, re.search(pattern, text).end())
    end = text.index(">", at)
    schedule = text[at:end].replace(f"{parameter} = {before} ", f"{parameter} = {number or after} ")
    for _ in range(4):  # what follows from the parameter, the compiler says
        write(edited, f"{MARK}{schedule}\n{text[:at]}{schedule}{text[end:]}")
        done = subprocess.run(["kinema", "compile", edited, "--from", "planned", "--emit", "target", "-o", "lowered.mlir"], capture_output=True, text=True)
        if done.returncode == 0:
            return
        what, found, right = re.search(r"whose (\w+) is (\d+), but its parameters lead to (\d+)", done.stderr).groups()
        schedule = schedule.replace(f"{what} = {found}", f"{what} = {right}")
    sys.exit(done.stderr)


if sys.argv[1] == "--check":
    mark, schedule = read(sys.argv[2]).split("\n", 1)[0], read(sys.argv[3])
    sys.exit(0 if mark[len(MARK):] in schedule else f"{mark} is not in {sys.argv[3]}")
edit(*sys.argv[1:])
