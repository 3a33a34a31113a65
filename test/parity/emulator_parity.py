"""Checks that a GPU's kernels, run by the emulator, compute what the CPU's do, and do nothing that a GPU forbids.

usage: emulator_parity.py KINEMA [core | others] [SEED ...]

The networks of the fusion ladder are compared in fp32: logits, and the loss, gradients, weights and statistics of one SGD
step, and by terms (bf16x3) within the same bound, which bf16 is far beyond. The seeds are the emulator's and decide in
which order threads run. In bf16 and fp16, the kernels on tensor cores are compared
with the reference ones, with products added up in order and as tensor cores do, which cut off (KINEMA_EMULATOR_PRODUCTS);
the same bounds hold for both. All of them run with KINEMA_POISON=1, under which memory that nobody may count on is NaN when an
entry begins. What the kernels on tensor cores compute without it must be the same bits.
"""
import os
import sys

from fusion_ladder import BFLOAT16_BOUND, BOUND, chosen_networks, differing, distance, distances, random_files, results

POISON = "KINEMA_POISON"
PRODUCTS = "KINEMA_EMULATOR_PRODUCTS"
CORE = ("branches",)  # what every change is tried on

GPU = ["--target", "sm_90a", "--emulator", "--cuda-path", "/nowhere", "--precision"]
VARIANTS = {"cpu": [], "fp32": [*GPU, "fp32"], "bf16x3": [*GPU, "bf16x3"], "bf16": [*GPU, "bf16"], "bf16 reference": [*GPU, "bf16", "--reference"],
            "fp16": [*GPU, "fp16"], "fp16 reference": [*GPU, "fp16", "--reference"]}
HALVES = ("bf16", "fp16")


def beyond(kinema, name, packages, seed, folder):
    files = random_files(name, packages["cpu"], seed, folder)
    wanted = results(kinema, packages["cpu"], files)
    found, worst = {}, {}
    for variant in list(VARIANTS)[1:]:
        found[variant] = results(kinema, packages[variant], files, "--device", "emulator")
        worst[variant] = distances(f"{name} {variant}, seed {seed}", found[variant], wanted)
    wrong = {variant for variant in ("fp32", "bf16x3") if max(worst[variant].values()) > BOUND}
    return wrong | {half for half in HALVES if far_in_halves(kinema, name, packages, files, seed, found, half) > BFLOAT16_BOUND}


def far_in_halves(kinema, name, packages, files, seed, found, half):
    """Returns how far the kernels on tensor cores are from the reference ones, in either way to add up products."""
    title, reference = f"{name} {half}", found[half + " reference"]
    os.environ[POISON] = "0"
    plain = results(kinema, packages[half], files, "--device", "emulator")
    os.environ[POISON] = "1"
    if reached := [key for key in plain if plain[key].tobytes() != found[half][key].tobytes()]:
        sys.exit(f"{title}, seed {seed}: poison reaches {', '.join(reached)}")
    scheduled = max(distance(found[half][key], reference[key]) for key in reference)
    print(f"{title}, seed {seed}: on tensor cores and by the reference {scheduled:.1e}", flush=True)
    os.environ[PRODUCTS] = "truncating"
    truncating = results(kinema, packages[half], files, "--device", "emulator")
    del os.environ[PRODUCTS]
    distances(f"{title} with truncating products, seed {seed}, from those in order", truncating, plain)
    cut_off = max(distance(truncating[key], reference[key]) for key in reference)
    print(f"{title}, seed {seed}: with truncating products and by the reference {cut_off:.1e}", flush=True)
    return max(scheduled, cut_off)


def main():
    kinema, seeds = sys.argv[1], sys.argv[2:]
    which = seeds.pop(0) if seeds and not seeds[0].isdigit() else None
    wrong = set()
    os.environ[POISON] = "1"
    for seed in seeds or ["0"]:
        os.environ["KINEMA_EMULATOR_SEED"] = seed
        wrong |= set(differing(kinema, chosen_networks(which, CORE), VARIANTS, beyond))
    sys.exit(f"beyond {BOUND} (in halves: {BFLOAT16_BOUND}): {', '.join(sorted(wrong))}" if wrong else 0)


if __name__ == "__main__":
    main()
