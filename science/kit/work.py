"""Does what an experiment asks for, by Kinema's commands: videos, trainings, evaluations. Each run leaves a JSON file in results/, and what
has one that was asked for in the same way is not done again."""
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from kit.experiments import SCIENCE

KINEMA = os.environ.get("KINEMA", str(SCIENCE.parent / "build" / "bin" / "kinema"))
REHEARSAL = {"train.epochs": 1, "train.batch": 4, "train.warmup": 0, "eval.clips": 1}


class Failure(Exception):
    pass


class Commands:
    """The commands that run, of which several do at a time; once stopped, none begins any more."""

    def __init__(self):
        self.lock, self.running, self.stopped = Lock(), set(), False

    def run(self, command):
        with self.lock:
            if self.stopped:
                raise Failure("stopped")
            process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.running.add(process)
        printed, told = process.communicate()
        with self.lock:
            self.running.discard(process)
        if process.returncode:
            raise Failure("stopped" if self.stopped else f"`{' '.join(command)}` failed with status {process.returncode}:\n{told[-2000:]}")
        return printed

    def stop(self):
        """A training that is told to end leaves a checkpoint."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.terminate()


COMMANDS = Commands()


def kinema(*arguments):
    try:
        return COMMANDS.run([KINEMA, *map(str, arguments)])
    except FileNotFoundError:
        raise Failure(f"{KINEMA} does not exist: build it (`make build`), or name it in KINEMA")


def as_text(value):
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def set_options(settings):
    return [part for name, value in settings.items() for part in ("--set", f"{name}={as_text(value)}")]


def file_name(text):
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", text.replace("(2+1)", "2plus1")).strip("_").lower()


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(path)


class Worker:
    def __init__(self, out, jobs, rehearse):
        self.out, self.jobs, self.rehearse = out, max(1, jobs), rehearse
        self.lock, self.locks = Lock(), {}

    def tell(self, text):
        print(text, flush=True)

    def once(self, key):
        """Returns the lock of what several runs may want at the same time."""
        with self.lock:
            return self.locks.setdefault(key, Lock())

    # Videos, optical flow and sizes, which runs share.

    def videos(self, options):
        options = {**options, **({"train": 2, "test": 1} if self.rehearse else {})}
        folder = self.out / "videos" / f"{options.get('family', 'pairs')}-{digest(options)}"
        with self.once(folder):
            if not (folder / "test.txt").exists():
                self.tell(f"videos {folder.name}")
            kinema("data", "make-motion", folder, "--threads", self.jobs, *[p for k, v in options.items() for p in (f"--{k}", v)])
        return folder, options

    def classes(self, folder):
        return len((folder / "classes.txt").read_text().split())

    def size(self, spec, settings):
        return json.loads(kinema("inspect", spec, "--json", *set_options(settings)))["parameters"]["total"]

    def width(self, run, settings):
        """The `ch` whose number of parameters is next to the one that the run wants."""
        with self.once((run.spec, str(settings), run.parameters)):
            low, high = 1, 128  # sizes: below or at what is wanted, and above it
            while high - low > 1:
                middle = (low + high) // 2
                below = self.size(run.spec, {**settings, "ch": middle}) <= run.parameters
                low, high = (middle, high) if below else (low, middle)
            return min((low, high), key=lambda ch: abs(self.size(run.spec, {**settings, "ch": ch}) - run.parameters))

    def flow(self, folder, run, settings):
        stored = folder / "flow"
        with self.once(stored):
            for part in ("train", "test"):
                kinema("data", "flow", folder / f"{part}.txt", "--network", run.spec, "--out", stored,
                       *set_options({k: v for k, v in settings.items() if k.startswith("data.")}))
        return ["--flow", stored]

    # One run.

    def settings(self, run, folder):
        settings = {**run.settings, "classes": self.classes(folder), **(REHEARSAL if self.rehearse else {})}
        if run.parameters:
            settings["ch"] = self.width(run, settings)
        return settings

    def folder_of(self, experiment, run, seed):
        return self.out / "runs" / experiment.name / f"{file_name(run.name)}-{seed}"

    def train(self, folder, run, settings, seed, lists, start, asked):
        """Trains, or goes on with a training that was asked for in the same way."""
        saved, note = folder / "last.safetensors", folder / "asked.json"
        if not note.exists() or json.loads(note.read_text()) != asked:
            saved.unlink(missing_ok=True)
            write_json(note, asked)
        if saved.exists() and len(self.curve(folder)) >= settings["train.epochs"]:
            return
        state = ["--resume"] if saved.exists() else ["--overwrite", *(["--weights", start, "--partial"] if start else [])]
        kinema("train", run.spec, *set_options({**settings, "train.seed": seed}), "--train", lists[0], "--test", lists[1], "--out", folder,
               "--threads", 1, "--loaders", 1, *state, *self.flow_of(run, lists, settings))

    def curve(self, folder):
        keys = ("epoch", "train_loss", "train_clip_top1", "test_loss", "test_video_top1", "seconds")
        path = folder / "curves.csv"
        if not path.exists():
            return []
        with path.open() as file:
            return [{key: float(row[key]) for key in keys if row[key]} for row in csv.DictReader(file)]

    def flow_of(self, run, lists, settings):
        return self.flow(lists[0].parent, run, settings) if run.flow else []

    def evaluate(self, network, weights, test, options):
        found = json.loads(kinema("eval", network, "--weights", weights, "--test", test, "--json", "--threads", 1, *options))
        return {key: found[key] for key in ("clip_top1", "video_top1", "loss") if key in found}

    def tests(self, run, folder, settings, lists, extra):
        weights, tests = folder / "last.safetensors", {}
        tests["test"] = self.evaluate(folder / "network.kinema", weights, lists[1], extra)
        tests["train"] = self.evaluate(folder / "network.kinema", weights, lists[0], extra)
        for other in run.evaluate:
            tests[other["name"]] = self.evaluate(run.spec, weights, lists[1], [*set_options({**settings, **other["set"]}), *extra])
        return tests

    def asked(self, experiment, run, settings, seed, data, start):
        spec = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(run.spec.parent.glob("*.arch")))).hexdigest()
        return {"spec": run.spec.name, "specs": spec[:12], "set": settings, "seed": seed, "videos": data, "flow": run.flow,
                "evaluate": run.evaluate, "start": start, "beside": run.beside}

    def one(self, experiment, run, seed):
        folder, data = self.videos(experiment.data[run.data])
        settings, lists = self.settings(run, folder), (folder / "train.txt", folder / "test.txt")
        start = self.folder_of(experiment, next(r for r in experiment.runs if r.name == run.start), seed) / "last.safetensors" if run.start else None
        path = self.out / "results" / experiment.name / f"{file_name(run.name)}-{seed}.json"
        asked = self.asked(experiment, run, settings, seed, data, run.start)
        out = self.folder_of(experiment, run, seed)
        if path.exists() and json.loads(path.read_text())["asked"] == asked:
            return
        if run.beside:
            result = self.both(experiment, run, seed, lists, settings)
        else:
            self.train(out, run, settings, seed, lists, start, asked)
            size = json.loads(kinema("inspect", run.spec, "--json", "--batch", 1, *set_options(settings)))
            curve = self.curve(out)
            result = {"parameters": size["parameters"]["total"], "macs": sum(launch["macs"] for launch in size["launches"]["infer"]),
                      "tests": self.tests(run, out, settings, lists, self.flow_of(run, lists, settings)), "curve": curve,
                      "seconds": sum(row["seconds"] for row in curve)}
        write_json(path, {"experiment": experiment.name, "network": run.name, "seed": seed, "rehearsal": self.rehearse,
                          "classes": self.classes(folder), **result, "asked": asked})
        self.tell(f"{experiment.name}: {run.name}, seed {seed}: {100 * result['tests']['test']['video_top1']:.1f}% of the test videos")

    def both(self, experiment, run, seed, lists, settings):
        """Two networks that were trained apart, evaluated together: their scores are averaged."""
        parts = []
        for name in (run.start, run.beside):
            other = next(r for r in experiment.runs if r.name == name)
            folder = self.folder_of(experiment, other, seed)
            parts.append((folder / "network.kinema", folder / "last.safetensors", self.flow_of(other, lists, {**settings, **other.settings})))
        (first, weights, flow_a), (second, second_weights, flow_b) = parts
        found = json.loads(kinema("eval", first, "--weights", weights, "--with", second, "--with-weights", second_weights, "--test", lists[1],
                                  "--json", "--threads", 1, *(flow_a or flow_b)))
        return {"tests": {"test": {key: found[key] for key in ("clip_top1", "video_top1", "loss") if key in found}}, "curve": [], "seconds": 0}

    def outcome(self, experiment, run, seed, future):
        """Waits for a run; returns how many failed, 0 or 1."""
        try:
            future.result()
            return 0
        except Failure as failure:
            print(f"science: {experiment.name}: {run.name}, seed {seed}: {failure}", file=sys.stderr)
            return 1

    def run(self, experiment):
        """Does all runs of an experiment, those first that others start from; returns how many failed."""
        seeds = experiment.seeds[:1] if self.rehearse else experiment.seeds
        failed, done, left = 0, set(), list(experiment.runs)
        while left:
            ready = [run for run in left if {run.start, run.beside} - {""} <= done]
            with ThreadPoolExecutor(self.jobs) as pool:
                work = [(run, seed, pool.submit(self.one, experiment, run, seed)) for seed in seeds for run in ready]
                try:
                    failed += sum(self.outcome(experiment, *each) for each in work)
                except KeyboardInterrupt:
                    COMMANDS.stop()
                    raise
            done |= {run.name for run in ready}
            left = [run for run in left if run.name not in done]
        return failed
