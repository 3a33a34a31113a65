"""Compares optimisers with PyTorch's in float64 over several steps on a small network: weights, statistics and averages. LARS, which
PyTorch lacks, is compared with the paper's formula.

A step is small beside the weight that it changes, and the weight is stored in float32. So a tensor may be off by a share of how far
it has gone (STEP), and by what its storage rounds (STORED, of the tensor's norm: half a unit in the last place for each step, and as
much again for an average). PyTorch in float32 uses less than half of that. Gradients are far above their rounding, since the last
layer's weights are large: AdamW divides by them, and small ones would be as wrong as they are small.

usage: optimiser_parity.py KINEMA --device cpu|emulator
"""
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F

import safetensors

STEP, STORED = 2e-5, 2.0**-22
STEPS, RATE, CLASSES = 4, 0.05, 5
GPU = ["--target=sm_90a", "--emulator", "--cuda-path=/nowhere", "--precision=fp32"]
NETWORK = """network net {
  input rgb 3x4x6x8
  a: conv 3x3x3 ch=6 act=sigmoid
  b: conv 1x3x3 ch=9 act=sigmoid
  pool avg global -> fc %d
}
train { rate %g -> %s }
"""


class ConvNorm(torch.nn.Conv3d):
    """Is a conv, its batch norm and a sigmoid: the mask of a ReLU can hang on rounding."""

    def __init__(self, channels, filters, kernel):
        super().__init__(channels, filters, kernel, padding=tuple(size // 2 for size in kernel), bias=False)
        self.bn = torch.nn.BatchNorm3d(filters, eps=1e-3)

    def forward(self, x):
        return torch.sigmoid(self.bn(super().forward(x)))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = ConvNorm(3, 6, (3, 3, 3)), ConvNorm(6, 9, (1, 3, 3)), torch.nn.Linear(9, CLASSES)
        with torch.no_grad():
            self.fc.weight.mul_(10)
            for norm in (self.a.bn, self.b.bn):
                norm.weight.uniform_(0.5, 1.5)
                norm.bias.normal_()
                norm.running_mean.normal_(0, 0.3)
                norm.running_var.uniform_(0.5, 2.0)

    def forward(self, x):
        return self.fc(self.b(self.a(x)).mean((2, 3, 4)))


class Lars(torch.optim.Optimizer):
    """Follows You, Gitman and Ginsburg (2017), algorithm 1; parameters of groups with `plain` have the rate itself and no decay."""

    def __init__(self, parameters, lr, momentum, weight_decay, trust):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "plain": False})

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                w, g = p.detach().numpy().astype(float), p.grad.numpy().astype(float)
                rate = group["lr"]
                if not group["plain"]:
                    rate *= group["trust"] * numpy.linalg.norm(w) / (numpy.linalg.norm(g) + group["weight_decay"] * numpy.linalg.norm(w))
                    g = g + group["weight_decay"] * w
                v = group["momentum"] * self.state[p].get("v", numpy.zeros_like(w)) + rate * g
                self.state[p]["v"] = v
                with torch.no_grad():
                    p.copy_(torch.from_numpy(w - v))


def groups(net, **spared):
    """Returns groups of parameters, of which norms and biases are `spared`."""
    isSpared = {name: ".bn." in name or name.endswith("bias") for name, _ in net.named_parameters()}
    pick = lambda which: [p for name, p in net.named_parameters() if isSpared[name] == which]
    return [{"params": pick(False)}, {"params": pick(True), **spared}]


def freeze(net):
    for p in net.a.parameters():
        p.requires_grad_(False)
    net.a.bn.eval()
    slow = [p for name, p in net.named_parameters() if name.startswith("b.")]
    return [{"params": slow, "lr": 0.1 * RATE}, {"params": net.fc.parameters(), "lr": 10 * RATE}]


def freeze_norms(net):
    for norm in (net.a.bn, net.b.bn):
        norm.requires_grad_(False)
        norm.eval()
    return [p for p in net.parameters() if p.requires_grad]


class Case:
    """Says a recipe in Kinema's words, the optimiser that it means, and what is done around that."""

    def __init__(self, recipe, optimiser, max_norm=None, accumulate=1, average=None):
        self.recipe, self.optimiser, self.max_norm, self.accumulate, self.average = recipe, optimiser, max_norm, accumulate, average


def sgd(**more):
    return lambda net: torch.optim.SGD(net.parameters(), RATE, momentum=0.9, weight_decay=0.01, **more)


