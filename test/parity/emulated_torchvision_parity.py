"""Compares a GPU's kernels, run by the emulator, with torchvision's video models: logits in evaluation mode, and one SGD
step.

usage: emulated_torchvision_parity.py KINEMA MODELS fp32|bf16x3|bf16|fp16 [NETWORK:NxTxHxW ...]

In fp32 and, by terms, in bf16x3 the bounds are those of torchvision_parity.py. In bf16 and fp16 results differ from PyTorch's float32 by what rounding does,
which batch norms multiply: by 1e-3 at the loss, by 0.2 in the gradients of deep layers. How much it may be is measured in
PyTorch with the same roundings (rounding.py), in three runs whose weights differ by 1e-5. A tensor may be REACH times as
far from float32 as the furthest of the three, or as the middle one of its kind. And since rounding has no direction, a
conv's gradient may be larger or smaller as a whole by no more than SLOPE of that. PyTorch's own results with faults check
that these bounds find them: a conv lacks a tap, its data gradient lacks one, its weights' gradient is 1.05 times too large.
"""
import copy
import os
import subprocess
import sys
import tempfile

import numpy
import torch

import safetensors
from rounding import round_like_a_gpu
from torchvision_parity import DECAY, LOGITS, MOMENTUM, RATE, SEEDS, STEP, distance, network, run, state, torch_step

CASES = {"fp32": ["r3d_18:2x3x17x17", "mc3_18:2x3x17x17", "r2plus1d_18:2x3x17x17"],
         "bf16": ["r3d_18:2x3x33x33", "mc3_18:2x3x33x33", "r2plus1d_18:2x3x33x33"]}
CASES["bf16x3"] = CASES["fp32"][2:]
CASES["fp16"] = CASES["bf16"][2:]
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
REACH, SLOPE = 2.0, 0.3
RUNS = 3
FAULTY = "layer2.1.conv1.0"  # the conv that gets the faults; of a (2+1)D conv, the spatial one


def kind(name, tensor):
    if name in ("logits", "loss"):
        return name
    what = "gradients" if name.startswith("grad.") else "statistics" if "running_" in name else "weights"
    return f"{what} of {'convs' if tensor.ndim == 5 else 'fc' if 'fc.' in name else 'batch norms'}"


def torch_results(model, clips, labels):
    """Returns what `kinema run` writes without and with --step."""
    model.eval()
    with torch.no_grad():
        logits = model(clips).numpy()
    return {"logits": logits} | torch_step(model, clips, labels)


