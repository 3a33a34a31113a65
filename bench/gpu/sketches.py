"""Keeps results of a run in a few bytes: how far two runs' tensors differ can be told from sketches of both.

A tensor of at most SIZE values is its own sketch. Of a larger one, each value is added, with a sign, to one of SIZE
places, both drawn from its index. The sketch of a difference of two tensors has its norm, to within some per cent.
"""
import threading

import numpy

import safetensors

SIZE = 1024
drawn = numpy.zeros(0, numpy.uint16), numpy.zeros(0, numpy.float32)
drawing = threading.Lock()


def places(count):
    """Returns [count] places and signs. They are the first of those of more values, so that they are drawn once."""
    global drawn
    with drawing:
        if drawn[0].size < count:
            drawn = draw(count)
        return drawn[0][:count], drawn[1][:count]


def draw(count):
    """Draws places and signs by a hash of the index."""
    index = numpy.arange(count, dtype=numpy.uint64)
    index = (index ^ (index >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    index = (index ^ (index >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    index ^= index >> numpy.uint64(31)
    signs = numpy.float32(1) - numpy.float32(2) * (index >> numpy.uint64(63)).astype(numpy.float32)
    return (index % numpy.uint64(SIZE)).astype(numpy.uint16), signs


def sketch(tensor):
    values = tensor.ravel()
    if values.size <= SIZE:
        return values.astype(numpy.float32)
    at, signs = places(values.size)
    return numpy.bincount(at, signs * values, SIZE).astype(numpy.float32)


def sketches(path):
    """Returns the sketches of a file's tensors."""
    return {name: sketch(tensor) for name, tensor in safetensors.load(path).items()}


def kind(name):
    for part, found in (("grad.", "gradients"), ("running_", "statistics"), ("loss", "loss"), ("logits", "logits")):
        if part in name:
            return found
    return "weights"


def distances(found, wanted):
    """Returns {tensor: the norm of the difference over the norm}. Raises ValueError where the tensors are not the same ones.

    The norm is at least a thousandth of what is usual for its kind: gradients of a bias before batch norm are rounding
    alone."""
    if found.keys() != wanted.keys():
        raise ValueError(f"other tensors than expected: {sorted(found.keys() ^ wanted.keys())[:4]}")
    root = {name: max(wanted[name].size, 1) ** 0.5 for name in wanted}
    length = {name: float(numpy.linalg.norm(wanted[name].astype(float))) for name in wanted}
    usual = {}
    for name in wanted:
        usual[kind(name)] = max(usual.get(kind(name), 0), length[name] / root[name])
    far = {}
    for name in wanted:
        if found[name].shape != wanted[name].shape:
            raise ValueError(f"{name} has another shape than expected")
        scale = max(length[name], 1e-3 * usual[kind(name)] * root[name], 1e-12)
        difference = float(numpy.linalg.norm(found[name].astype(float) - wanted[name].astype(float))) / scale
        far[name] = difference if numpy.isfinite(difference) else 1e30  # JSON has no infinity
    return far
