"""Compares networks that end in probabilities, and losses of named values, with PyTorch: what they infer, and the loss and all
gradients of one step.

usage: probabilities_parity.py KINEMA

The loss of probabilities is minus the logarithm of the label's; in the case `named` it is the sum of two cross-entropies. Each network runs on the CPU and, in the emulator, with a GPU's
kernels. In the last case scores are so far apart that PyTorch's probabilities of some labels are zero in single precision: the
loss stays at most 100 log(2) and all gradients are numbers.
"""
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F

import safetensors

BOUND = 1e-5  # norm of the difference over the norm
BATCH, CLASSES = 4, 5
DEVICES = {"cpu": [], "emulator": ["--target", "sm_90a", "--emulator", "--cuda-path", "/nowhere", "--precision", "fp32"]}

HEAD = "network n {\n  input rgb 3x2x7x6\n"
ONE = HEAD + "  pool avg global -> a: fc 5 -> softmax\n}\n"
MEAN = HEAD + """  pool avg global
  average {
    p: fc 5 -> softmax
    q: fc 5 -> softmax
    r: fc 5 -> softmax
  }
}
"""
NAMED = HEAD + """  pool avg global -> x: identity
  stream p { fc 5 }
  stream q { a: fc 5 -> add p }
  from p -> average q
}
train { loss cross_entropy p q }
"""
CASES = {"one": (ONE, "a", 1.0), "mean": (MEAN, "pqr", 1.0), "far": (MEAN, "pqr", 400.0), "named": (NAMED, ("p.fc", "q.a"), 1.0)}


def distance(a, b):
    return float(numpy.linalg.norm((a - b).ravel()) / max(numpy.linalg.norm(b.ravel()), 1e-30))


def call(kinema, *arguments):
    done = subprocess.run([kinema, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"kinema {' '.join(arguments)}: status {done.returncode}\n{done.stderr}")


def wanted(parts, parameters, clips, labels):
    """Returns the probabilities, the loss and the gradients of PyTorch, in double."""
    weights = {name: torch.tensor(value, dtype=torch.double, requires_grad=True) for name, value in parameters.items()}
    x = torch.tensor(clips, dtype=torch.double).mean((2, 3, 4))
    if parts == CASES["named"][1]:
        p, q = (F.linear(x, weights[f"{part}.weight"], weights[f"{part}.bias"]) for part in parts)
        losses = [F.cross_entropy(value, torch.tensor(labels, dtype=torch.long)) for value in (p, q + p)]
        sum(losses).backward()
        return {"logits": (p + q / 2).detach().numpy(), "loss.p": losses[0].detach().numpy(), "loss.q": losses[1].detach().numpy(),
                **{"grad." + name: value.grad.numpy() for name, value in weights.items()}}
    p = sum(F.softmax(F.linear(x, weights[f"{part}.weight"], weights[f"{part}.bias"]), 1) for part in parts) / len(parts)
    loss = F.nll_loss(p.log(), torch.tensor(labels, dtype=torch.long))
    loss.backward()
    return {"probabilities": p.detach().numpy(), "loss": loss.detach().numpy(),
            **{"grad." + name: value.grad.numpy() for name, value in weights.items()}}


def check(kinema, name, device, folder):
    spec, parts, scale = CASES[name]
    files = {key: os.path.join(folder, f"{name}.{device}.{key}") for key in ("arch", "kinema", "weights", "input", "step", "infer")}
    with open(files["arch"], "w") as file:
        file.write(spec)
    call(kinema, "compile", files["arch"], "-o", files["kinema"], "--batch", str(BATCH), "--keep-gradients", *DEVICES[device])
    random = numpy.random.default_rng(7)
    parameters = {}
    for part in parts:
        parameters[f"{part}.weight"] = (scale * random.standard_normal((CLASSES, 3))).astype(numpy.float32)
        parameters[f"{part}.bias"] = random.standard_normal(CLASSES).astype(numpy.float32)
    clips = random.standard_normal((BATCH, 3, 2, 7, 6)).astype(numpy.float32)
    clips += random.standard_normal((BATCH, 3, 1, 1, 1)).astype(numpy.float32)
    labels = numpy.arange(BATCH, dtype=numpy.int32) % CLASSES
    safetensors.save(files["weights"], parameters)
    safetensors.save(files["input"], {"input": clips, "labels": labels})
    inputs = [files["kinema"], "--device", device, "--weights", files["weights"], "--input", files["input"]]
    call(kinema, "run", *inputs, "--output", files["step"], "--step")
    call(kinema, "run", *inputs, "--output", files["infer"])
    found = {**safetensors.load(files["infer"]), **safetensors.load(files["step"])}
    if name == "far":
        p = safetensors.load(files["infer"])["probabilities"][range(BATCH), labels]
        right = (p == 0).any() and 0 < float(found["loss"]) <= 69.4
        return right and all(numpy.isfinite(value).all() for value in found.values())
    expected = wanted(parts, parameters, clips, labels)
    worst = max(distance(found[key].reshape(expected[key].shape), expected[key]) for key in expected)
    logs = 0.0 if name == "named" else distance(found["logits"], numpy.log(expected["probabilities"]))
    print(f"{name}, {device}: {worst:.1e}, logarithms {logs:.1e}")
    return max(worst, logs) <= BOUND


with tempfile.TemporaryDirectory() as folder:
    wrong = [f"{name}, {device}" for name in CASES for device in DEVICES if not check(sys.argv[1], name, device, folder)]
sys.exit(f"wrong: {'; '.join(wrong)}" if wrong else 0)
