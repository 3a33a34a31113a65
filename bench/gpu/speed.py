"""Implements the part `speed`: measures training steps and inference, beside PyTorch in the same run, over networks and batch sizes.

What matters most comes first: Kinema for every configuration, then PyTorch's variants, the likeliest to be quick first, each
for all configurations before the next; until the time is over. Per-kernel times come from Kinema's own events.
"""
import json
import os
import select
import subprocess
import sys

from support import Failed, Part, patience, rehearses

ENTRIES = ("infer", "train_step")
LAST, FIRST = "channels_last_3d", "contiguous"
# PyTorch has these variants: (entry, layout, precision, with what).
VARIANTS = [
    ("train_step", LAST, "bf16", []),
    ("infer", LAST, "bf16 weights", ["fold", "graph"]),
    ("train_step", LAST, "bf16", ["compile"]),
    ("infer", LAST, "bf16 weights", ["fold", "compile"]),
    ("train_step", LAST, "bf16", ["graph"]),
    ("train_step", FIRST, "bf16", []),
    ("infer", FIRST, "bf16 weights", ["fold", "graph"]),
    ("infer", LAST, "bf16", []),
    ("infer", LAST, "bf16 weights", ["fold", "max-autotune"]),
    ("train_step", LAST, "bf16", ["max-autotune"]),
    ("train_step", LAST, "tf32", []),
    ("infer", LAST, "tf32", ["fold", "graph"]),
]
# A configuration's first run tries cuDNN's kernels out, and torch.compile its own. These are the seconds that a variant may
# take, and those that must be left for it to begin.
EAGER, COMPILED = (150, 8), (200, 40)


class Peer:
    """Is PyTorch in a process of its own, which is started again when it has died or hung."""

    def __init__(self, part):
        self.part, self.process, self.settings = part, None, None

    def begin(self):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch.py")
        self.process = subprocess.Popen([sys.executable, program, *(["cpu"] if rehearses() else [])], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(os.path.join(self.part.out, "pytorch.log"), "a"))
        self.settings = self.read(90)

    def read(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], max(1.0, min(patience() * seconds, self.part.left())))
        line = self.process.stdout.readline() if ready else None
        if not line:
            self.end()
            raise Failed("PyTorch's process died (pytorch.log)" if ready else f"PyTorch was not done after {seconds:.0f} s")
        return json.loads(line)

    def ask(self, request, seconds):
        try:
            if not self.process:
                self.begin()
            self.process.stdin.write(json.dumps(request) + "\n")
            return self.read(seconds)
        except (Failed, OSError) as error:
            self.end()
            return {"error": str(error)}

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None


def configurations(part):
    return [one for one in part.contents["speed"] if part.wants(one)]


def label(one):
    return {key: one[key] for key in ("network", "batch", "frames", "size")}


def measure_kinema(part, one):
    try:
        done = part.runtime(part.file(one["package"]), "bench", "--per-kernel", "--json", "--runs", part.contents["runs"],
                            *(word for entry in ENTRIES for word in ("--entry", entry)), seconds=60)
    except Failed as error:
        return part.add(**label(one), who="kinema", error=str(error))
    document = json.loads(done.stdout)
    for entry in document["entries"]:
        with open(os.path.join(part.out, f"launches.{one['network']}.{one['batch']}.{entry['entry']}.json"), "w") as file:
            json.dump(entry["launches"], file, indent=1)
        launches = entry["launches"]
        memory = document["memory_bytes"]  # includes what copies take; a package for inference alone has the smaller arena
        if entry["entry"] == "infer":
            memory += one["infer_bytes"] - one["train_bytes"]
        part.add(**label(one), who="kinema", entry=entry["entry"], precision=one["precision"], seconds=entry["seconds"], least=entry["least"],
                 peak_bytes=memory, parameters=one["parameters"], device=document["device"], launches=len(launches),
                 launch_seconds=sum(launch["seconds"] for launch in launches), floor=sum(launch.get("floor", 0) for launch in launches),
                 predicted=sum(launch.get("predicted", 0) for launch in launches))


def measure_pytorch(part, peer, one, entry, layout, precision, ways):
    what = {"who": "pytorch", "entry": entry, "layout": layout, "precision": precision, "with": ways}
    most, least = COMPILED if {"compile", "max-autotune"} & set(ways) else EAGER
    if part.left() < (1 if rehearses() else least):
        return part.add(**label(one), **what, skipped="no time was left")
    answer = peer.ask({**label(one), **what, "classes": one["classes"], "seconds": 0.6}, most)
    if "error" in answer:  # this part does not fail where PyTorch cannot do something
        answer = {"skipped": answer["error"]}
    part.add(**label(one), **what, **answer)
    if "seconds" in answer and answer["parameters"] != one["parameters"]:
        part.add(**label(one), who="pytorch", error=f"another network: {answer['parameters']} parameters, not {one['parameters']}")


def main():
    part = Part("speed")
    peer = Peer(part)
    for one in configurations(part):
        if part.left() < 10:
            part.add(**label(one), who="kinema", skipped="no time was left")
            continue
        measure_kinema(part, one)
    peers = [one for one in configurations(part) if one["precision"] == "bf16"]
    for variant in VARIANTS:
        for one in peers:
            measure_pytorch(part, peer, one, *variant)
    part.add(who="pytorch", settings=peer.settings)
    peer.end()
    part.finish()


if __name__ == "__main__":
    main()
