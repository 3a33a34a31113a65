"""Checks the namings of weights against state dicts: those of torchvision's own models, and those of stand-ins, small
modules with the structure of other libraries.

usage: names_parity.py KINEMA MODELS [core | others | NAMING:NETWORK ...]

For each network, `kinema weights convert` takes a state dict to the names of the spec and back: every tensor must come
back as it was, and PyTorch must load the result. That also says that the network has every parameter in the file's shape.
"""
import os
import subprocess
import sys
import tempfile

import torch
import torchvision

import safetensors
import stand_ins

# naming: network of models/ -> the module. The first are torchvision's own.
RESNET = {"torchvision-2d:resnet152_frames": lambda: torchvision.models.resnet152(num_classes=487),
          "torchvision-2d:tsm_50": lambda: torchvision.models.resnet50(num_classes=400),
          "torchvision-mobilenet:tsm_mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=400)}
# mmaction2's R(2+1)D, with its factorised shortcuts and the M_i of its formula.
R2PLUS1D_MM = """use mmaction2
network r2plus1d_mm classes=400 frames=8 size=56 {
  set stage.block=basic_mm
  input rgb [3 frames size size]
  stem: conv(2+1)d d=7 ch=64 mid=83 stride=1x2x2
  stage conv(2+1)d ch=64  x2
  stage conv(2+1)d ch=128 x2 stride=2
  stage conv(2+1)d ch=256 x2 stride=2
  stage conv(2+1)d ch=512 x2 stride=2
  pool avg global -> fc classes
}
"""
VIDEO = {f"torchvision:torchvision/{name}": lambda name=name: getattr(torchvision.models.video, name)(num_classes=400)
         for name in ("r3d_18", "mc3_18", "r2plus1d_18", "s3d")}
VIDEO |= {"torchvision:mvit_b_16x4": lambda: torchvision.models.video.mvit_v1_b(num_classes=400),
          "torchvision:mvit_v2_s": lambda: torchvision.models.video.mvit_v2_s(num_classes=400)}
CASES = {**VIDEO, **RESNET, **stand_ins.CASES}
CORE = ("torchvision:torchvision/r2plus1d_18", "torchvision-2d:tsm_50", "slowfast:slowfast_50_4x16", "mmaction2-csn:ip_csn_50")


def convert(kinema, *arguments):
    done = subprocess.run([kinema, "weights", "convert", *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"weights convert {' '.join(arguments)}\n{done.stdout}{done.stderr}")


def check(kinema, models, case, folder):
    naming, network = case.split(":")
    torch.manual_seed(1)
    module = CASES[case]()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items() if "num_batches" not in name}
    theirs, ours, back = (os.path.join(folder, name) for name in ("theirs", "ours", "back"))
    safetensors.save(theirs, {name: tensor.numpy() for name, tensor in state.items()})
    spec = os.path.join(models, network + ".arch")
    if network == "r2plus1d_mm":
        spec = os.path.join(folder, network + ".arch")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(R2PLUS1D_MM)
    convert(kinema, theirs, ours, spec, "--from", naming)
    convert(kinema, ours, back, spec, "--to", naming)
    returned = {name: torch.from_numpy(array.copy()) for name, array in safetensors.load(back).items()}
    wrong = [name for name in state.keys() | returned.keys()
             if name not in state or name not in returned or not torch.equal(state[name], returned[name])]
    if wrong:
        print(f"{case}: {len(wrong)} tensors came back otherwise, such as {sorted(wrong)[0]}")
        return False
    module.load_state_dict(returned)  # strict
    print(f"{case}: {len(state)} tensors", flush=True)
    return True


def main():
    kinema, models, *cases = sys.argv[1:]
    chosen = {(): CASES, ("core",): CORE, ("others",): [case for case in CASES if case not in CORE]}.get(tuple(cases), cases)
    with tempfile.TemporaryDirectory() as folder:
        good = [check(kinema, models, case, folder) for case in chosen]
    sys.exit(0 if all(good) else "names differ")


if __name__ == "__main__":
    main()
