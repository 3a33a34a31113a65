"""Packages: compiled networks."""
import ctypes
import os
import weakref
from types import MappingProxyType
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import numpy

from kinema import _interface
from kinema._arrays import array_of
from kinema._library import ArgumentsWrong, call, closer, encoded, make
from kinema._session import Session


class Tensor(NamedTuple):
    """The description of a tensor of a network."""

    name: str
    shape: Tuple[int, ...]
    dtype: "numpy.dtype[Any]"
    input_kind: Optional[str]  # of an input: "rgb", "gray" or "flow"
    handle: int  # the library's description of it

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype} {list(self.shape)}"


def _described(handle: int) -> Tensor:
    shape = call("kinema_tensor_shape", handle)
    dtype = numpy.float32 if call("kinema_tensor_type", handle) == _interface.FLOAT32 else numpy.int32
    return Tensor(call("kinema_tensor_name", handle), tuple(shape[:call("kinema_tensor_rank", handle)]), numpy.dtype(dtype),
                  call("kinema_tensor_input_kind", handle), handle)


class Settings(Mapping[str, str]):
    """The recipe of a package: a setting such as ``data.resize`` as ``--set`` takes it, ``[128 171]``."""

    def __init__(self, package: "Package") -> None:
        self._package = package

    def __getitem__(self, name: str) -> str:
        found = call("kinema_package_setting", self._package.handle, encoded(name))
        if found is None:
            raise KeyError(name)
        return str(found)

    def _names(self) -> List[str]:
        handle = self._package.handle
        return [call("kinema_package_setting_name", handle, number) for number in range(call("kinema_package_setting_count", handle))]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class Package:
    """A network that was compiled: of a file, or of a program that carries one. It is immutable, and any number of threads
    may use it.

    Opening a session on it runs its machine code: a package is a program, to be trusted like one.
    """

    def __init__(self, path: "str | os.PathLike[str]") -> None:
        self._hold(make("kinema_package_open", encoded(path)))

    @classmethod
    def of_bytes(cls, content: bytes) -> "Package":
        """Opens the content of a package's file."""
        package = cls.__new__(cls)
        package._hold(make("kinema_package_open_memory", content, len(content)))
        return package

    def _hold(self, handle: int) -> None:
        self.handle = handle
        weakref.finalize(self, closer("kinema_package_close", handle))
        self._tensors: Dict[int, Mapping[str, Tensor]] = {}
        for kind in (_interface.INPUT, _interface.PARAMETER, _interface.STATE, _interface.INFER_OUTPUT, _interface.STEP_OUTPUT):
            count = call("kinema_package_tensor_count", handle, kind)
            tensors = [_described(call("kinema_package_tensor", handle, kind, number)) for number in range(count)]
            self._tensors[kind] = MappingProxyType({tensor.name: tensor for tensor in tensors})

    @property
    def name(self) -> str:
        """The name of the network."""
        return str(call("kinema_package_name", self.handle))

    @property
    def batch(self) -> int:
        """How many clips are computed together."""
        return int(call("kinema_package_batch", self.handle))

    @property
    def classes(self) -> int:
        return int(call("kinema_package_classes", self.handle))

    @property
    def targets(self) -> List[str]:
        """The machines that it has code for, such as ``x86-64-v3``."""
        return [call("kinema_package_target", self.handle, number) for number in range(call("kinema_package_target_count", self.handle))]

    @property
    def can_train(self) -> bool:
        return bool(call("kinema_package_has_entry", self.handle, b"train_step"))

    @property
    def has_weights(self) -> bool:
        """Whether it carries weights."""
        return bool(call("kinema_package_has_weights", self.handle))

    @property
    def settings(self) -> Settings:
        return Settings(self)

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """What it takes: clips, [N, C, T, H, W]."""
        return self._tensors[_interface.INPUT]

    @property
    def parameters(self) -> Mapping[str, Tensor]:
        """Its weights and statistics, of the shapes that they have in files."""
        return self._tensors[_interface.PARAMETER]

    @property
    def states(self) -> Mapping[str, Tensor]:
        """What updates keep about parameters, such as their momentum."""
        return self._tensors[_interface.STATE]

    @property
    def outputs(self) -> Mapping[str, Tensor]:
        """What inference gives."""
        return self._tensors[_interface.INFER_OUTPUT]

    @property
    def step_outputs(self) -> Mapping[str, Tensor]:
        """What a training step gives: the loss, and gradients where the package keeps them."""
        return self._tensors[_interface.STEP_OUTPUT]

    def rate(self, epoch: int, batch: int, batches: int) -> float:
        """Returns the learning rate that the recipe's schedule has for a step: both numbers are from 0, and an epoch has
        so many batches."""
        rate = ctypes.c_double()
        call("kinema_package_rate", self.handle, epoch, batch, batches, ctypes.byref(rate))
        return rate.value

    def clip(self, frames: Any, name: Optional[str] = None, out: "Optional[numpy.ndarray[Any, Any]]" = None
             ) -> "numpy.ndarray[Any, Any]":
        """Returns what an input takes of one clip's frames, [C, T, H, W]: they are scaled as the recipe says, and the centre of
        evaluation's crop is cut out and normalised.

        `frames` are [T, H, W, 3], bytes of red, green and blue, as many as a clip has (``settings["data.frames"]``). The input
        is the first one unless `name` names another; `out`, which may be a row of a batch, is written in place of a new array.
        """
        tensor = self.inputs[name] if name else next(iter(self.inputs.values()))
        pixels = array_of(frames, "the array of frames", numpy.uint8, numpy.shape(frames))
        if pixels.ndim != 4 or pixels.shape[3] != 3:
            raise ArgumentsWrong(f"the frames of a clip are [T, H, W, 3], and were given as {list(pixels.shape)}")
        if out is None:
            out = numpy.empty(tensor.shape[1:], numpy.float32)
        elif out.shape != tensor.shape[1:] or out.dtype != numpy.float32 or not out.flags.c_contiguous:
            raise ArgumentsWrong(f"a clip of {tensor.name} is float32 {list(tensor.shape[1:])}, row-major, and was to be written to "
                                 f"{out.dtype} {list(out.shape)}")
        count, height, width, _ = pixels.shape
        call("kinema_package_clip", self.handle, tensor.handle, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)), count, height,
             width, out.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), out.size)
        return out

    def session(self, device: Optional[str] = None, threads: int = 0) -> Session:
        """Opens a session on a device: "auto" (the default), "cpu", "cuda", "cuda:N" or "emulator"; `threads` compute on a
        CPU, 0 as many as the process may use. A package that carries weights loads them."""
        session = Session(self, device, threads)
        if self.has_weights:
            session.load()
        return session

    def __repr__(self) -> str:
        inputs = ", ".join(map(repr, self.inputs.values()))
        return f"Package({self.name}, {inputs}, {self.classes} classes, for {', '.join(self.targets)})"


def load(path: "str | os.PathLike[str]") -> Package:
    """Opens a package's file."""
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentsWrong(f"a path is needed, found {type(path).__name__}: Package.of_bytes opens what lies in memory")
    return Package(path)
