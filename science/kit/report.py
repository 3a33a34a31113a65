"""Writes what was found as one page, in Markdown with pictures beside it and in HTML that needs nothing else."""
import json
import re
from html import escape

from kit import drawing
from kit.intervals import half_width, mean, verdict

MEASURES = {"video": "videos of the test", "clip": "clips of the test", "train": "videos of the training"}
WORDS = {"agrees": "agrees", "fails": "**does not agree**", "open": "open: the seeds do not tell them apart"}
HEAD = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>What papers claim, on Kinema's videos</title>
<style>body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}td,th{border:1px solid #ccc;
padding:.2em .6em}td:not(:first-child){text-align:right}svg{max-width:100%;height:auto}</style>
"""


class Found:
    """The results of one experiment, by network and seed."""

    def __init__(self, out, experiment):
        self.experiment, self.results = experiment, {run.name: [] for run in experiment.runs}
        for path in sorted((out / "results" / experiment.name).glob("*.json")):
            result = json.loads(path.read_text())
            if result["network"] in self.results:
                self.results[result["network"]].append(result)
        for results in self.results.values():
            results.sort(key=lambda result: result["seed"])
        self.all = [result for results in self.results.values() for result in results]

    def values(self, network, measure):
        """In percent: video, clip, train (videos it was trained on), or another test of the experiment."""
        test, figure = {"video": ("test", "video_top1"), "clip": ("test", "clip_top1")}.get(measure, (measure, "video_top1"))
        return {r["seed"]: 100 * r["tests"][test][figure] for r in self.results[network] if test in r["tests"]}

    def ran(self):
        return [run.name for run in self.experiment.runs if self.results[run.name]]


def spread(values):
    values = list(values)
    if not values:
        return ""
    half = half_width(values)
    return f"{mean(values):.1f}" + (f" ± {half:.1f}" if half is not None else "")


def table(rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def results_table(found):
    paper, extra = found.experiment.paper, [t for t in dict.fromkeys(t for r in found.all for t in r["tests"]) if t not in ("test", "train")]
    rows = [["network", "parameters", "million macs", "video, %", "each seed", "trained on, %", *[f"{test}, %" for test in extra], "seconds",
             *[f"paper: {column}" for column in paper.get("columns", [])]]]
    for name in found.ran():
        first = found.results[name][0]
        rows.append([name, f"{first['parameters']:,}" if "parameters" in first else "", f"{first['macs'] / 1e6:.1f}" if "macs" in first else "",
                     spread(found.values(name, "video").values()), " ".join(f"{v:.1f}" for v in found.values(name, "video").values()),
                     *[spread(found.values(name, test).values()) for test in ("train", *extra)],
                     f"{mean([r['seconds'] for r in found.results[name]]):.0f}", *paper.get("rows", {}).get(name, [""] * len(paper.get("columns", [])))])
    return table(rows)


def judged(found, claim):
    """The difference of the two runs of a claim, over the seeds that both have, and what it says."""
    a, b = found.values(claim.lower, claim.measure), found.values(claim.higher, claim.measure)
    seeds = sorted(set(a) & set(b))
    if not seeds:
        return "", "not run"
    middle, width, word = verdict([a[seed] for seed in seeds], [b[seed] for seed in seeds])
    return f"{middle:+.1f}" + (f" ± {width:.1f}" if width is not None else ""), WORDS[word]


def claims_table(found):
    rows = [["claim", "measured", "difference, points", "here"]]
    for claim in found.experiment.claims:
        rows.append([claim.text, f"{claim.lower} < {claim.higher}, {MEASURES.get(claim.measure, claim.measure)}", *judged(found, claim)])
    return table(rows)


def summary(everything):
    """All claims of what was run, by what became of them."""
    of = {}
    for found in everything:
        for claim in found.experiment.claims:
            of.setdefault(judged(found, claim)[1], []).append(f"{claim.text} ({found.experiment.name})")
    rows = [["here", "claims"], *([word, "; ".join(claims)] for word, claims in sorted(of.items()))]
    return "## In short\n\n" + table(rows)


def figure(found):
    kind, names = found.experiment.figure, [name for name in found.ran() if found.values(name, "video")]
    if kind == "errors":
        curves = []
        for name in names:
            epochs = {}
            for result in found.results[name]:
                for row in result["curve"]:
                    if "test_video_top1" in row:
                        epochs.setdefault(row["epoch"], []).append((100 - 100 * row["train_clip_top1"], 100 - 100 * row["test_video_top1"]))
            curves.append((name, [(epoch, mean([a for a, _ in rows]), mean([b for _, b in rows])) for epoch, rows in sorted(epochs.items())]))
        return drawing.errors(curves)
    means = [(name, list(found.values(name, "video").values())) for name in names]
    if kind == "cost":
        return drawing.cost([(name, re.sub(r", width .*", "", name), found.results[name][0]["macs"], mean(values), half_width(values))
                             for name, values in means if "macs" in found.results[name][0]])
    chance = 100 / found.all[0]["classes"]
    return drawing.bars([(name, mean(values), half_width(values), values) for name, values in means], chance)


def section(found):
    experiment = found.experiment
    videos = "; ".join(", ".join(f"{key} {value}" for key, value in options.items()) for options in experiment.data.values())
    parts = [f"## {experiment.title}", experiment.question,
             f"Videos: {videos} (`kinema data make-motion`). {len(found.all)} of {len(experiment.runs) * len(experiment.seeds)} runs are there"
             + (", **from a rehearsal, whose figures mean nothing**" if any(r["rehearsal"] for r in found.all) else "") + "."]
    if found.all:
        parts += [results_table(found), f"![{experiment.title}](figures/{experiment.name}.svg)"]
        if experiment.paper:
            parts.append(f"The paper's numbers are of another data set: {experiment.paper['is']}.")
    if found.experiment.claims and found.all:
        parts.append(claims_table(found))
    return "\n\n".join(parts)


def to_html(markdown, figures):
    """Turns the Markdown that this file writes into HTML."""
    def inline(text):
        text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text, quote=False))
        return re.sub(r"`(.+?)`", r"<code>\1</code>", text)

    blocks = []
    for block in markdown.split("\n\n"):
        if picture := re.match(r"!\[.*\]\(figures/(.*)\.svg\)", block):
            blocks.append(figures[picture[1]])
        elif block.startswith("#"):
            level = len(block) - len(block.lstrip("#"))
            blocks.append(f"<h{level}>{inline(block.lstrip('# '))}</h{level}>")
        elif block.startswith("|"):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if not line.startswith("|---")]
            cells = ["".join(f"<{tag}>{inline(cell)}</{tag}>" for cell in row) for row, tag in zip(rows, ["th"] + ["td"] * len(rows))]
            blocks.append("<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>")
        else:
            blocks.append(f"<p>{inline(block)}</p>")
    return HEAD + "\n".join(blocks) + "\n"


def write_report(out, experiments):
    everything = [Found(out, experiment) for experiment in experiments]
    there = [found for found in everything if found.all]
    intro = ("Videos whose class Kinema knows because it made them, small networks, three seeds: does what papers found on large data sets show "
             "here? A mean is of the seeds, with the interval in which the mean of many seeds lies with 95% probability; a claim agrees or does "
             "not where the interval of the differences leaves 0 out. Nothing that was run is left out.")
    missing = [found.experiment.title for found in everything if not found.all]
    pages = ["# What papers claim, on Kinema's videos", intro, *([summary(there)] if there else []), *map(section, there)]
    if missing:
        pages.append("Not run: " + "; ".join(missing) + ".")
    markdown = "\n\n".join(pages)
    figures = {found.experiment.name: figure(found) for found in there}
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for name, svg in figures.items():
        (out / "figures" / f"{name}.svg").write_text(svg)
    (out / "report.md").write_text(markdown + "\n")
    (out / "report.html").write_text(to_html(markdown, figures))
