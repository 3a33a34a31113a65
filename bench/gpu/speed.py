"""Part `speed`: training steps and inference, beside PyTorch in the same run, over networks and batch sizes.

What matters most comes first: Kinema and PyTorch's bf16 for every network and batch, then tf32, then torch.compile of
what was PyTorch's best; each until the time is over. Per-kernel times come from Kinema's own events.
"""
import json
import os
import select
import subprocess
import sys

from support import Failed, Part, patience, rehearses

ENTRIES = ("infer", "train_step")
LAYOUTS = ("channels_last_3d", "contiguous")


class Peer:
    """PyTorch in a process of its own, which is begun again when it died or hung."""

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
    return [one for one in part.contents["speed"] if not part.chosen or one["network"] in part.chosen]


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
        memory = document["memory_bytes"]  # with what copies take; a package for inference alone has the smaller arena
        if entry["entry"] == "infer":
            memory += one["infer_bytes"] - one["train_bytes"]
        part.add(**label(one), who="kinema", entry=entry["entry"], precision="bf16", seconds=entry["seconds"], least=entry["least"],
                 peak_bytes=memory, parameters=one["parameters"], device=document["device"], launches=len(launches),
                 launch_seconds=sum(launch["seconds"] for launch in launches), floor=sum(launch.get("floor", 0) for launch in launches),
                 predicted=sum(launch.get("predicted", 0) for launch in launches))


def measure_pytorch(part, peer, one, entry, layout, precision, compiled):
    what = {"who": "pytorch", "entry": entry, "layout": layout, "precision": precision, "compile": compiled}
    if part.left() < (40 if compiled else 5) and not rehearses():
        return part.add(**label(one), **what, skipped="no time was left")
    request = {**label(one), **what, "classes": one["classes"], "seconds": 0.6}
    answer = peer.ask(request, 150 if compiled else 60)
    if "error" in answer:  # what PyTorch cannot do is no failure of this part
        answer = {"skipped": answer["error"]}
    part.add(**label(one), **what, **answer)
    if "seconds" in answer:
        if answer["parameters"] != one["parameters"]:
            part.add(**label(one), who="pytorch", error=f"another network: {answer['parameters']} parameters, not {one['parameters']}")
        return answer["seconds"]
    return None


def main():
    part = Part("speed")
    peer = Peer(part)
    eager = {}  # (network, batch, entry): [(seconds, layout, precision)]
    for one in configurations(part):
        if part.left() < 10:
            part.add(**label(one), who="kinema", skipped="no time was left")
            continue
        measure_kinema(part, one)
        for entry in ENTRIES:
            for layout in LAYOUTS:
                seconds = measure_pytorch(part, peer, one, entry, layout, "bf16", False)
                eager.setdefault((one["network"], one["batch"], entry), []).append((seconds or float("inf"), layout, "bf16"))
    for one in configurations(part):
        for entry in ENTRIES:
            for layout in LAYOUTS:
                seconds = measure_pytorch(part, peer, one, entry, layout, "tf32", False)
                eager.setdefault((one["network"], one["batch"], entry), []).append((seconds or float("inf"), layout, "tf32"))
    for one in configurations(part):
        for entry in reversed(ENTRIES):
            _, layout, precision = min(eager[one["network"], one["batch"], entry])
            measure_pytorch(part, peer, one, entry, layout, precision, True)
    part.add(who="pytorch", settings=peer.settings)
    peer.end()
    part.finish()


if __name__ == "__main__":
    main()
