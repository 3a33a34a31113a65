"""Checks that random legal networks compute the same by the plain lowering and by the scheduled kernels.

Each seed is a network, its weights, clips and labels (random_specs.py). It is compiled plainly (--reference, in fp32
--fuse=none too) and with schedules; an inference and a step of SGD are compared: logits, loss, gradients, statistics and
weights, each tensor for itself. The scheduled kernels run once on one thread, once on two with all memory poisoned that no
entry may count on (KINEMA_POISON=1), and once on three: the bits must be the same.

Sums are taken in other orders, so results differ by rounding. What rounding may do to a network is measured: the plain
kernels run again with inputs and weights that differ by 1e-6 of each, ten roundings. Where a difference is beyond BOUND and
beyond what that does, other weights and clips are tried, for rounding may decide the mask of a ReLU; the network differs
where none of three draws agrees. In bf16, fusion decides where values are rounded, so the plain kernels are those of the
same launches, and what rounding may do is their distance to fp32.

What the lowerings share, the gradients themselves, is held against the loss: along the direction of all gradients, each of
length 1, the loss of the plain kernels must fall as they say.

A spec that is refused with an error that names its line counts as refused; any other end is a failure.
"""
import argparse
import dataclasses
import functools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import zipfile

import numpy

import random_specs
import safetensors
from fusion_ladder import AVX512, distance, levels_here, of_scaled_loss, weights

BOUND = 2e-5  # norm of the difference over the norm, in fp32
BFLOAT16_BOUND = 2e-2
TERMS = 8  # how many times as far products by terms may be: a number without its last eight bits is 2^-17 off
PERTURBATION = 1e-6
SHARE = 4  # how many times what a perturbation does a difference may be
DRAWS = 3
SLOPE_BOUND = 2e-2  # how far off the slope may be, as a share of it
STEP_SHARE = 1e-3  # share of the loss by which a step changes it
SECONDS = 240  # of computing by all threads, after which a command that hangs is ended
EXACT = ["--target=x86-64-v3", "--precision=fp32", "--reference", "--fuse=none"]
GPU = ["--target=sm_90a", "--emulator", "--cuda-path=/nowhere"]
TINY = random_specs.Limits(statements=3, macs=150_000, elements=2_000, weights=12_000, channels=40, frames=4, side=14)
LEVELS = {"x86-64-v3": set(), "x86-64-v4": AVX512, "x86-64-v4-bf16": AVX512 | {"avx512_bf16"}}


class Failure(Exception):
    """Says that something is wrong with a network."""


class Refused(Exception):
    """Says that the compiler has refused this spec as not legal."""


@dataclasses.dataclass
class Variant:
    """Is a way to compile and to run."""
    title: str
    flags: list
    precision: str
    device: str = "cpu"


@functools.cache
def cpu_levels():
    return list(levels_here(LEVELS))


