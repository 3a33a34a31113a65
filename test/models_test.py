"""Plans every network for training and for inference: each of its operations has a gradient and a kernel.

usage: models_test.py KINEMA MODELS
"""
import os
import subprocess
import sys
import tempfile


def plan(kinema, path, mode, output):
    """Returns the compiler's complaint; None where all is well."""
    run = subprocess.run([kinema, "compile", path, "--target", "cpu", "--mode", mode, "--batch", "1", "--emit", "planned",
                          "-o", output], capture_output=True, text=True, cwd=os.path.dirname(output))
    if run.returncode:
        return run.stderr.strip().split("\n")[0] or f"exit status {run.returncode}"
    with open(output) as file:
        entry = "train_step" if mode == "train" else "infer"
        return None if f"kernel.entry @{entry}" in file.read() else f"has no entry {entry}"


def main():
    kinema, models = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    paths = [os.path.join(folder, name) for folder in (models, os.path.join(models, "torchvision"))
             for name in sorted(os.listdir(folder)) if name.endswith(".arch")]
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            for mode in ("train", "infer"):
                message = plan(kinema, path, mode, os.path.join(folder, "planned.mlir"))
                if message:
                    wrong.append(f"{os.path.relpath(path, models)}, {mode}: {message}")
    print("\n".join(wrong) or f"{len(paths)} networks planned for training and inference")
    sys.exit(bool(wrong) or not paths)


main()
