"""Reads and writes the content of safetensors files, by which weights come and go."""
import json
import struct
from typing import Any, Dict, Mapping

import numpy

_TYPES = {"F32": numpy.float32, "F64": numpy.float64, "F16": numpy.float16, "I64": numpy.int64, "I32": numpy.int32}


def format_tensors(tensors: Mapping[str, "numpy.ndarray[Any, Any]"]) -> bytes:
    names = {numpy.dtype(kind): name for name, kind in _TYPES.items()}
    header, parts, at = {}, [], 0
    for name, array in tensors.items():
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        parts.append(numpy.ascontiguousarray(array).tobytes())
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def parse_tensors(content: bytes) -> Dict[str, "numpy.ndarray[Any, Any]"]:
    """Returns tensors that the library wrote, over the content's memory."""
    size = struct.unpack_from("<Q", content)[0]
    data = memoryview(content)[8 + size:]
    tensors = {}
    for name, entry in json.loads(content[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[begin:end], _TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors
