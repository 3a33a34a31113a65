"""Compares networks of models/ with PyTorch networks that are written from the papers (papers/): logits in evaluation
mode, and one SGD step in training mode.

usage: papers_parity.py KINEMA MODELS [odd | even | NETWORK:NxTxHxW ...]     odd, even: half of the networks each

The bounds are those of torchvision_parity.py for large networks: with so many ReLUs, some always hang on rounding.
"""
import os
import re
import sys

import torch

import papers
from papers.preact import DoubleAttention
from papers.resnets import NonLocal
from torchvision_parity import compare_all, compare_with, randomised

# A clip is small, but its last values have several positions, since a batch norm of few values multiplies rounding.
CASES = ["r3d_50:2x8x64x64", "r3d_50_nl:2x8x64x64", "ip_csn_50:2x8x96x96", "ir_csn_50:2x8x96x96", "p3d_63:2x16x96x96", "tsm_50:2x4x96x96",
         "tsm_mobilenet_v2:2x4x96x96", "r2plus1d:2x8x64x64", "rmc3:2x8x64x64", "se_frames:2x3x96x96", "i3d_50:2x8x96x96",
         "mfnet:2x8x96x96", "glore_50:2x8x96x96", "a2_50:2x8x96x96", "ltc:2x16x32x32", "slow_fusion:2x10x50x50", "artnet_18:2x16x48x48",
         "slowfast_50_4x16:2x16x96x96", "i3d:1x16x224x224", "s3d_g:1x16x224x224", "x3d_m:2x8x96x96", "videomae_b:2x4x32x48", "timesformer_b:2x3x32x48",
         "mvit_b_16x4:2x8x64x64", "mvit_v2_s:2x8x64x64", "video_swin_t:2x8x64x64", "movinet_a0:2x6x75x75", "eco_lite:2x8x64x64",
         "cost_50:2x8x64x64", "tea_50:2x4x96x96", "tpn_50:2x16x96x96",
         "tdn_50:2x20x80x80", "timeception_i3d:6x32x32x32", "f_stcn:2x5x76x76"]
# Networks that settings make of others: the spec, and what is set.
SHALLOW = ["n1=1", "n2=2", "n3=2", "n4=1"]
SETTINGS = {"r2plus1d": ("r3d_50", [*SHALLOW, "kind=conv(2+1)d", "stem_kind=(conv(2+1)d mid=45)"]),
            "rmc3": ("r3d_50", [*SHALLOW, "kind=conv2d", "kind2=conv3d"]),
            "se_frames": ("resnet152_frames", [*SHALLOW, "body=bottleneck_se", "classes=400"]),
            "mfnet": ("mfnet", ["n2=1", "n3=1", "n4=1", "n5=1"]),
            "glore_50": ("glore_50", SHALLOW),
            "a2_50": ("glore_50", [*SHALLOW, "then=double_attention"]),
            "ltc": ("ltc", ["classes=400", "drop=0"]),
            "slow_fusion": ("slow_fusion", ["classes=400"]),
            "f_stcn": ("f_stcn", ["classes=400"]),
            "video_swin_t": ("video_swin_t", ["window=2x2x2", "n3=1"]),
            "cost_50": ("cost_50", ["n1=2", "n2=2", "n3=1", "n4=1"]),
            "tea_50": ("tea_50", ["n2=1", "n3=1", "n4=1", "n5=1"]),
            "tpn_50": ("tpn_50", ["n1=1", "n2=1", "n3=1", "n4=1"]),
            "tdn_50": ("tdn_50", ["n1=1", "n2=2", "n3=2", "n4=2"]),
            "timeception_i3d": ("timeception_i3d", ["classes=400", "layers=1", "compute.winograd=off"]),
            "movinet_a0": ("movinet_a0", ["classes=400"]),
            "i3d_50": ("i3d_50_nl", [*SHALLOW, "body=bottleneck"])}
NAMES = {"tsm_mobilenet_v2": "torchvision-mobilenet", "mvit_b_16x4": "torchvision", "mvit_v2_s": "torchvision"}
# Nothing is dropped, since both draw other elements.
DROPS = {"movinet_head 480 classes": "movinet_head 480 classes drop=0", "drop=0.2": "drop=0", "x3d_body classes": "x3d_body classes drop=0", "inception_v1 classes=classes\n": "inception_v1 classes=classes drop=0\n"}


def spec_of(models, name, folder):
    with open(os.path.join(models, name + ".arch"), encoding="utf-8") as file:
        text = re.sub(r"dropout 0\.\d+", "dropout 0", file.read())
    for dropping, keeping in DROPS.items():
        text = text.replace(dropping, keeping)
    spec = os.path.join(folder, name + ".arch")
    with open(spec, "w", encoding="utf-8") as file:
        file.write(text)
    return spec


def calm(model):
    """Brings the scores of attention near each other: a softmax of scores that are far apart is decided by rounding."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, NonLocal):
                module.q.weight *= 1e-3
            if isinstance(module, DoubleAttention):
                module.where.weight *= 1e-3
                module.which.weight *= 1e-3


def compare(kinema, models, name, shape, seed, folder):
    torch.manual_seed(seed)
    model = randomised(papers.NETWORKS[name]())
    calm(model)
    spec, settings = SETTINGS.get(name, (name, []))
    options = ["--names", NAMES.get(name, "kinema"), "--models", models]
    options += [word for setting in settings for word in ("--set", setting)]
    return compare_with(kinema, model, spec_of(models, spec, folder), shape, folder, options, large=True)


def main():
    kinema, models, *cases = sys.argv[1:]
    halves = {(): CASES, ("odd",): CASES[::2], ("even",): CASES[1::2]}
    compare_all(kinema, models, halves.get(tuple(cases), cases), compare)


if __name__ == "__main__":
    main()
