"""Checks the fusion ladder: a network computes the same however it is fused, by tiled or by reference kernels, at every
level of the processor. The tiled kernels run with KINEMA_POISON=1, under which memory that nobody may count on is NaN.

usage: fusion_ladder.py KINEMA [core | others]      runs some of the networks, or all

Each network is compiled with --fuse=none, epilogue and all, once more with --reference, and so for each further level
that this processor runs. Logits, and the loss, gradients, weights and statistics of one SGD step are compared with those
of --fuse=none. Sums are taken in other orders, so they differ by rounding. Where rounding decides a ReLU's mask (see
torchvision_parity.py), gradients differ by more: a network may try three seeds.
"""
import json
import os
import subprocess
import sys
import tempfile
import zipfile

import numpy

import safetensors
from comparison import distance

BOUND = 1e-4  # norm of the difference over the norm
# This bounds, in bf16, the distance of the scheduled kernels to the reference ones. Both round at the same places, but
# sums in another order may round the other way (2^-8 of a value), and again in each layer that follows. On CPUs, the bound
# is what rounding does to the network, where that is more.
BFLOAT16_BOUND = 5e-2
BATCH, CLASSES = 3, 5
SEEDS = (1, 2, 3)
LEAST = "--target=x86-64-v3"
LADDER = {"none": [LEAST, "--fuse=none"], "epilogue": [LEAST, "--fuse=epilogue"], "all": [LEAST], "reference": [LEAST, "--reference"]}
# For each level beyond the least one, this is what /proc/cpuinfo must list.
AVX512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
LEVELS = {"x86-64-v4": AVX512}
BFLOAT16_LEVELS = {"x86-64-v3": set(), "x86-64-v4-bf16": AVX512 | {"avx512_bf16"},
                   "x86-64-v4-amx": AVX512 | {"avx512_bf16", "amx_tile", "amx_bf16"}}
BFLOAT16 = {}  # like LADDER, with the scheduled and the reference kernels of each level that runs here

# The networks have odd channels, odd sizes, strides in space and time, projections and plain shortcuts.
NETWORKS = {
    "factorised": ("3x3x14x18", """
  stem: conv(2+1)d d=5 ch=10 stride=1x2x2
  stage conv(2+1)d ch=10 x2
  stage conv(2+1)d ch=20 x2 stride=2
"""),
    "bottleneck": ("3x4x25x23", """
  stem: conv 3x5x5 ch=12 stride=1x2x2 -> pool max 1x3x3 stride=1x2x2 pad=0x1x1
  stage conv3d ch=24 x1 block=bottleneck
  stage conv3d ch=36 x2 stride=2 block=bottleneck_v1
"""),
    "grouped": ("3x4x15x14", """
  stem: conv 3x3x3 ch=12 groups=3 stride=1x2x2
  stage ir_csn ch=24 x2 stride=1x2x2 block=bottleneck
  conv 1x3x3 ch=16 groups=4 -> pool avg 2x2x2 stride=2
"""),
    "branches": ("3x4x10x9", """
  stem: conv3d ch=12 -> dropout 0.3
  concat {
    identity
    a: conv3d ch=9 -> shift 3
    pool max 3x3x3 stride=1 pad=1 -> b: conv 1x1x1 ch=8
  }
  mul {
    identity
    pool avg global -> squeeze: conv 1x1x1 ch=6 -> excite: conv 1x1x1 ch=29 act=sigmoid
  }
  mul {
    identity
    mask: conv 1x3x3 ch=1 act=sigmoid
  }
  average {
    identity
    last: conv3d ch=29 act=none -> softmax
  }
  bn -> relu
"""),
    # Neither a bias of the keys (softmax) nor one of the values (batch norm) has a gradient other than rounding.
    "attention": ("3x4x10x9", """
  stem: conv3d ch=12
  residual act=none {
    q: conv 1x1x1 ch=5 bn=off act=none
    from stem -> small: pool max 1x2x2
    from small -> k: conv 1x1x1 ch=5 bn=off bias=off act=none
    from small -> v: conv 1x1x1 ch=7 bn=off bias=off act=none
    attention q k v -> out: conv 1x1x1 ch=12 act=none
  }
  stage conv3d ch=12 x1
"""),
    "normalised input": ("3x4x9x11", """
  bn -> conv3d ch=6
"""),
}


CORE = ("factorised",)  # what every change is tried on


def chosen_networks(which, core=CORE):
    """Returns the names that an argument of the command stands for: `core`, `others`, or nothing for all."""
    return [name for name in NETWORKS if which is None or (name in core) == (which == "core")]


def spec(name):
    size, layers = NETWORKS[name]
    return f"use csn\nnetwork ladder classes={CLASSES} {{\n  input rgb {size}{layers}  pool avg global -> fc classes\n}}\n"


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")


def weights(package, random):
    """Draws random values for all parameters, so that a wrong index cannot leave a result unchanged."""
    tensors = {}
    for p in json.load(zipfile.ZipFile(package).open("manifest.json"))["parameters"]:
        shape = p.get("file_shape", p["shape"])
        draw = {"gamma": lambda: random.uniform(0.5, 1.5, shape), "beta": lambda: random.normal(0.5, 1, shape),
                "running_mean": lambda: random.normal(0, 0.3, shape), "running_var": lambda: random.uniform(0.5, 2, shape),
                "bias": lambda: random.normal(0, 0.1, shape)}
        he = lambda: random.normal(0, (2 / numpy.prod(shape[1:])) ** 0.5, shape)
        tensors[p["name"]] = draw.get(p["role"], he)().astype(numpy.float32)
    return tensors


