"""Checks mutated specs: whatever the text, there is either a result or an error that names its place.

The specs of given folders and random ones (test/parity/random_specs.py) are mutated, from a seed: bytes, words and lines are
changed, dropped, repeated and moved, and lines of other specs put in. Each mutant goes either through the front end's fuzz
target (--fuzz build/asan/bin/dsl-fuzz: loading, checks, printing, under sanitizers) or through `kinema` (--kinema), which
expands it. It must end within --seconds of computing, with a result or with exit status 2 and errors at places of a file;
nothing is written but what was asked for.
"""
import argparse
import glob
import os
import random
import re
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
import random_specs  # noqa: E402

WORDS = re.compile(rb"\w+|[^\w\s]|\s+")
STRANGE = [b"0", b"1", b"2", b"-1", b"4294967296", b"9223372036854775807", b"1e-300", b"1e300", b"0.5", b"1x1x1", b"0x0x0", b"65536x65536x65536",
           b"x0", b"x4096", b"auto", b"none", b"on", b"in", b"in.c", b"in.c/0", b"ch", b"global", b"same", b"{", b"}", b"(", b")", b"[", b"]",
           b"->", b"|", b"=", b":", b"_:", b".", b"%", b"from", b"stream", b"set", b"let", b"use", b"unit", b"block", b"network", b"stage",
           b"residual", b"attention", b"\\\n", b"#", b"\xff", b"\0", b"\xc3\xa9", b"\r\n"]
STATUSES = (0, 2)


def mutated(text, others, draw):
    """Returns the text after one to four changes."""
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        text = draw.choice((change_bytes, change_words, change_words, change_words, change_lines, splice))(text, others, draw)
    return text


def change_bytes(text, _, draw):
    at, end = draw.randrange(len(text) + 1), draw.randint(0, 3)
    return text[:at] + bytes(draw.randrange(256) for _ in range(draw.randint(0, 2))) + text[at + end:]


def change_parts(parts, foreign, draw):
    """Drops or repeats one of the parts, exchanges it with another one, puts that before it, or replaces it by a foreign one."""
    if not parts:
        return parts
    at, other = draw.randrange(len(parts)), draw.randrange(len(parts))
    how = draw.randrange(5)
    if how == 0:
        return parts[:at] + parts[at + 1:]
    if how == 1:
        return parts[:at] + [parts[at]] * draw.choice((2, 2, 3, 50)) + parts[at + 1:]
    if how == 2:
        parts[at], parts[other] = parts[other], parts[at]
        return parts
    if how == 3:
        return parts[:at] + [parts[other]] + parts[at:]
    parts[at] = foreign
    return parts


def change_words(text, _, draw):
    return b"".join(change_parts(WORDS.findall(text), draw.choice(STRANGE), draw))


def change_lines(text, others, draw):
    foreign = draw.choice(draw.choice(others).splitlines(True) or [b""])
    return b"".join(change_parts(text.splitlines(True), foreign, draw))


def splice(text, others, draw):
    other = draw.choice(others)
    return text[:draw.randrange(len(text) + 1)] + other[draw.randrange(len(other) + 1):]


def mutants(folders, seed, count):
    """Yields mutants of the specs in folders and of as many random ones."""
    paths = sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "**", "*.arch"), recursive=True))
    specs = []
    for path in paths:
        with open(path, "rb") as file:
            specs.append(file.read())
    specs += [random_specs.draw(seed + index).text.encode() for index in range(len(paths))]
    draw = random.Random(seed)
    for _ in range(count):
        yield mutated(draw.choice(specs), specs, draw)


def through_fuzz_target(fuzz, texts, folder, seconds):
    """Yields the mutants that end badly, and what is said of each. A process runs a hundred; if one ends badly, each runs alone."""
    def run(paths):
        return subprocess.run([fuzz, "-timeout=" + str(seconds), "-artifact_prefix=" + folder + "/", *paths], capture_output=True, text=True)
    paths = []
    for index, text in enumerate(texts):
        paths.append(os.path.join(folder, f"{index}.arch"))
        with open(paths[-1], "wb") as file:
            file.write(text)
    for first in range(0, len(paths), 100):
        hundred = paths[first:first + 100]
        if run(hundred).returncode == 0:
            continue
        for path in hundred:
            if (done := run([path])).returncode:
                yield path, done.stderr[-4000:]


def through_kinema(kinema, texts, folder, seconds, models):
    """Yields the same for `kinema inspect` and `kinema compile --emit clip`, which take turns."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    for index, text in enumerate(texts):
        inside = os.path.join(folder, str(index))
        os.mkdir(inside)
        path = os.path.join(inside, "net.arch")
        with open(path, "wb") as file:
            file.write(text)
        command = [os.path.abspath(kinema), *(("inspect",) if index % 2 else ("compile", "--emit", "clip")), path, "--models", models]
        done = subprocess.run(command, capture_output=True, preexec_fn=limit, cwd=inside, env=os.environ | {"TMPDIR": inside})
        errors = done.stderr.decode(errors="replace")
        placed = re.search(r"\.arch:\d+:\d+: error: .", errors) or re.search(r"^error: .*\.arch", errors, re.M)
        if done.returncode not in STATUSES or (done.returncode == 2 and not placed) or "Stack dump" in errors:
            yield path, f"{' '.join(command)}: exit status {done.returncode}\n{errors[-4000:]}"
        elif (left := sorted(os.listdir(inside))) != ["net.arch"]:
            yield path, f"{' '.join(command)}: left {left}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="folders with specs; the first one is also where `use` looks")
    parser.add_argument("--fuzz", help="the fuzz target, build/asan/bin/dsl-fuzz")
    parser.add_argument("--kinema", help="the compiler")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=20, help="of computing that a mutant may take (default: 20)")
    options = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        texts = list(mutants(options.folders, options.seed, options.count))
        run = through_fuzz_target(options.fuzz, texts, folder, options.seconds) if options.fuzz else \
            through_kinema(options.kinema, texts, folder, options.seconds, os.path.abspath(options.folders[0]))
        for path, said in run:
            bad += 1
            with open(path, "rb") as file:
                print(f"{os.path.relpath(path, folder)}: {said}\n{file.read()!r}", flush=True)
    print(f"{options.count} mutants, {bad} of them end badly")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
