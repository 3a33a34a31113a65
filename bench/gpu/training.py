"""Implements the part `training`: a short training on videos of moving pictures, whose loss must fall, in each precision; it runs
twice, and both runs must give the same bits."""
import csv
import os
import shutil
import time

from support import Failed, Part


def train(part, package, number):
    """Trains, and returns curves and weights of the run."""
    plan = part.contents["training"]
    folder = os.path.join(part.work, f"training{number}")
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.monotonic()
    part.runtime(part.file(package), "train", "--train", part.file(plan["train"]), "--test", part.file(plan["test"]),
                 "--out", folder, "--epochs", plan["epochs"], "--test-every", plan["epochs"])
    with open(os.path.join(folder, "curves.csv")) as file:
        rows = list(csv.DictReader(file))
    return rows, open(os.path.join(folder, "last.safetensors"), "rb").read(), time.monotonic() - begin


def number(row, *names):
    for name in names:
        if row.get(name):
            return float(row[name])
    return None


def check(part, package):
    precision = os.path.basename(package).removesuffix(".kinema")
    try:
        rows, weights, seconds = train(part, package, 1)
        _, again, _ = train(part, package, 2)
    except (Failed, OSError) as error:
        return part.add(precision=precision, passed=False, error=str(error))
    losses = [number(row, "train_loss") for row in rows]
    fell = losses[-1] <= part.contents["training"]["falls_to"] * losses[0]
    part.add(precision=precision, passed=fell and weights == again, losses=losses, fell=fell, same_bits=weights == again, seconds=round(seconds, 2),
             clip_top1=number(rows[-1], "test_clip_top1"), video_top1=number(rows[-1], "test_video_top1"),
             clips_per_second=number(rows[-1], "clips_per_second"))


def main():
    part = Part("training")
    for package in part.contents["training"]["packages"]:
        check(part, package)
    part.finish()


if __name__ == "__main__":
    main()
