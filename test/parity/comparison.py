"""What the comparisons with PyTorch share: `kinema run` on a spec's files, and how far a tensor is from another."""
import subprocess
import sys

import numpy

import safetensors


def norm(tensor):
    return numpy.linalg.norm(tensor.ravel().astype(float))


def distance(found, wanted, least=1e-12):
    """Returns the norm of the difference over the norm, which counts as `least` where it is less."""
    return norm(found.ravel() - wanted.ravel()) / max(norm(wanted), least)


def run(kinema, files, *more):
    """Returns the tensors that `kinema run` writes for files["spec"], files["weights"] and files["input"] to files["output"]."""
    command = [kinema, "run", files["spec"], "--weights", files["weights"], "--input", files["input"], "--output", files["output"],
               *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")
    return safetensors.load(files["output"])