CASES = {
    "sgd": Case("sgd decay=0.01", sgd()),
    "nesterov": Case("sgd nesterov=on decay=0.01", sgd(nesterov=True)),
    "adamw": Case("adamw beta1=0.8 beta2=0.99 epsilon=1e-6 decay=0.1",
                  lambda net: torch.optim.AdamW(net.parameters(), RATE, (0.8, 0.99), 1e-6, 0.1)),
    "spared": Case("adamw decay=0.5 spare=[norms biases]",
                   lambda net: torch.optim.AdamW(groups(net, weight_decay=0), RATE, weight_decay=0.5)),
    "lars": Case("lars decay=0.01 trust=0.02", lambda net: Lars(net.parameters(), RATE, 0.9, 0.01, 0.02)),
    "lars spared": Case("lars decay=0.01 trust=0.02 spare=[norms biases]",
                        lambda net: Lars(groups(net, plain=True), RATE, 0.9, 0.01, 0.02)),
    "frozen": Case("sgd decay=0.01 -> parts a.* b.* fc.* rates=[0 0.1 10]",
                   lambda net: torch.optim.SGD(freeze(net), RATE, momentum=0.9, weight_decay=0.01)),
    "frozen norms": Case("sgd decay=0.01 -> parts *.bn.* rates=0",
                         lambda net: torch.optim.SGD(freeze_norms(net), RATE, momentum=0.9, weight_decay=0.01)),
    "clipped": Case("sgd decay=0.01 -> gradients max_norm=0.1", sgd(), max_norm=0.1),
    "seldom clipped": Case("sgd decay=0.01 -> gradients max_norm=100", sgd(), max_norm=100),
    "accumulated": Case("sgd decay=0.01 -> gradients accumulate=2", sgd(), accumulate=2),
    "averaged": Case("sgd decay=0.01 -> average 0.9", sgd(), average=0.9),
    "all": Case("lars decay=0.01 trust=0.02 -> gradients max_norm=0.1 accumulate=2 -> average 0.9",
                lambda net: Lars(net.parameters(), RATE, 0.9, 0.01, 0.02), 0.1, 2, 0.9),
}
EMULATED = ["spared", "frozen norms", "all"]


def arrays(state, prefix=""):
    return {prefix + name: value.detach().numpy().copy() for name, value in state.items() if "num_batches" not in name}


def torch_steps(case, net, clips, labels):
    """Returns all that the steps leave, and the averages under their names in a checkpoint."""
    net.train()
    optimiser = case.optimiser(net)
    averages = None
    if case.average:
        averages = torch.optim.swa_utils.AveragedModel(net, avg_fn=lambda old, new, _: case.average * old + (1 - case.average) * new)
    for step in range(STEPS):
        (F.cross_entropy(net(clips), labels) / case.accumulate).backward()
        if (step + 1) % case.accumulate:
            continue
        if case.max_norm:
            torch.nn.utils.clip_grad_norm_(net.parameters(), case.max_norm)
        optimiser.step()
        optimiser.zero_grad()
        if averages:
            averages.update_parameters(net)
    return arrays(net.state_dict()) | (arrays(dict(averages.module.named_parameters()), "average.") if averages else {})


def call(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")


def kinema_steps(kinema, case, files, emulated):
    with open(files["spec"], "w") as file:
        file.write(NETWORK % (CLASSES, RATE, case.recipe))
    program, device = files["spec"], []
    if emulated:
        call([kinema, "compile", files["spec"], "-o", files["package"], "--batch", "3", *GPU])
        program, device = files["package"], ["--device", "emulator"]
    call([kinema, "run", program, "--weights", files["weights"], "--input", files["input"], "--output", files["output"], "--steps",
          str(STEPS), *device])
    return safetensors.load(files["output"])


def norm(x):
    return numpy.linalg.norm(x.ravel().astype(float))


def compare(kinema, name, folder, emulated):
    torch.manual_seed(7)
    net, clips, labels = Net(), torch.randn(3, 3, 4, 6, 8), torch.tensor([4, 0, 2])
    files = {key: os.path.join(folder, key) for key in ("weights", "input", "output", "package")} | {"spec": os.path.join(folder, "net.arch")}
    safetensors.save(files["weights"], arrays(net.state_dict()))
    safetensors.save(files["input"], {"input": clips.numpy(), "labels": labels.numpy()})
    before = arrays(net.state_dict())
    found = kinema_steps(kinema, CASES[name], files, emulated)
    wanted = torch_steps(CASES[name], net.double(), clips.double(), labels)

    def excess(key):
        gone = wanted[key] - before[key.removeprefix("average.")]
        return norm(found[key] - wanted[key]) / (STEP * norm(gone) + STORED * norm(wanted[key]))

    worst = max((excess(key), key) for key in wanted)
    print(f"{name}: {worst[1]} is off by {worst[0]:.2f} of what it may be", flush=True)
    return worst[0] <= 1


def main():
    kinema, _, device = sys.argv[1:]
    emulated = device == "emulator"
    names = EMULATED if emulated else list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        differing = [name for name in names if not compare(kinema, name, folder, emulated)]
    sys.exit(f"further off than rounding explains: {', '.join(differing)}" if differing else 0)


if __name__ == "__main__":
    main()
