"""A GPU's kernels, run by the emulator, compute what the CPU's do, and do nothing that a GPU forbids.

usage: emulator_parity.py KINEMA [SEED ...]

The networks of the fusion ladder in fp32: logits, and the loss, gradients, weights and statistics of one SGD step. The
seeds are the emulator's: in which order threads run. In bf16, the kernels on tensor cores are compared with the reference
ones: both round at the same places, but sums in another order may round the other way (2^-8 of a value), and again in
each layer that follows.
"""
import os
import sys
import tempfile

import numpy

import safetensors
from fusion_ladder import BATCH, BOUND, CLASSES, NETWORKS, SEEDS, call, distance, kind, spec, weights

FLAGS = {"cpu": [], "fp32": ["--target", "sm_90a", "--emulator", "--precision", "fp32", "--cuda-path", "/nowhere"],
         "bf16": ["--target", "sm_90a", "--emulator", "--precision", "bf16", "--cuda-path", "/nowhere"],
         "bf16 reference": ["--target", "sm_90a", "--emulator", "--precision", "bf16", "--cuda-path", "/nowhere", "--reference"]}
BFLOAT16_BOUND = 5e-2


def results(kinema, package, files, *more):
    run = [kinema, "run", package, "--weights", files["weights"], "--input", files["input"], "--output", files["output"], *more]
    call(*run)
    tensors = {"logits": safetensors.load(files["output"])["logits"]}
    call(*run, "--step", "--rate", "0.05", "--momentum", "0.9", "--weight-decay", "1e-3")
    return tensors | {f"step.{k}": v for k, v in safetensors.load(files["output"]).items()}


def agree(kinema, name, packages, seed, folder):
    random = numpy.random.default_rng(seed)
    files = {key: os.path.join(folder, key + ".safetensors") for key in ("weights", "input", "output")}
    sizes = [int(size) for size in NETWORKS[name][0].split("x")]
    safetensors.save(files["weights"], weights(packages["cpu"], random))
    safetensors.save(files["input"], {"input": random.standard_normal([BATCH, *sizes]).astype(numpy.float32),
                                      "labels": random.integers(0, CLASSES, BATCH)})
    wanted = results(kinema, packages["cpu"], files)
    found = {precision: results(kinema, packages[precision], files, "--device", "emulator") for precision in FLAGS if precision != "cpu"}
    worst = {precision: {} for precision in found}
    for precision, tensors in found.items():
        if tensors.keys() != wanted.keys():
            sys.exit(f"{name}: {precision} and the CPU give different tensors: {sorted(tensors.keys() ^ wanted.keys())}")
        for key in wanted:
            worst[precision][kind(key)] = max(worst[precision].get(kind(key), 0), distance(tensors[key], wanted[key]))
        print(f"{name} {precision}, seed {seed}: " + ", ".join(f"{k} {v:.1e}" for k, v in worst[precision].items()), flush=True)
    scheduled = max(distance(found["bf16"][key], found["bf16 reference"][key]) for key in wanted)
    print(f"{name} bf16, seed {seed}: on tensor cores and by the reference {scheduled:.1e}", flush=True)
    return max(worst["fp32"].values()) <= BOUND and scheduled <= BFLOAT16_BOUND


def compare(kinema, name, folder):
    path = os.path.join(folder, name + ".arch")
    with open(path, "w") as file:
        file.write(spec(name))
    packages = {level: os.path.join(folder, f"{name}-{level}.kinema") for level in FLAGS}
    for level, flags in FLAGS.items():
        call(kinema, "compile", path, "--batch", str(BATCH), "--keep-gradients", *flags, "-o", packages[level])
    return any(agree(kinema, name, packages, seed, folder) for seed in SEEDS)


def main():
    kinema, seeds = sys.argv[1], sys.argv[2:] or ["0"]
    differing = set()
    for seed in seeds:
        os.environ["KINEMA_EMULATOR_SEED"] = seed
        with tempfile.TemporaryDirectory() as folder:
            differing |= {name for name in NETWORKS if not compare(kinema, name, folder)}
    sys.exit(f"beyond {BOUND} (bf16: {BFLOAT16_BOUND}): {', '.join(sorted(differing))}" if differing else 0)


if __name__ == "__main__":
    main()