def calm(model):
    """Makes batch norms multiply what rounding does by less."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm3d):
                module.weight.uniform_(0.8, 1.2)
                module.bias.normal_(2, 0.3)


def rounded(model, seed, half):
    """Returns a copy that rounds, with its weights moved by less than rounding does."""
    random = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 1 + 1e-5 * torch.randn(parameter.shape, generator=random)
    round_like_a_gpu(model, half)
    return model


def conv_of(model, name):
    module = model.get_submodule(name)
    return module[0] if isinstance(module, torch.nn.Sequential) else module


def without_a_tap(weight):
    weight = weight.detach().clone()
    weight[:, :, weight.shape[2] // 2, 0, 1] = 0
    return weight


def lack_a_tap(model):
    conv = conv_of(model, FAULTY)
    conv.weight.data = without_a_tap(conv.weight)


def scale_weight_gradient(model):
    conv_of(model, FAULTY).weight.register_hook(lambda gradient: 1.05 * gradient)


def lack_a_tap_backwards(model):
    conv = conv_of(model, FAULTY)
    right, wrong = conv.forward, without_a_tap(conv.weight)

    def forward(x):
        backwards = torch.nn.functional.conv3d(x, wrong, None, conv.stride, conv.padding)
        return right(x.detach()) + backwards - backwards.detach()

    conv.forward = forward


FAULTS = (lack_a_tap, lack_a_tap_backwards, scale_weight_gradient)


def slope(found, wanted):
    """Returns how much larger `found` is than `wanted`, as a whole."""
    return numpy.vdot(found, wanted) / numpy.vdot(wanted, wanted) - 1


class Float32Bounds:
    def __init__(self, wanted):
        self.wanted = wanted

    def excess(self, name, found):
        """Returns the distance as a share of its bound."""
        return distance(found, self.wanted[name]) / (LOGITS if name == "logits" else STEP)


class HalfBounds:
    def __init__(self, wanted, runs):
        self.wanted = wanted
        furthest = {name: max(distance(run[name], value) for run in runs) for name, value in wanted.items()}
        kinds = {}
        for name, far in furthest.items():
            kinds.setdefault(kind(name, wanted[name]), []).append(far)
        self.reach = {name: max(far, numpy.median(kinds[kind(name, wanted[name])])) for name, far in furthest.items()}
        self.reach["loss"] = max(self.reach["loss"], self.reach["logits"])  # one number may be near by chance

    def excess(self, name, found):
        wanted, reach = self.wanted[name], self.reach[name]
        excess = distance(found, wanted) / (REACH * reach)
        if kind(name, wanted) == "gradients of convs":
            excess = max(excess, abs(slope(found, wanted)) / (SLOPE * reach))
        return excess


def kinema_results(kinema, models, precision, name, model, clips, labels, folder):
    n, _, frames, height, width = clips.shape
    files = {key: os.path.join(folder, key + ".safetensors") for key in ("weights", "input", "output")}
    safetensors.save(files["weights"], state(model))
    safetensors.save(files["input"], {"input": clips.numpy(), "labels": labels.numpy()})
    package = os.path.join(folder, "network.kinema")
    subprocess.run([kinema, "compile", os.path.join(models, "torchvision", name + ".arch"), "--batch", str(n), "--frames", str(frames),
                    "--size", f"{height}x{width}", "--target", "sm_90a", "--emulator", "--precision", precision, "--keep-gradients",
                    "--cuda-path", "/nowhere", "-o", package], check=True, stderr=subprocess.DEVNULL)
    device = ["--device", "emulator"]
    step = run(kinema, package, files, *device, "--step", "--rate", str(RATE), "--momentum", str(MOMENTUM), "--weight-decay", str(DECAY))
    return step | {"logits": run(kinema, package, files, *device)["logits"]}  # the logits are not those of the step


def agrees(title, found, bounds):
    """Prints, for each kind of tensor, the largest distance and the largest share of its bound; returns whether all are within."""
    worst = {}
    for name, wanted in bounds.wanted.items():
        if name not in found:
            sys.exit(f"{title}: the output lacks {name}")
        far, excess = distance(found[name], wanted), bounds.excess(name, found[name])
        before = worst.get(kind(name, wanted), (0, 0))
        worst[kind(name, wanted)] = (max(before[0], far), excess if not excess <= before[1] else before[1])
        if not excess <= 1:
            print(f"  {title}: {name} is {far:.1e} off: {excess:.2f} of what it may be")
    print(f"{title}: " + ", ".join(f"{what} {far:.1e} ({part:.2f})" for what, (far, part) in worst.items()), flush=True)
    return all(part <= 1 for _, part in worst.values())


def finds_faults(name, model, clips, labels, bounds, half):
    good = True
    for seed, fault in enumerate(FAULTS):
        faulty = rounded(model, RUNS + 1 + seed, half)
        fault(faulty)
        found = torch_results(faulty, clips, labels)
        largest = max(bounds.wanted, key=lambda tensor: bounds.excess(tensor, found[tensor]))
        excess = bounds.excess(largest, found[largest])
        print(f"{name}, fault {fault.__name__}: {largest} is at {excess:.2f} of what it may be", flush=True)
        good &= excess > 1
    return good


def compare(kinema, models, precision, name, shape, seed, folder):
    n, frames, height, width = shape
    model = network(name, seed)
    half = HALVES.get(precision)
    if half:
        calm(model)
    clips = torch.randn(n, 3, frames, height, width)
    labels = torch.randint(0, 400, (n,))
    found = kinema_results(kinema, models, precision, name, model, clips, labels, folder)
    wanted = torch_results(copy.deepcopy(model), clips, labels)
    title = f"{name} {precision} {n}x3x{frames}x{height}x{width}"
    if not half:
        return agrees(title, found, Float32Bounds(wanted))
    bounds = HalfBounds(wanted, [torch_results(rounded(model, 1 + i, half), clips, labels) for i in range(RUNS)])
    return agrees(title, found, bounds) & finds_faults(title, model, clips, labels, bounds, half)


def main():
    kinema, models, precision, *cases = sys.argv[1:]
    torch.set_num_threads(2)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for case in cases or CASES[precision]:
            name, text = case.split(":")
            shape = [int(size) for size in text.split("x")]
            # A ReLU near zero may flip: see torchvision_parity.py.
            good &= any(compare(kinema, models, precision, name, shape, seed, folder) for seed in SEEDS)
    sys.exit(0 if good else "beyond the bounds")


if __name__ == "__main__":
    main()
