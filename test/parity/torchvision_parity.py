"""Compares Kinema with torchvision's video models, and MobileNetV2 on a frame: logits and features in evaluation mode, and one SGD step in training mode.

usage: torchvision_parity.py KINEMA MODELS [core | others | NETWORK:NxTxHxW ...]

A ReLU whose input is within rounding of zero passes a gradient in one implementation and none in the other; one such
element moves gradients by some 1e-3 to 1e-2, between PyTorch's float32 and its own float64 too. So batch norms are given
offsets that leave few inputs of ReLUs near zero, and a case may try three seeds: luck changes with them, a wrong gradient
does not.
"""
import copy
import os
import sys
import tempfile

import numpy
import torch
import torchvision

import comparison
import safetensors
from comparison import distance, norm

RATE, MOMENTUM, DECAY = 0.05, 0.9, 1e-3
LOGITS, STEP = 1e-4, 1e-3  # relative bounds
# S3D has so many ReLUs, and maxima of pools, that some always hang on rounding: it may be as far from PyTorch's float32
# as REACH times what that is from its float64.
LARGE, REACH = ("s3d",), 3
# The plain lowering's gradients are so near to float64's wherever PyTorch's float32 is. What rounding alone makes of an
# ill-conditioned one may be more, up to REACH times what it makes of PyTorch's.
EXACT = 1e-4


class MobileNetV2(torchvision.models.MobileNetV2):
    """Takes clips of one frame."""

    def forward(self, x):
        return super().forward(x.squeeze(2))


MOBILENET_V2 = """use mobilenet
network net classes=400 frames=1 size=224 height=size width=size {
  set bn.eps=1e-5
  input rgb [3 frames height width]
  _: mobilenet_v2
  pool avg global -> fc classes
}
"""
# What differs from torchvision.models.video.NAME(num_classes=400), models/torchvision/NAME.arch and the naming torchvision.
# Neither drops anything, since both draw other elements.
MODELS = {"s3d": lambda: torchvision.models.video.s3d(num_classes=400, dropout=0),
          "mobilenet_v2": lambda: MobileNetV2(num_classes=400, dropout=0)}
SPECS = {"mobilenet_v2": MOBILENET_V2}
OPTIONS = {"s3d": ["--set", "drop=0"], "mobilenet_v2": ["--names", "torchvision-mobilenet"]}
# Layers of its ResNets, and what torchvision calls them.
LAYERS = {"stem": "stem", "stage2.0.residual": "layer2.0", "stage4.1.residual": "layer4.1", "fc": "fc"}


def network(name, seed):
    """Returns the model with random weights and statistics, so that a wrong index cannot leave a result unchanged."""
    torch.manual_seed(seed)
    return randomised(MODELS[name]() if name in MODELS else getattr(torchvision.models.video, name)(num_classes=400))


def randomised(model):
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(3, 0.5)
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2.0)
        last = [module for module in model.modules() if isinstance(module, (torch.nn.Linear, torch.nn.Conv3d))][-1]
        last.weight.normal_(0, 0.05)
        last.bias.normal_(0, 0.1)
    return model


def state(model):
    return {k: v.detach().numpy().copy() for k, v in model.state_dict().items() if "num_batches" not in k}


def hook(model):
    """Returns a dictionary which, after a ResNet has run, has the features of LAYERS: the means over T, H and W."""
    features = {}
    for ours, theirs in LAYERS.items() if hasattr(model, "layer4") else ():
        def keep(module, inputs, output, name=f"features.{ours}"):
            features[name] = output.detach().flatten(2).mean(2).numpy() if output.dim() > 2 else output.detach().numpy()
        model.get_submodule(theirs).register_forward_hook(keep)
    return features


def run(kinema, spec, files, *more):
    names = [] if "--names" in more else ["--names", "torchvision"]
    return comparison.run(kinema, {**files, "spec": spec}, *names, *more)


def files_in(folder):
    return {key: os.path.join(folder, key + ".safetensors") for key in ("weights", "input", "output")}


def torch_step(model, clips, labels):
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    loss = torch.nn.functional.cross_entropy(model(clips), labels)
    loss.backward()
    gradients = {f"grad.{k}": p.grad.numpy().copy() for k, p in model.named_parameters() if p.requires_grad}
    optimiser.step()
    return {"loss": loss.detach().numpy(), **gradients, **state(model)}


def compare(kinema, models, name, shape, seed, folder):
    model = network(name, seed)
    spec = os.path.join(models, "torchvision", name + ".arch")
    if name in SPECS:
        spec = os.path.join(folder, name + ".arch")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(SPECS[name])
    return compare_with(kinema, model, spec, shape, folder, OPTIONS.get(name, []), name in LARGE)


