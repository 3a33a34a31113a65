"""What an experiment is: data (folders of videos), networks (specs with settings) and claims, read from a TOML file."""
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

SCIENCE = Path(__file__).resolve().parents[1]


@dataclass
class Run:
    """One network of an experiment, trained once for each seed."""
    name: str
    spec: Path
    settings: dict          # of the network and of its recipe
    data: str               # the name of the videos that it is trained and tested on
    parameters: int = 0     # where not 0, `ch` is chosen so that there are about as many
    start: str = ""         # another run, whose weights it starts from
    evaluate: list = field(default_factory=list)  # further tests, each with a name and settings
    beside: str = ""        # another run, with which it is evaluated together, and which is then not trained anew
    flow: bool = False      # its input is optical flow


@dataclass
class Claim:
    """That one run is better than another, by a measure in which more is better."""
    text: str
    lower: str
    higher: str
    measure: str = "video"


@dataclass
class Experiment:
    name: str
    title: str
    question: str
    figure: str             # how results are drawn: bars, errors or cost
    seeds: list
    data: dict              # name -> options of `kinema data make-motion`
    runs: list
    claims: list
    paper: dict             # "is": what the paper's numbers are, "columns" and "rows"


def names():
    return sorted(path.stem for path in (SCIENCE / "experiments").glob("*.toml"))


def only_known(where, table, known):
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise SystemExit(f"science: {where}: unknown: {', '.join(unknown)}; known: {', '.join(known)}")


def load(name):
    path = SCIENCE / "experiments" / f"{name}.toml"
    with path.open("rb") as file:
        text = tomllib.load(file)
    only_known(path, text, ["title", "question", "figure", "seeds", "recipe", "spec", "parameters", "data", "runs", "claims", "paper"])
    runs = []
    for given in text["runs"]:
        only_known(f"{path}: runs", given, ["name", "spec", "set", "data", "parameters", "start", "evaluate", "beside", "flow"])
        runs.append(Run(name=given["name"], spec=SCIENCE / "networks" / (given.get("spec", text.get("spec")) + ".arch"),
                        settings={**text.get("recipe", {}), **given.get("set", {})}, data=given.get("data", next(iter(text["data"]))),
                        parameters=given.get("parameters", text.get("parameters", 0)), start=given.get("start", ""),
                        evaluate=given.get("evaluate", []), beside=given.get("beside", ""), flow=given.get("flow", False)))
    known = {run.name for run in runs}
    claims = [Claim(**claim) for claim in text.get("claims", [])]
    for other in [o for run in runs for o in (run.start, run.beside) if o] + [n for claim in claims for n in (claim.lower, claim.higher)]:
        if other not in known:
            raise SystemExit(f"science: {path}: no run is called '{other}'; there are {', '.join(sorted(known))}")
    return Experiment(name, text["title"], text["question"], text.get("figure", "bars"), text.get("seeds", [1, 2, 3]), text["data"], runs,
                      claims, text.get("paper", {}))