def results(kinema, package, files, *more):
    run = [kinema, "run", package, "--weights", files["weights"], "--input", files["input"], "--output", files["output"], *more]
    call(*run)
    tensors = {"logits": safetensors.load(files["output"])["logits"]}
    call(*run, "--step", "--rate", "0.05", "--momentum", "0.9", "--weight-decay", "1e-3")
    return tensors | {f"step.{k}": v for k, v in safetensors.load(files["output"]).items() if not of_scaled_loss(k)}


def of_scaled_loss(name):
    """Returns whether a step has this tensor in fp16 alone: gradients that were added up, which are those that it returns, and their norm."""
    return name == "gradient_norm" or name.startswith("gradient.")


def kind(name):
    for part, kind in (("step.grad.", "gradients"), ("running_", "statistics"), ("step.loss", "loss"), ("logits", "logits")):
        if part in name:
            return kind
    return "weights"


def random_files(name, package, seed, folder):
    """Draws weights and clips for a network; returns the paths of their files and of the output."""
    random = numpy.random.default_rng(seed)
    files = {key: os.path.join(folder, key + ".safetensors") for key in ("weights", "input", "output")}
    sizes = [int(size) for size in NETWORKS[name][0].split("x")]
    safetensors.save(files["weights"], weights(package, random))
    safetensors.save(files["input"], {"input": random.standard_normal([BATCH, *sizes]).astype(numpy.float32),
                                      "labels": random.integers(0, CLASSES, BATCH)})
    return files


def distances(title, found, wanted):
    """Returns the largest distance for each kind of tensor, and prints it."""
    if found.keys() != wanted.keys():
        sys.exit(f"{title}: the tensors differ: {sorted(found.keys() ^ wanted.keys())}")
    worst = {}
    for key in wanted:
        if not numpy.isfinite(found[key]).all():
            sys.exit(f"{title}: {key} is not finite")
        worst[kind(key)] = max(worst.get(kind(key), 0), distance(found[key], wanted[key]))
    if len(worst) != 5:
        sys.exit(f"{title}: expected logits, loss, gradients, weights and statistics, found {', '.join(worst)}")
    print(f"{title}: " + ", ".join(f"{k} {v:.1e}" for k, v in worst.items()), flush=True)
    return worst


def differing(kinema, networks, variants, beyond):
    """Returns what is beyond its bound under each of three seeds, as "NETWORK VARIANT". What `beyond` returns are the variants of a
    network that are so under one: luck changes with the seed, a wrong kernel does not. `variants` has the flags with which each is
    compiled."""
    def compare(name, folder):
        path = os.path.join(folder, name + ".arch")
        with open(path, "w") as file:
            file.write(spec(name))
        packages = {variant: os.path.join(folder, f"{name}-{variant}.kinema") for variant in variants}
        for variant, flags in variants.items():
            call(kinema, "compile", path, "--batch", str(BATCH), "--keep-gradients", *flags, "-o", packages[variant])
        wrong = set(variants)
        for seed in SEEDS:
            wrong = wrong and wrong & beyond(kinema, name, packages, seed, folder)
        return sorted(wrong)

    with tempfile.TemporaryDirectory() as folder:
        return [f"{name} {variant}" for name in networks for variant in compare(name, folder)]


def beyond(kinema, name, packages, seed, folder):
    files = random_files(name, packages["none"], seed, folder)
    os.environ["KINEMA_POISON"] = "0"
    wanted, wrong = results(kinema, packages["none"], files), set()
    os.environ["KINEMA_POISON"] = "1"
    for variant in list(LADDER)[1:]:
        worst = distances(f"{name} {variant}, seed {seed}", results(kinema, packages[variant], files), wanted)
        if max(worst.values()) > BOUND:
            wrong.add(variant)
    for variant in [variant for variant in BFLOAT16 if not variant.endswith("reference")]:
        found, plain = (results(kinema, packages[which], files) for which in (variant, variant + " reference"))
        rounding = distances(f"{name} {variant} reference, seed {seed}", plain, wanted)
        worst = distances(f"{name} {variant} beside its reference, seed {seed}", found, plain)
        if any(worst[kind] > max(BFLOAT16_BOUND, rounding[kind]) for kind in worst):
            wrong.add(variant)
    return wrong


def levels_here(levels):
    """Yields the levels that this processor runs."""
    with open("/proc/cpuinfo") as file:
        has = set(next((line.split() for line in file if line.startswith("flags")), []))
    for level, needs in levels.items():
        if missing := sorted(needs - has):
            print(f"{level}: not run, this processor lacks {', '.join(missing)}")
        else:
            yield level


def add_levels():
    for levels, ladder, name, flags in ((LEVELS, LADDER, "{}", []), (BFLOAT16_LEVELS, BFLOAT16, "{} bf16", ["--precision=bf16"])):
        for level in levels_here(levels):
            ladder[name.format(level)] = ["--target=" + level, *flags]
            ladder[name.format(level) + " reference"] = ["--target=" + level, *flags, "--reference"]


def main():
    kinema, which = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    add_levels()
    wrong = differing(kinema, chosen_networks(which), LADDER | BFLOAT16, beyond)
    sys.exit(f"beyond {BOUND} (bf16: {BFLOAT16_BOUND}): {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