def variants(device, seed):
    """Returns the variants for a seed. On CPUs every second network runs in bf16 too, and the levels take turns."""
    if device == "emulator":
        return [Variant(f"sm_90a {p}", [*GPU, "--precision=" + p], p, device) for p in ("fp32", "bf16x3", "bf16", "fp16")]
    single = [level for level in cpu_levels() if level != "x86-64-v4-bf16"]
    paired = [level for level in cpu_levels() if level != "x86-64-v4"]
    fp32, bf16 = single[seed % len(single)], paired[seed // 4 % len(paired)]
    both = [Variant(fp32, ["--target=" + fp32, "--precision=fp32"], "fp32"),
            Variant(bf16 + " bf16", ["--target=" + bf16, "--precision=bf16"], "bf16")]
    return both[:1 + seed // 2 % 2]


def call(command, environment=()):
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, env=os.environ | dict(environment))
    if done.returncode == 2 and re.search(r"\.arch:\d+:\d+: error: ", done.stderr):
        raise Refused(done.stderr.strip().split("\n")[0])
    if done.returncode or "error" in done.stderr:
        raise Failure(f"{dict(environment)} {' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")


@dataclasses.dataclass
class Network:
    """Holds one seed's network in a folder."""
    kinema: str
    folder: str
    seed: int
    spec: random_specs.Spec
    packages: dict = dataclasses.field(default_factory=dict)

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, flags):
        key = " ".join(flags)
        if key not in self.packages:
            self.packages[key] = self.path(f"{len(self.packages)}.kinema")
            call([self.kinema, "compile", self.path("net.arch"), "--batch", str(self.spec.batch), "--keep-gradients", *flags,
                  "-o", self.packages[key]])
        return self.packages[key]

    def draw(self, package, number):
        """Draws weights and clips; returns the path of each file."""
        random = numpy.random.default_rng([self.seed, number])
        clips = {i["name"]: random.standard_normal(i["shape"]).astype(numpy.float32) for i in manifest(package)["inputs"]}
        if len(clips) == 1:
            clips = {"input": next(iter(clips.values()))}
        labels = random.integers(0, self.spec.classes, self.spec.batch)
        if self.seed % 4 == 0 and self.spec.batch > 1:
            labels[random.integers(0, self.spec.batch) if self.seed % 32 else slice(None)] = -1
        files = {"weights": self.path("weights"), "input": self.path("input")}
        safetensors.save(files["weights"], weights(package, random))
        safetensors.save(files["input"], clips | {"labels": labels})
        return files

    def perturbed(self, files, number):
        random = numpy.random.default_rng([self.seed, number, 1])
        other = {}
        for name, path in files.items():
            other[name] = path + "-perturbed"
            safetensors.save(other[name], {
                key: t if t.dtype != numpy.float32 else (t * (1 + PERTURBATION * random.standard_normal(t.shape))).astype(numpy.float32)
                for key, t in safetensors.load(path).items()})
        return other

    def command(self, package, files, device="cpu", threads=1):
        return [self.kinema, "run", package, "--weights", files["weights"], "--input", files["input"], "--output", self.path("output"),
                "--threads", str(threads), "--device", device]

    def step(self, command, environment=()):
        call([*command, "--step", "--rate", "0.05", "--momentum", "0.9", "--weight-decay", "1e-3"], environment)
        return {f"step.{k}": v for k, v in safetensors.load(self.path("output")).items() if not of_scaled_loss(k)}

    def run(self, package, files, device="cpu", threads=1, poison=False):
        """Runs an inference and a step; returns all tensors."""
        command = self.command(package, files, device, threads)
        environment = {"KINEMA_POISON": "1"} if poison else {}
        call(command, environment)
        tensors = {"logits": safetensors.load(self.path("output"))["logits"]}
        return tensors | self.step(command, environment)

    def slope_error(self, package, files, found):
        """Returns how far the loss's slope along the gradients is from what they say, as a share of it."""
        gradients = {k.removeprefix("step.grad."): t.astype(float) for k, t in found.items() if k.startswith("step.grad.")}
        norms = {key: numpy.linalg.norm(t) for key, t in gradients.items()}
        norms = {key: norm for key, norm in norms.items() if norm > 1e-3 * max(norms.values())}  # the rest is rounding
        slope, loss = sum(norms.values()), float(found["step.loss"])
        if slope == 0 or loss == 0:
            return 0
        far, weights, losses = STEP_SHARE * loss / slope, safetensors.load(files["weights"]), []
        for signed in (far, -far):
            moved = {key: t + signed * gradients[key] / norms[key] if key in norms else t for key, t in weights.items()}
            safetensors.save(self.path("moved"), {key: t.astype(numpy.float32) for key, t in moved.items()})
            losses.append(float(self.step(self.command(package, files | {"weights": self.path("moved")}))["step.loss"]))
        return abs((losses[0] - losses[1]) / (2 * far) / slope - 1)


def manifest(package):
    return json.load(zipfile.ZipFile(package).open("manifest.json"))


def require_same_bits(found, wanted, title):
    for key, tensor in wanted.items():
        if found[key].tobytes() != tensor.tobytes():
            raise Failure(f"{title}: other bits in {key}, {distance(found[key], tensor):.1e} away")


