"""Compares inflated networks on a still clip with torchvision's networks on its picture: the scores are the same.

usage: inflate_parity.py KINEMA

Padding in time would count as black frames beside the clip's, so a window that is repeated must lie within it; one whose
middle frame has all weights may reach beyond.
"""
import os
import subprocess
import sys
import tempfile

import torch
import torchvision

import safetensors

BOUND = 1e-4  # relative

REPEATED = """network repeated classes=20 frames=5 size=64 {
  set stage.block=bottleneck
  set bn.eps=1e-5
  input rgb [3 frames size size]
  stem: conv [frames 7 7] ch=64 stride=1x2x2 pad=0x3x3
  pool max 1x3x3 stride=1x2x2 pad=0x1x1
  stage conv2d ch=256  x3
  stage conv2d ch=512  x4 stride=2
  stage conv2d ch=1024 x6 stride=2
  stage conv2d ch=2048 x3 stride=2
  pool avg global -> fc classes
}
"""
CENTRED = """network centred classes=20 frames=3 size=64 {
  set bn.eps=1e-5
  input rgb [3 frames size size]
  stem: conv3d d=7 ch=64 stride=1x2x2
  pool max 1x3x3 stride=1x2x2 pad=0x1x1
  stage conv3d ch=64  x2
  stage conv3d ch=128 x2 stride=1x2x2
  stage conv3d ch=256 x2 stride=1x2x2
  stage conv3d ch=512 x2 stride=1x2x2
  pool avg global -> fc classes
}
"""


def randomised(model):
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.0)
                module.bias.normal_(0, 0.2)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.8, 1.2)
    return model.eval()


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def distance(kinema, name, text, frames, model, options, folder):
    path = lambda file: os.path.join(folder, file)
    with open(path(name + ".arch"), "w", encoding="utf-8") as file:
        file.write(text)
    picture = torch.randn(2, 3, 64, 64)
    safetensors.save(path("pictures"), {k: v.numpy() for k, v in model.state_dict().items()})
    safetensors.save(path("input"), {"input": picture[:, :, None].repeat(1, 1, frames, 1, 1).numpy()})
    run(kinema, "weights", "inflate", path("pictures"), path("weights"), path(name + ".arch"), "--from", "torchvision-2d", *options)
    run(kinema, "run", path(name + ".arch"), "--weights", path("weights"), "--input", path("input"), "--output", path("output"))
    with torch.no_grad():
        wanted = model(picture)
    found = torch.from_numpy(safetensors.load(path("output"))["logits"].copy())
    far = ((found - wanted).norm() / wanted.norm()).item()
    print(f"{name}: {far:.1e}", flush=True)
    return far


def main():
    kinema = sys.argv[1]
    torch.manual_seed(1)
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        far = [distance(kinema, "repeated", REPEATED, 5, randomised(torchvision.models.resnet50(num_classes=20)), [], folder),
               distance(kinema, "centred", CENTRED, 3, randomised(torchvision.models.resnet18(num_classes=20)), ["--centre"], folder)]
    sys.exit(0 if max(far) <= BOUND else "beyond the bound")


if __name__ == "__main__":
    main()
