"""Builds the runtime for 64-bit Arm and runs it in qemu: code for `aarch64` comes to the bits of code for `x86-64-v3`.

usage: aarch64_test.py KINEMA SOURCE FOLDER
"""
import csv
import os
import shutil
import subprocess
import sys
import tempfile

import numpy

SOURCE = os.path.abspath(sys.argv[2])
sys.path.insert(0, os.path.join(SOURCE, "test/parity"))
import safetensors

KINEMA, FOLDER = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[3])
NATIVE = [os.path.join(os.path.dirname(KINEMA), "kinema-runtime")]
ARM = ["qemu-aarch64", "-L", os.path.join(FOLDER, "sysroot"), os.path.join(FOLDER, "bin/kinema-runtime")]
SMALL = ["--set", "ch=8", "--size", "24", "--frames", "4", "--classes", "5"]
# Networks with all kinds of kernels, small since qemu is slow: a spec, and options.
CASES = [("science/networks/resnet.arch", [*SMALL, "--set", "kind=conv(2+1)d"]), ("science/networks/resnet.arch", [*SMALL, "--precision", "bf16"]),
         ("models/x3d_m.arch", ["--size", "64", "--frames", "4"]), ("models/movinet_a0.arch", ["--size", "75", "--frames", "6"]),
         ("attention.arch", ["--size", "24", "--frames", "4"])]
ATTENTION = """use transformer
network small classes=5 frames=4 size=24 height=size width=size {
  input rgb [3 frames height width]
  patch: conv [2 8 8] ch=32 stride=[2 8 8] pad=0 bn=off act=none
  add {
    identity
    place: param [32 frames/2 height/8 width/8] init=normal
  }
  blocks: encoder heads=4 x2
  pool avg global
  fc classes
}
"""


def run(*words, status=0):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"{' '.join(words)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def compare_networks():
    with open("attention.arch", "w", encoding="utf-8") as file:
        file.write(ATTENTION)
    for network, options in CASES:
        spec = network if os.path.exists(network) else os.path.join(SOURCE, network)
        run(KINEMA, "compile", spec, *options, "--batch", "2", "--target", "x86-64-v3,aarch64", "-o", "network.kinema")
        frames, size = (int(options[options.index(word) + 1]) for word in ("--frames", "--size"))
        clips = numpy.random.default_rng(1).standard_normal((2, 3, frames, size, size)).astype("f4")
        safetensors.save("input.safetensors", {"input": clips, "labels": numpy.array([1, 2], dtype="i4")})
        count = 0
        for how in ([], ["--step"]):
            found = []
            for program in (NATIVE, ARM):
                run(*program, "run", "network.kinema", "--input", "input.safetensors", "--output", "output.safetensors", "--seed", "3", *how)
                found.append(safetensors.load("output.safetensors"))
            for key, value in found[0].items():
                if value.tobytes() != found[1][key].tobytes():
                    sys.exit(f"{network} {' '.join(how)}: {key} differs by up to {numpy.abs(value - found[1][key]).max()}")
            count += len(found[0])
        print(f"{network} {' '.join(options)}: {count} tensors have the same bits", flush=True)


def make_videos():
    """Writes uncompressed videos, whose pixels no library of either processor touches, and lists of them."""
    random = numpy.random.default_rng(2)
    for name, count in (("train", 10), ("test", 4)):
        with open(name + ".txt", "w", encoding="utf-8") as listed:
            for number in range(count):
                file = f"{name}{number}.y4m"
                listed.write(f"{file} {number % 2}\n")
                with open(file, "wb") as video:
                    video.write(b"YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C420\n")
                    for _ in range(8):
                        video.write(b"FRAME\n" + random.integers(0, 256, 32 * 32 * 3 // 2, dtype="u1").tobytes())


def compare_trainings():
    make_videos()
    run(KINEMA, "compile", os.path.join(SOURCE, "examples/01-hello/hello.arch"), "--classes", "2", "--batch", "4", "--target", "x86-64-v3,aarch64",
        "--set", "data.resize=32x32", "--set", "train.epochs=2", "-o", "network.kinema")
    for name, program in (("native", NATIVE), ("arm", ARM)):
        run(*program, "train", "network.kinema", "--train", "train.txt", "--test", "test.txt", "--out", name, "--threads", "2")
    one, other = (safetensors.load(f"{name}/last.safetensors") for name in ("native", "arm"))
    assert one.keys() == other.keys() and all(one[key].tobytes() == other[key].tobytes() for key in one)
    print("a training on Arm comes to the same bits", flush=True)
    with open("arm/curves.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2
    run(KINEMA, "build", os.path.join(SOURCE, "examples/01-hello/hello.arch"), "--program", ARM[-1], "--cuda-path", "nowhere", "-o", "trainer", "--mode", "infer")
    assert "Code for aarch64, sm_80" in run(*ARM[:-1], "./trainer", "--help")
    said = run(*ARM, "predict", "network.kinema", "--weights", "arm/last.safetensors", "test0.y4m")
    assert said == run(*NATIVE, "predict", "network.kinema", "--weights", "arm/last.safetensors", "test0.y4m"), said


def refuse():
    run(KINEMA, "compile", os.path.join(SOURCE, "examples/01-hello/hello.arch"), "--target", "x86-64-v3", "-o", "other.kinema")
    safetensors.save("input.safetensors", {"input": numpy.zeros((1,), dtype="f4")})
    said = run(*ARM, "run", "other.kinema", "--input", "input.safetensors", "--output", "output.safetensors", status=1)
    assert "this processor cannot run x86-64-v3 code: it lacks AVX2 and FMA; compile for another level with --target" in said, said
    assert "runs code for aarch64" in run(*ARM, "doctor")
    run(KINEMA, "compile", os.path.join(SOURCE, "examples/01-hello/hello.arch"), "--target", "sm_90a", "--emulator", "--cuda-path", "nowhere", "-o", "gpu.kinema")
    said = run(*ARM, "bench", "gpu.kinema", "--device", "emulator", status=1)
    assert "the emulator's code is for x86-64-v3, which this processor cannot run" in said, said


def main():
    if not shutil.which(ARM[0]):
        print("skipped: there is no qemu-aarch64")
        sys.exit(77)
    built = subprocess.run([os.path.join(SOURCE, "scripts/aarch64"), FOLDER], check=False).returncode
    if built:
        sys.exit(built)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        compare_networks()
        compare_trainings()
        refuse()


main()
