"""Checks that schedules that were edited by hand are refused, with a place, in phase fused or planned.

usage: edited_schedules.py SPEC TARGET PHASE

Of one schedule of each kind, each number is replaced by others that cannot be right, each parameter is misspelt and left
out, and the name is replaced by another one. A number that a parameter may also have must be refused too: by itself, or
because it leads to another grid, scratch or number of partials than those that are written.
"""
import re
import subprocess
import sys

SCHEDULE = re.compile(r'#kernel\.schedule<"([a-z0-9_.]+)", grid = (\d+), scratch = (\d+), \{([^}]*)\}>')
# These parameters decide only how the work is cut, not how much a block takes: with the next number they are other schedules.
FREE = {
    ("sm90.halo", "grid"),
    ("sm90.halo", "cluster"),
    ("sm90.matmul", "grid"),
    ("nvgpu.vectors_wgrad", "rows"),
    ("nvgpu.vectors_wgrad", "vectors"),
}


def kinema(*arguments):
    return subprocess.run(["kinema", "compile", *arguments], capture_output=True, text=True)


def edits(match):
    """Yields what somebody may have made of a schedule."""
    name, grid, scratch, parameters = match.groups()
    text = match.group(0)
    for key, value in [("grid", grid), ("scratch", scratch), *re.findall(r"(\w+) = (\d+)", parameters)]:
        for other in {"0", "-" + value, str(int(value) + 1), str(2**40)} - {value, "-0"}:
            if (name, key) not in FREE or other != str(int(value) + 1):
                yield text.replace(f"{key} = {value}", f"{key} = {other}", 1)
    for key, value in re.findall(r"(\w+) = (\d+)", parameters):
        yield text.replace(f"{key} = ", f"{key}z = ", 1)
        yield text.replace(f"{key} = {value} : i64", "", 1).replace("{, ", "{").replace(", }", "}").replace(", ,", ",")
        yield text.replace(f"{key} = {value} : i64", f"{key} = {value}.0 : f64", 1)
    yield text.replace(f'"{name}"', '"cpu.nothing"')


def main():
    spec, target, phase = sys.argv[1:]
    tried, wrong = 0, []
    wanted = {"fused": "planned", "planned": "target"}[phase]
    kinema(spec, "--batch", "1", "--target", target, "--emit", phase, "-o", "right.mlir")
    text = open("right.mlir", encoding="utf-8").read()
    first = {match.group(1): match for match in reversed(list(SCHEDULE.finditer(text)))}
    for match in first.values():
        for edit in edits(match):
            with open("edited.mlir", "w", encoding="utf-8") as file:
                file.write(text[:match.start()] + edit + text[match.end():])
            done = kinema("edited.mlir", "--from", phase, "--emit", wanted, "-o", "out.mlir", "--threads", "1")
            tried += 1
            if done.returncode != 2 or not re.match(r"edited\.mlir:\d+:\d+: error: ", done.stderr):
                wrong.append(f"{phase}: {edit}: status {done.returncode}\n{done.stderr}")
    sys.exit("\n".join(wrong) if wrong or tried < 25 else 0)


main()
