"""Kinema beside PyTorch on this machine's CPU, in one run: inference and a training step of R(2+1)D-18 and R3D-18.

usage: against_pytorch.py KINEMA MODELS [RUNS]        (batch 2, 8x112x112, all cores; medians; writes JSON lines)
"""
import json
import os
import statistics
import subprocess
import sys
import time

import torch
import torchvision.models.video

BATCH, FRAMES, SIZE = 2, 8, 112


def seconds(work, runs):
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def pytorch(name, runs):
    model = getattr(torchvision.models.video, name)(num_classes=400)
    clips, labels = torch.randn(BATCH, 3, FRAMES, SIZE, SIZE), torch.randint(0, 400, (BATCH,))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def infer():
        with torch.no_grad():
            model(clips)

    def step():
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(clips), labels).backward()
        optimiser.step()

    # PyTorch 1.13's channels_last_3d has no fast CPU path: NCDHW is its best.
    model.eval()
    times = {"infer": seconds(infer, runs)}
    model.train()
    times["train_step"] = seconds(step, runs)
    return times


def kinema(program, models, name, runs):
    command = [program, "bench", os.path.join(models, "torchvision", name + ".arch"), "--frames", str(FRAMES), "--size", str(SIZE),
               "--batch", str(BATCH), "--runs", str(runs), "--entry", "infer", "--entry", "train_step", "--json"]
    document = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    entries = document["entries"]
    return {entry["entry"]: entry["seconds"] for entry in entries}


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main():
    program, models, *more = sys.argv[1:]
    runs = int(more[0]) if more else 5
    torch.set_num_threads(os.cpu_count())
    for name in ("r2plus1d_18", "r3d_18"):
        theirs, ours = pytorch(name, runs), kinema(program, models, name, runs)
        for entry in ("infer", "train_step"):
            print(json.dumps({"network": name, "entry": entry, "batch": BATCH, "frames": FRAMES, "size": SIZE,
                              "processor": processor(), "threads": torch.get_num_threads(), "pytorch": torch.__version__, "pytorch_seconds": round(theirs[entry], 4),
                              "kinema_seconds": round(ours[entry], 4), "ratio": round(theirs[entry] / ours[entry], 2)}), flush=True)


main()
