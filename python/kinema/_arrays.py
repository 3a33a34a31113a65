"""Tensors in and out without copies: DLPack, the array interface, and what the library may read where it lies."""
import ctypes
import weakref
from typing import Any, Sequence, Tuple

import numpy

from kinema._library import ArgumentsWrong, call, make

CPU = 1  # DLPack's number for the machine's memory
_FLOAT = 2  # DLPack's number for floats


class _Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("number", ctypes.c_int32)]


class _Type(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device", _Device), ("axes", ctypes.c_int32), ("type", _Type),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)), ("offset", ctypes.c_uint64)]


class _Managed(ctypes.Structure):
    """DLPack's DLManagedTensor: a tensor with what frees it."""


_Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))
_Managed._fields_ = [("tensor", _Tensor), ("owner", ctypes.c_void_p), ("deleter", _Deleter)]


def _managed(address: int) -> _Managed:
    return ctypes.cast(address, ctypes.POINTER(_Managed)).contents


def delete(address: int) -> None:
    """Gives a DLManagedTensor back to whoever made it."""
    managed = _managed(address)
    managed.deleter(ctypes.byref(managed))


# Capsules have these names before and after somebody takes the tensor that they hold.
_FULL, _EMPTY = b"dltensor", b"used_dltensor"
# A capsule that is being destroyed must not be held anew, so its address is handed on, and no object.
_is_full = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_content = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
_rename = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))
_Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, _Destructor)(("PyCapsule_New", ctypes.pythonapi))


def _delete_content(capsule: int) -> None:
    """Deletes the tensor of a capsule that nobody has taken it from."""
    if _is_full(capsule, _FULL):
        delete(_content(capsule, _FULL))


_destroy = _Destructor(_delete_content)


class View:
    """Memory of the library's that numpy, PyTorch and whatever else knows DLPack share.

    ``numpy.asarray(view)`` and ``torch.from_dlpack(view)`` copy nothing, and may write. The memory stays for as long as a
    view or an array of it does, though its session or loader is closed.
    """

    def __init__(self, address: int) -> None:
        self._address = address
        self._close = weakref.finalize(self, delete, address)
        self._close.atexit = False

    @property
    def shape(self) -> Tuple[int, ...]:
        tensor = _managed(self._address).tensor
        return tuple(tensor.shape[:tensor.axes])

    @property
    def dtype(self) -> "numpy.dtype[Any]":
        kind = _managed(self._address).tensor.type
        letter = {0: "i", 1: "u", _FLOAT: "f"}[kind.code]
        return numpy.dtype(f"{letter}{kind.bits // 8}")

    def numpy(self) -> "numpy.ndarray[Any, Any]":
        """Returns the memory as an array of numpy's."""
        return numpy.asarray(self)

    @property
    def __array_interface__(self) -> Any:
        tensor = _managed(self._address).tensor
        size = self.dtype.itemsize
        strides = tuple(size * stride for stride in tensor.strides[:tensor.axes]) if tensor.strides else None
        return {"version": 3, "shape": self.shape, "typestr": self.dtype.str, "data": (tensor.data + tensor.offset, False),
                "strides": strides}

    def __dlpack_device__(self) -> Tuple[int, int]:
        return CPU, 0

    def __dlpack__(self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None) -> Any:
        if dl_device is not None and tuple(dl_device) != (CPU, 0):
            raise BufferError("the tensor lies in the machine's memory, and is handed out there alone")
        if copy:
            raise BufferError("the tensor is handed out where it lies: copy it afterwards")
        return _new(make("kinema_share", self._address), _FULL, _destroy)

    def __repr__(self) -> str:
        return f"View({self.dtype} {list(self.shape)})"


def taken(tensor: Any, name: str) -> int:
    """Takes the DLManagedTensor of what knows DLPack, or of what numpy makes an array of. Returns its address; whoever calls
    this has to see to it that it is deleted."""
    if not hasattr(tensor, "__dlpack__"):
        tensor = numpy.asarray(tensor)
    require_cpu(tensor, name)
    try:
        capsule = tensor.__dlpack__()
    except (BufferError, RuntimeError) as error:  # it may not be written, or it is part of a graph
        raise ArgumentsWrong(f"{name} cannot be bound: {error}") from error
    address = _content(id(capsule), _FULL)
    _rename(capsule, _EMPTY)
    return int(address)


def require_cpu(tensor: Any, name: str) -> None:
    device = getattr(tensor, "__dlpack_device__", None)
    if device is not None and device()[0] != CPU:
        raise ArgumentsWrong(f"{name} lies on another device: copy it to the machine's memory first (.cpu())")


def array_of(values: Any, name: str, dtype: Any, shape: Sequence[int]) -> "numpy.ndarray[Any, Any]":
    """Returns values as an array of that type and shape, row-major, without a copy where they are one already. Integers become
    no floats, since pixels would be taken as if they were normalised."""
    if hasattr(values, "detach"):  # a tensor of PyTorch's
        values = values.detach()
    require_cpu(values, name)
    array = numpy.asarray(values)
    wanted = numpy.dtype(dtype)
    same = array.dtype.kind == wanted.kind or (array.dtype.kind, wanted.kind) == ("u", "i")
    if tuple(array.shape) != tuple(shape) or not same:
        raise ArgumentsWrong(f"{name} is {wanted} {list(shape)}, and was given {array.dtype} {list(array.shape)}")
    converted = numpy.ascontiguousarray(array, wanted)
    if wanted.kind != "f" and not numpy.array_equal(converted, array):
        raise ArgumentsWrong(f"{name} is {wanted}, and was given numbers that do not fit")
    return converted


def address_of(array: "numpy.ndarray[Any, Any]") -> int:
    """Returns where an array's elements lie. The array has to live for as long as the address is used."""
    return int(array.ctypes.data)


__all__ = ["View", "address_of", "array_of", "call", "delete", "require_cpu", "taken"]
