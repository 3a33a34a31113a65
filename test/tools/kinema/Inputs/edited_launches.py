"""Checks what is said of planned modules after edits of their launches, arenas and schedules.

usage: edited_launches.py CPU_MODULE GPU_MODULE GPU_MODULE_WITH_GROUPS
"""
import re
import subprocess
import sys


def launch(change, layer="conv", entry="infer"):
    """Returns an edit of the arguments of an entry's first launch for a layer."""
    def edit(text):
        found = re.compile(rf'kernel\.launch @(\w+) \[([\d, ]+)\] \{{layer = "{layer}"').search(text, text.index(f"kernel.entry @{entry}"))
        arguments = change([int(number) for number in found.group(2).split(", ")])
        return text[:found.start(2)] + ", ".join(map(str, arguments)) + text[found.end(2):]
    return edit


def put(index, value):
    return lambda arguments: arguments[:index] + [value(arguments) if callable(value) else value] + arguments[index + 1:]


def edit(pattern, replacement):
    return lambda text: re.sub(pattern, replacement, text, count=1)


EDITS = [
    ("runs @nobody, which is no kernel.def of the module", edit(r"kernel\.launch @k0", "kernel.launch @nobody")),
    ("takes 4: its operands, then its results", launch(lambda arguments: arguments[:-1])),
    ("has operand 0 at 24641, expected a multiple of 64", launch(put(0, 24641))),
    ("bytes reach beyond the arena of ", launch(put(3, 1 << 40))),
    ("where no tensor begins when the launch does", launch(put(0, lambda arguments: arguments[3]))),
    ("where a launch before has left ", launch(put(2, lambda arguments: arguments[1]), layer="fc")),
    ("where the arena has @", launch(put(0, lambda arguments: arguments[1]))),
    ("over what it reads at ", launch(put(3, lambda arguments: arguments[0]))),
    ("over what it writes at ", launch(lambda arguments: arguments[:-1] + arguments[-2:-1], entry="train_step")),
    (" of the arena", launch(put(3, 0), layer="fc")),
    ("when the last launch has ended", edit(r'(kernel\.output "logits" at )\d+', r"\g<1>64")),
]


def counters(text):
    """Moves the counters of blocks 64 bytes further in the arguments of launches."""
    offset = re.search(r"kernel\.buffer counters @\w+ at (\d+)", text).group(1)
    return re.sub(rf"(kernel\.launch @\w+ \[[^\]]*?)\b{offset}\b", lambda found: found.group(1) + str(int(offset) + 64), text)


def parameter(schedule, name, value):
    """Returns an edit of a parameter of all schedules of a name."""
    return lambda text: re.sub(rf'("{re.escape(schedule)}"[^}}]*\b{name} = )\d+', rf"\g<1>{value}", text)


def too_few_epilogue_stages(text):
    """Has consumers take turns where boxes bring what the epilogue reads, with stages for one of them."""
    return re.sub(r'("sm90\.halo"[^}]*\bepilogue_stages = )[1-9]\d*([^}]*\bturns = )\d', r"\g<1>1\g<2>1", text)


def lone_blocks(text):
    """Has an odd number of blocks share tiles of the same channels, of which there are two, in clusters of two."""
    return re.sub(r'("sm90\.halo", grid = )\d+([^}]*\bcluster = )\d', r"\g<1>130\g<2>2", text)


GPU_EDITS = [
    ("whose epilogue_stages is 3, expected 0: the copy engine brings nothing", parameter("sm90.halo", "epilogue_stages", 3)),
    ("whose epilogue_stages is 1, expected 0 or at least 4, since consumers hold some", too_few_epilogue_stages),
    ("which are not the counters of the arena", counters),
    ("whose channels is 17, expected 8 to 256 in multiples of 8", parameter("sm90.halo", "channels", 17)),
    ("whose tiles take more shared memory or registers than a block has", parameter("sm90.halo", "rows", 56)),
    ("whose blocks of a cluster would have other tiles than each other, expected a cluster of 1", lone_blocks),
]

GROUP_EDITS = [("whose tiles of 24 channels and ", parameter("sm90.halo", "channels", 24))]


def main():
    for path, edits in zip(sys.argv[1:], (EDITS, GPU_EDITS, GROUP_EDITS), strict=True):
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