def worst_of(found, wanted, may):
    """Returns the tensor that uses most of its bound, or is furthest beyond it: (share of the bound, distance, name)."""
    if found.keys() != wanted.keys():
        raise Failure(f"the tensors differ: {sorted(found.keys() ^ wanted.keys())}")
    def share(key):
        far = distance(found[key], wanted[key])
        return (far / may(key) if numpy.isfinite(far) else float("inf"), far, key)
    return max(share(key) for key in wanted)


def compare(network, variant, number, poison):
    """Returns the worst tensor of a draw: (share of its bound, distance, name)."""
    rounds = variant.precision in ("bf16", "fp16")
    plain = network.compile([*variant.flags, "--reference"] if rounds else EXACT)
    scheduled = network.compile(variant.flags)
    files = network.draw(plain, number)
    device = variant.device if rounds else "cpu"
    wanted = network.run(plain, files, device)
    found = network.run(scheduled, files, variant.device)
    for threads in (2, 3) if variant.device == "cpu" else (2,):
        title = f"{variant.title}, draw {number}, {threads} threads"
        require_same_bits(network.run(scheduled, files, variant.device, threads, poison and threads == 2), found, title)
    if rounds:
        exact = network.run(network.compile(EXACT), files)
        rounding = {key: distance(wanted[key], exact[key]) for key in wanted}
        return worst_of(found, wanted, lambda key: max(BFLOAT16_BOUND, rounding[key]))
    moved = network.run(plain, network.perturbed(files, number))
    coarser = TERMS if variant.precision == "bf16x3" else 1
    rounding = {key: SHARE * distance(moved[key], wanted[key]) for key in wanted}
    error = network.slope_error(plain, files, wanted)
    return max(worst_of(found, wanted, lambda key: coarser * max(BOUND, rounding[key])), (error / SLOPE_BOUND, error, "slope of the loss"))


def check(network, device, poison):
    """Returns what to print of a network that is right; raises Failure or Refused for another one."""
    said = []
    for variant in variants(device, network.seed):
        tries = []
        for number in range(DRAWS):
            tries.append(compare(network, variant, number, poison))
            if tries[-1][0] <= 1:
                break
        else:
            raise Failure(f"{variant.title} differs from the plain lowering: " +
                          ", ".join(f"{name} by {far:.1e} ({share:.1f} of the bound)" for share, far, name in tries))
        again = f" after {', '.join(f'{name} {far:.1e} ({share:.1f})' for share, far, name in tries[:-1])}" if tries[1:] else ""
        said.append(f"{variant.title} {tries[-1][2]} {tries[-1][1]:.1e} ({tries[-1][0]:.2f}){again}")
    return "; ".join(said)


def numbers(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinema", help="the compiler")
    parser.add_argument("--seeds", type=numbers, default=range(1, 13), help="of the networks: FIRST-LAST (default: 1-12)")
    parser.add_argument("--device", choices=("cpu", "emulator"), default="cpu", help="emulator: tiny networks on a GPU's kernels")
    parser.add_argument("--no-poison", action="store_true", help="leave memory as it is")
    parser.add_argument("--keep", help="a folder in which the specs that fail are kept")
    return parser.parse_args()


def main():
    options = arguments()
    limits = TINY if options.device == "emulator" else random_specs.Limits()
    wrong, refused = [], 0
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            network = Network(options.kinema, folder, seed, random_specs.draw(seed, limits))
            with open(network.path("net.arch"), "w") as file:
                file.write(network.spec.text)
            try:
                said = check(network, options.device, not options.no_poison)
            except Refused as refusal:
                refused += 1
                said = f"refused: {refusal}"
            except Failure as failure:
                wrong.append(str(seed))
                said = f"WRONG: {failure}\n# batch {network.spec.batch}\n{network.spec.text}"
                if options.keep:
                    with open(os.path.join(options.keep, f"{options.device}-{seed}.arch"), "w") as file:
                        file.write(network.spec.text)
            print(f"{seed}: {said}", flush=True)
    print(f"{len(options.seeds)} networks, {refused} refused, {len(wrong)} wrong")
    if 10 * refused > len(options.seeds):
        sys.exit("more than a tenth was refused: the generator does not draw legal networks")
    sys.exit(f"wrong: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
