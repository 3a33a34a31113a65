"""Reads and writes safetensors with nothing but numpy."""
import json
import struct

import numpy

TYPES = {"F32": numpy.float32, "I64": numpy.int64, "I32": numpy.int32, "F64": numpy.float64}


def save(path, tensors):
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        array = numpy.ascontiguousarray(array)
        kind = next(k for k, t in TYPES.items() if t == array.dtype)
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        blobs.append(array.tobytes())
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[8 + size + begin:8 + size + end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors
