"""Compares losses with PyTorch's, on the CPU and in the emulator: class weights, label smoothing, mixed labels, several labels.

usage: losses_parity.py KINEMA
"""
import os
import sys
import tempfile

import torch
import torch.nn.functional as F

import safetensors
from comparison import distance, run

BOUND = 1e-5  # norm of the difference over the norm
BATCH, CLASSES = 4, 37

SPEC = """network net classes={classes} {{
  input rgb 3x2x4x4
  pool avg global -> fc classes
}}
train {{ {train} }}
"""


def weighted(logits, random):
    labels, weights = torch.randint(CLASSES, (BATCH,), generator=random), torch.rand(CLASSES, generator=random)
    loss = F.cross_entropy(logits, labels, weight=weights, label_smoothing=0.2)
    return loss, {"labels": labels, "class_weights": weights}


def masked(logits, random):
    labels, weights = torch.randint(CLASSES, (BATCH,), generator=random), torch.rand(CLASSES, generator=random)
    labels[1] = -1
    loss = F.cross_entropy(logits, labels, weight=weights, label_smoothing=0.2, ignore_index=-1)
    return loss, {"labels": labels, "class_weights": weights}


def mixed(logits, random):
    targets = F.one_hot(torch.randint(CLASSES, (BATCH,), generator=random), CLASSES).float()
    targets = 0.3 * targets + 0.7 * targets.flip(0)
    return F.cross_entropy(logits, targets, label_smoothing=0.1), {"targets": targets}


def several(logits, random):
    targets = (torch.rand(BATCH, CLASSES, generator=random) < 0.2).float()
    return F.binary_cross_entropy_with_logits(logits, targets), {"targets": targets}


def several_mixed(logits, random):
    targets = torch.rand(BATCH, CLASSES, generator=random)
    return F.binary_cross_entropy_with_logits(logits, targets), {"targets": targets}


CASES = {
    weighted: "loss cross_entropy smoothing=0.2 class_weights=file",
    masked: "loss cross_entropy smoothing=0.2 class_weights=file",
    mixed: "loss cross_entropy smoothing=0.1 -> mix mixup=0.8 cutmix=1",
    several: "loss binary_cross_entropy",
    several_mixed: "loss binary_cross_entropy -> mix mixup=0.8",
}


def compare(kinema, case, folder):
    random = torch.Generator().manual_seed(1)
    clips = torch.randn(BATCH, 3, 2, 4, 4, generator=random)
    weight, bias = (30 * torch.randn(CLASSES, 3, generator=random)).requires_grad_(), torch.randn(CLASSES, generator=random).requires_grad_()
    logits = F.linear(clips.mean((2, 3, 4)), weight, bias)
    loss, told = case(logits, random)
    loss.backward()
    files = {key: os.path.join(folder, key) for key in ("weights", "input", "output")} | {"spec": os.path.join(folder, "net.arch")}
    with open(files["spec"], "w") as file:
        file.write(SPEC.format(classes=CLASSES, train=CASES[case]))
    safetensors.save(files["weights"], {"fc.weight": weight.detach().numpy(), "fc.bias": bias.detach().numpy()})
    safetensors.save(files["input"], {"input": clips.numpy()} | {name: value.numpy() for name, value in told.items()})
    right = True
    for device in ("cpu", "emulator"):
        found = run(kinema, files, "--step", "--device", device, "--precision", "fp32", "--no-cache")
        far = {"loss": distance(found["loss"], loss.detach().numpy())}
        for name, value in (("fc.weight", weight), ("fc.bias", bias)):
            far[name] = distance(found["grad." + name], value.grad.numpy())
        print(f"{case.__name__} on {device}: " + ", ".join(f"{name} {much:.1e}" for name, much in far.items()), flush=True)
        right &= max(far.values()) <= BOUND
    return right


def main():
    with tempfile.TemporaryDirectory() as folder:
        differing = [case.__name__ for case in CASES if not compare(sys.argv[1], case, folder)]
    sys.exit(f"beyond {BOUND}: {', '.join(differing)}" if differing else 0)


if __name__ == "__main__":
    main()
