"""Edits of planned modules' launches, plans and schedules, and what is said of each.

usage: edited_launches.py CPU_MODULE GPU_MODULE
"""
import re
import subprocess
import sys


def plan(pattern, replacement):
    """An edit of the attribute kernel.plan alone."""
    def edit(text):
        begin = text.index("kernel.plan = ")
        end = text.index("\n", begin)
        return text[:begin] + re.sub(pattern, replacement, text[begin:end], count=1) + text[end:]
    return edit


def launch(change, layer="conv", entry="infer"):
    """An edit of the arguments of an entry's first launch for a layer."""
    def edit(text):
        found = re.compile(rf'kernel\.launch @(\w+) \[([\d, ]+)\] \{{layer = "{layer}"').search(text, text.index(f"kernel.entry @{entry}"))
        arguments = change([int(number) for number in found.group(2).split(", ")])
        return text[:found.start(2)] + ", ".join(map(str, arguments)) + text[found.end(2):]
    return edit


def put(index, value):
    return lambda arguments: arguments[:index] + [value(arguments) if callable(value) else value] + arguments[index + 1:]


FIRST_TENSOR = r"(parameters = \[\{bytes = )\d+"
EDITS = [
    ("has no kernel.plan, which says what lies where in the arena", lambda text: re.sub(r"kernel\.plan = .*, (kernel\.target)", r"\1", text, count=1)),
    ("kernel.plan has no `arena`, the bytes of the arena", plan("arena = ", "arenas = ")),
    ("kernel.plan has no list `inputs`", plan("inputs = ", "input = ")),
    ("has a tensor without a place, `offset` and `bytes`: {bytes = 0 : i64,", plan(FIRST_TENSOR, r"\g<1>0")),
    ("has two tensors at ", plan(r"(inputs = \[\{.*?offset = )\d+", r"\g<1>0")),
    ("has a tensor whose momentum has no place: {", plan(r"momentum = \d+ : i64", "momentum = true")),
    ("has a segment that is not [name, offset, bytes]: [", plan(r'segments = \[\["(\w+)", \d+', r'segments = [["\1", "here"')),
    ("runs @nobody, which is no kernel.def of the module", lambda text: re.sub(r"kernel\.launch @k0", "kernel.launch @nobody", text, count=1)),
    ("takes 4: its operands, then its results", launch(lambda arguments: arguments[:-1])),
    ("has operand 0 at 24641, expected a multiple of 64", launch(put(0, 24641))),
    ("bytes reach beyond the arena of ", launch(put(3, 1 << 40))),
    ("where no tensor begins when the launch does", launch(put(0, lambda arguments: arguments[3]))),
    ("where a launch before has left ", launch(put(2, lambda arguments: arguments[1]), layer="fc")),
    ("the kernel.plan has another tensor: {", launch(put(0, lambda arguments: arguments[1]))),
    ("over what it reads or writes at ", launch(put(3, lambda arguments: arguments[0]))),
    ("over a tensor of the kernel.plan: {", launch(put(3, 0), layer="fc")),
    ("leaves no such output where the kernel.plan has it: {", plan(r'(outputs = \{infer = \[\{.*?offset = )\d+', r"\g<1>64")),
]


def counters(text):
    """The places of what blocks count themselves with are 64 bytes further where launches have them."""
    offset = re.search(r"counters = \{bytes = \d+ : i64, offset = (\d+)", text).group(1)
    return re.sub(rf"(kernel\.launch @\w+ \[[^\]]*?)\b{offset}\b", lambda found: found.group(1) + str(int(offset) + 64), text)


def parameter(schedule, name, value):
    """An edit of a parameter of all schedules of a name."""
    return lambda text: re.sub(rf'("{re.escape(schedule)}"[^}}]*\b{name} = )\d+', rf"\g<1>{value}", text)


GPU_EDITS = [
    ("which are not the counters of the kernel.plan", counters),
    ("whose channels is 17, expected 8 to 256 in multiples of 8", parameter("sm90.halo", "channels", 17)),
    ("whose tiles take more shared memory or registers than a block has", parameter("sm90.halo", "rows", 56)),
]
def main():
    for path, edits in zip(sys.argv[1:], (EDITS, GPU_EDITS), strict=True):
        check(open(path, encoding="utf-8").read(), edits)


def check(text, edits):
    failed = False
    for message, edit in edits:
        with open("edited.mlir", "w", encoding="utf-8") as file:
            file.write(edit(text))
        run = subprocess.run(["kinema", "compile", "edited.mlir", "--from", "planned", "-o", "edited.kinema"], capture_output=True, text=True)
        if run.returncode != 2 or message not in run.stderr:
            failed = True
            print(f"expected: {message}\n   found {run.returncode}: {run.stderr[:600]}")
    if failed:
        sys.exit(1)


main()