def is_exact(found, plain, wanted, exact, least):
    """Returns whether the plain lowering's gradients are as near to float64 as EXACT and REACH say."""
    # A gradient of one element may be near zero by chance, so those of the network count as one tensor.
    single = {key for key, value in exact.items() if key.startswith("grad.") and value.size == 1}

    def together(tensors):
        gradients = {key: tensors[key].ravel() for key in exact if key.startswith("grad.") and key not in single}
        if single:
            gradients["those of one element"] = numpy.concatenate([tensors[key].ravel() for key in sorted(single)])
        return gradients

    def far(tensors):
        gradients = together(tensors)
        return {key: distance(gradients[key], value, least) for key, value in together(exact).items()}
    kernels, reference, theirs = far(found), far(plain), far(wanted)
    near = {key: reference[key] / max(EXACT, REACH * value) for key, value in theirs.items() if value <= EXACT}
    key = max(near, key=near.get, default="none")
    print(f"  gradients beside float64: PyTorch's float32 {max(theirs.values()):.1e}, kernels {max(kernels.values()):.1e}, --reference "
          f"{max(reference.values()):.1e}; of {len(near)} of {len(theirs)}, that PyTorch has within {EXACT:.0e}, "
          f"{key} uses {near.get(key, 0):.2f} of its bound", flush=True)
    return near.get(key, 0) <= 1


def compare_with(kinema, model, spec, shape, folder, options, large):
    """Returns whether scores and a step of the spec agree with the model's."""
    n, frames, height, width = shape
    name = os.path.basename(spec)[:-len(".arch")]
    clips = torch.randn(n, 3, frames, height, width)
    labels = torch.randint(0, 400, (n,))
    files = files_in(folder)
    safetensors.save(files["weights"], state(model))
    safetensors.save(files["input"], {"input": clips.numpy(), "labels": labels.numpy()})
    model.eval()
    features = hook(model)
    with torch.no_grad():
        wanted = {"logits": model(clips).numpy(), **features}
    found = run(kinema, spec, files, *options, *(["--layers", ",".join(LAYERS)] if features else []))
    worst = {"logits": max(distance(found[key], value) for key, value in wanted.items())}
    step = ["--step", "--rate", str(RATE), "--momentum", str(MOMENTUM), "--weight-decay", str(DECAY), *options]
    found = run(kinema, spec, files, *step)
    plain = run(kinema, spec, files, *step, "--reference")
    exact = torch_step(copy.deepcopy(model).double(), clips.double(), labels)
    wanted = torch_step(model, clips, labels)
    # The bias of a batch norm before a conv and another batch norm has no gradient but what rounding makes.
    least = 1e-5 * max(norm(value) for key, value in wanted.items() if key.startswith("grad."))
    bound = STEP
    if large:
        bound = max(bound, REACH * max(distance(wanted[key], value, least) for key, value in exact.items() if key.startswith("grad.")))
    for key, value in wanted.items():
        if key not in found:
            sys.exit(f"{name}: the output lacks {key}")
        kind = "gradients" if key.startswith("grad.") else "loss" if key == "loss" else "statistics" if "running" in key else "weights"
        far = distance(found[key], value, least if kind == "gradients" else 1e-12)
        worst[kind] = max(worst.get(kind, 0), far)
        if far > bound:
            print(f"  {key}: {far:.1e} of norm {norm(value):.1e}")
    print(f"{name} {n}x3x{frames}x{height}x{width}: " + ", ".join(f"{k} {v:.1e}" for k, v in worst.items()) + f"; bound {bound:.1e}",
          flush=True)
    return is_exact(found, plain, wanted, exact, least) and worst["logits"] <= LOGITS and all(v <= bound for k, v in worst.items() if k != "logits")


CASES = ["r2plus1d_18:3x5x56x72", "r3d_18:2x8x56x56", "mc3_18:2x8x56x56", "s3d:1x16x224x224", "mobilenet_v2:4x1x96x96"]
SEEDS = (1, 2, 3)


def chosen(cases, arguments):
    """Returns the cases that the command's arguments stand for. `core`, which every change is tried on, is the first."""
    return {(): cases, ("core",): cases[:1], ("others",): cases[1:]}.get(tuple(arguments), arguments)


def compare_all(kinema, models, cases, compare):
    """Ends the program: with success if `compare` is true of each case at one of the seeds."""
    torch.set_num_threads(2)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            name, text = case.split(":")
            shape = [int(size) for size in text.split("x")]
            good &= any(compare(kinema, models, name, shape, seed, folder) for seed in SEEDS)
    sys.exit(0 if good else "beyond the bounds")


def main():
    kinema, models, *cases = sys.argv[1:]
    compare_all(kinema, models, chosen(CASES, cases), compare)


if __name__ == "__main__":
    main()
