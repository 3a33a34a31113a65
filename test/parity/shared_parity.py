"""Compares calls that share all of their weights, batch norms included, and calls that are frozen, with PyTorch: logits with running
statistics, and one step with its gradients, weights and statistics; on the CPU and in the emulator.

usage: shared_parity.py KINEMA
"""
import os
import sys
import tempfile

import torch
import torch.nn.functional as F

import safetensors
from comparison import distance, run
from papers.units import Unit
from torchvision_parity import state

BOUND = 1e-5  # norm of the difference over the norm
RATE = 0.1
SPEC = """network net {
  input rgb 3x4x12x12
  first: conv 1x1x1 ch=6 bn=off
  a: conv 3x3x3 ch=6
  b: conv 3x3x3 ch=6 same=a
  small: conv 3x3x3 ch=6 same=a stride=2
  kept: conv 3x3x3 ch=6 frozen=on
  pool avg global -> fc 5
}
"""


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.a, self.kept, self.fc = Unit(3, 6, bn=False), Unit(6, 6, 3), Unit(6, 6, 3), torch.nn.Linear(6, 5)
        for unit in (self.a, self.kept):
            unit.bn.eps = 1e-3
            torch.nn.init.uniform_(unit.bn.weight, 0.5, 1.5)
            torch.nn.init.normal_(unit.bn.bias, 0.5)
            unit.bn.running_mean.normal_(0, 0.3)
            unit.bn.running_var.uniform_(0.5, 2)

    def forward(self, x):
        self.kept.bn.eval()
        x = self.a(self.a(self.first(x)))
        x = F.relu(self.a.bn(F.conv3d(x, self.a.weight, stride=2, padding=1)))
        return self.fc(self.kept(x).mean((2, 3, 4)))


def compare(kinema, options, folder):
    torch.manual_seed(1)
    net = Net()
    files = {key: os.path.join(folder, key) for key in ("weights", "input", "output")} | {"spec": os.path.join(folder, "net.arch")}
    with open(files["spec"], "w") as file:
        file.write(SPEC)
    clips, labels = torch.randn(4, 3, 4, 12, 12), torch.tensor([0, 1, 2, 3])
    safetensors.save(files["weights"], state(net))
    safetensors.save(files["input"], {"input": clips.numpy(), "labels": labels.numpy()})
    worst = {"logits": distance(run(kinema, files, *options)["logits"], net.eval()(clips).detach().numpy())}
    loss = F.cross_entropy(net.train()(clips), labels)
    loss.backward()
    found = run(kinema, files, "--step", "--rate", str(RATE), "--momentum", "0", "--weight-decay", "0", *options)
    worst["loss"] = distance(found["loss"], loss.detach().numpy())
    wanted = state(net)
    for name, value in net.named_parameters():
        if name.startswith("kept"):
            if "grad." + name in found:
                sys.exit(f"{name} is frozen and has a gradient")
            continue
        worst["grad." + name] = distance(found["grad." + name], value.grad.numpy())
        wanted[name] = wanted[name] - RATE * value.grad.numpy()
    worst |= {name: distance(found[name], value) for name, value in wanted.items()}
    print(f"{' '.join(options)}: " + ", ".join(f"{name} {far:.1e}" for name, far in worst.items()), flush=True)
    return max(worst.values()) <= BOUND


def main():
    with tempfile.TemporaryDirectory() as folder:
        alike = [compare(sys.argv[1], options, folder) for options in ([], ["--device", "emulator", "--precision", "fp32"])]
    sys.exit(0 if all(alike) else f"beyond {BOUND}")


if __name__ == "__main__":
    main()
