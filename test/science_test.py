"""Runs science/run: every experiment for a step, and the one on which the others stand for real.

usage: science_test.py KINEMA SOURCE_FOLDER core|others
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from html.parser import HTMLParser
from pathlib import Path


def check(good, what):
    if not good:
        sys.exit(f"science_test: {what}")


class Science:
    def __init__(self, kinema, root, out):
        self.kinema, self.program, self.out = kinema, Path(root) / "science" / "run", Path(out)

    def __call__(self, *arguments, kinema=None):
        done = subprocess.run(["/usr/bin/python3", self.program, self.out, *arguments], text=True, capture_output=True,
                              env={**os.environ, "KINEMA": kinema or self.kinema})
        return done.returncode, done.stdout + done.stderr

    def start(self, *arguments):
        return subprocess.Popen(["/usr/bin/python3", self.program, self.out, *arguments], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env={**os.environ, "KINEMA": self.kinema})

    def results(self, part, folder=None):
        return {path.stem: json.loads(path.read_text()) for path in sorted(((folder or self.out) / "results" / part).glob("*.json"))}

    def report(self):
        return (self.out / "report.md").read_text(), (self.out / "report.html").read_text()


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        check(not any(name in ("src", "href") for name, _ in attributes), f"the page needs something else: <{tag} {attributes}>")


def rehearse(science, *parts):
    status, told = science("--rehearse", "--jobs", "2", *parts)
    check(status == 0, f"a rehearsal of {parts} ended with {status}:\n{told}")
    markdown, html = science.report()
    for part in parts:
        results = science.results(part)
        check(results and all(r["rehearsal"] and "video_top1" in r["tests"]["test"] for r in results.values()), f"{part}: {results}")
        check(f"figures/{part}.svg" in markdown and (science.out / "figures" / f"{part}.svg").exists(), f"{part} has no figure")
        xml.etree.ElementTree.parse(science.out / "figures" / f"{part}.svg")
    check("from a rehearsal, whose figures mean nothing" in markdown, "a rehearsal is not said to be one")
    check(Tags(html).tags.count("svg") == len(parts), "the page lacks figures")
    return told


def check_resuming(science):
    """What is there is kept; a result that is gone is made of its run; a run of other settings is done anew."""
    before = science.results("units")
    check("of the test videos" not in rehearse(science, "units"), "what was there was done again")
    gone, changed = science.out / "results/units/p3d-1.json", science.out / "results/units/ir-csn-1.json"
    gone.unlink()
    changed.write_text(json.dumps({**before["ir-csn-1"], "asked": {}}))
    note = science.out / "runs/units/ir-csn-1/asked.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "seed": 5}))
    weights = [science.out / f"runs/units/{name}-1/last.safetensors" for name in ("p3d", "ir-csn")]
    times = [path.stat().st_mtime_ns for path in weights]
    told = rehearse(science, "units")
    check(set(re.findall(r"units: (\S+), seed 1", told)) == {"P3D", "ir-CSN"}, told)
    check([path.stat().st_mtime_ns > time for path, time in zip(weights, times)] == [False, True], "the wrong one was trained anew")
    for name, result in science.results("units").items():
        check(result["tests"] == before[name]["tests"], f"{name} is another one: {result['tests']} for {before[name]['tests']}")
    moved = science.out.with_name("moved")
    science.out.rename(moved)
    science.out = moved
    check("of the test videos" not in rehearse(science, "units"), "a folder that was moved is begun anew")


def check_stopping(science):
    """A signal ends all commands, and the same command goes on."""
    out, science.out = science.out, science.out.with_name("stopped")
    with science.start("--rehearse", "--jobs", "2", "units") as process:
        while not list(science.out.glob("runs/units/*/asked.json")):
            check(process.poll() is None, "it ended before a run began")
            time.sleep(0.01)
        process.terminate()
        told = process.communicate()[0]
    check(process.returncode == 1 and "science: stopped; the same command goes on" in told, told)
    check(len(science.results("units")) < 4, "all runs were done, although it was stopped")
    rehearse(science, "units")
    before, after = ({name: result["tests"] for name, result in science.results("units", folder).items()} for folder in (out, science.out))
    check(before == after, f"what was stopped ends otherwise: {before}, {after}")
    science.out = out


def check_sizes(science):
    """Networks that are compared have the same number of parameters, as nearly as widths allow."""
    sizes = [result["parameters"] for result in science.results("units").values()]
    check(len(sizes) == 4 and max(sizes) < 1.35 * min(sizes), f"the networks have {sizes} parameters")


def check_intervals(root):
    """By hand: three values a unit apart, and differences that leave 0 out or do not."""
    sys.path.insert(0, str(Path(root) / "science"))
    from kit.intervals import half_width, verdict
    check(abs(half_width([1, 2, 3]) - 4.303 / 3 ** 0.5) < 1e-9 and half_width([4]) is None, "the interval of 1, 2, 3")
    for higher, word in (([11, 12, 13], "agrees"), ([-9, -8, -7], "fails"), ([1, 8, -3], "open")):
        check(verdict([1, 2, 3.5], higher)[2] == word, f"{higher} against 1, 2, 3.5: {verdict([1, 2, 3.5], higher)}")
    check(verdict([1], [50])[2] == "open", "one run tells two networks apart")


def check_claims(science):
    """What results say stands in the page: made-up ones here, of which one claim agrees and one does not."""
    made = science.out.with_name("made")
    claims = [("f-R2D", 25), ("R2D", 40), ("MC3", 60), ("R3D", 80), ("R(2+1)D", 70)]
    for name, percent in claims:
        for seed in (1, 2, 3):
            result = next(r for r in science.results("units").values())
            tests = {part: {"video_top1": (percent + seed) / 100, "clip_top1": 0.5} for part in ("test", "train")}
            path = made / "results/quick" / f"{re.sub(r'[^a-z0-9]', '_', name.lower())}-{seed}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({**result, "network": name, "seed": seed, "rehearsal": False, "tests": tests}))
    out, science.out = science.out, made
    check(science("--report")[0] == 0, "no report of results alone")
    status, told = science("--rehearse", "relu")
    check(status == 2 and "made holds results of runs that were meant: rehearse in another folder" in told, told)
    markdown = science.report()[0]
    check("| Factorised convs beat mixed ones | MC3 < R(2+1)D, videos of the test | +10.0 ± 0.0 | agrees |" in markdown, markdown)
    check("R3D < R(2+1)D, videos of the test | -10.0 ± 0.0 | **does not agree** |" in markdown and "15 of 18 runs are there." in markdown, markdown)
    check("| R3D | " in markdown and "82.0 ± 2.5 | 81.0 82.0 83.0 |" in markdown, markdown)
    science.out = out


def check_failures(science):
    status, told = science("--rehearse", "--jobs", "1", "relu", kinema="/bin/false")
    check(status != 0 and "failed with status 1" in told, f"a command that fails goes unseen: {told}")
    status, told = science("tables")
    check(status == 2 and "no part is called tables" in told, told)


def check_frames(science):
    """Trained for real, a network without time stays at chance, and one with it does not."""
    status, told = science("--jobs", "2", "--seeds", "1", "--runs", "swings", "frames")
    check(status == 0, told)
    results = science.results("frames")
    blind, seeing = (results[name]["tests"]["test"]["video_top1"] for name in ("f-r2d_swings-1", "r3d_swings-1"))
    print(f"f-R2D {100 * blind:.1f}%, R3D {100 * seeing:.1f}%, chance 25%")
    check(blind < 0.25 + 3 * (0.25 * 0.75 / 400) ** 0.5, f"f-R2D is right about {100 * blind:.1f}% of four classes of the same frames")
    check(seeing > 0.6, f"R3D is right about {100 * seeing:.1f}% alone")


def main():
    kinema, root, part = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        science = Science(kinema, root, Path(folder) / "out")
        if part == "core":
            rehearse(science, "units")
            check_sizes(science)
            check_resuming(science)
            check_stopping(science)
            check_failures(science)
            check_intervals(root)
            check_claims(science)
        else:
            others = [path.stem for path in sorted((Path(root) / "science/experiments").glob("*.toml")) if path.stem != "units"]
            rehearse(science, *others)
            science.out = Path(folder) / "frames"
            check_frames(science)


if __name__ == "__main__":
    main()
