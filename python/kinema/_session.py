"""Sessions: a package on a device, with weights."""
import ctypes
import os
import weakref
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy

from kinema import _interface
from kinema._arrays import View, address_of, array_of, delete, taken
from kinema._clips import Clips
from kinema._library import ArgumentsWrong, call, closer, encoded, make, require_process

if TYPE_CHECKING:
    from kinema._package import Package, Tensor

Array = "numpy.ndarray[Any, Any]"
# One input of the network, or all of them by name. What lies in the machine's memory may be numpy's or of what knows DLPack.
Inputs = Union[Any, Mapping[str, Any]]


class Tensors(Mapping[str, Any]):
    """Tensors of a session by name: what is read is a copy, and what is assigned is written."""

    def __init__(self, session: "Session", tensors: Mapping[str, "Tensor"]) -> None:
        self._session, self._all = session, tensors

    def __getitem__(self, name: str) -> "numpy.ndarray[Any, Any]":
        return self._session._read(self._all[name])

    def __setitem__(self, name: str, values: Any) -> None:
        self._session._write(self._all[name], values)

    def update(self, values: Mapping[str, Any]) -> None:
        """Writes several tensors."""
        for name, value in values.items():
            self[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._all.values()))


class Results(Mapping[str, Any]):
    """What an entry gave, each tensor read when it is asked for, before anything else runs."""

    def __init__(self, session: "Session", tensors: Mapping[str, "Tensor"], prefix: str = "") -> None:
        self._session, self._prefix = session, prefix
        self._all = {name[len(prefix):]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    def __getitem__(self, name: str) -> "numpy.ndarray[Any, Any]":
        return self._session._read(self._all[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


class Session:
    """A package on a device, with weights. One thread at a time may use it; sessions do not wait for each other, nor do other
    threads of Python wait while one computes."""

    handle: int  # the library's; 0 where it was closed

    def __init__(self, package: "Package", device: Optional[str] = None, threads: int = 0) -> None:
        self.package = package
        self.handle = make("kinema_session_open", package.handle, encoded(device), threads)
        self._process = os.getpid()
        self._close = weakref.finalize(self, closer("kinema_session_close", self.handle))

    def close(self) -> None:
        """Gives the device's memory back; views of it stay. This happens by itself when nobody refers to the session."""
        self._close()
        self.handle = 0

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *reason: Any) -> None:
        self.close()

    @property
    def device(self) -> str:
        """What it computes on, such as ``CPU, 2 threads``."""
        return str(call("kinema_session_device", self._handle()))

    def _handle(self) -> int:
        if not self.handle:
            raise ArgumentsWrong("the session was closed")
        require_process(self._process, "session")
        return self.handle

    # Weights.

    def initialise(self, seed: int = 0) -> "Session":
        """Initialises all parameters as the spec says, and begins training anew."""
        call("kinema_session_initialise", self._handle(), seed)
        return self

    def load(self, weights: "str | os.PathLike[str] | bytes | None" = None, names: Optional[str] = None) -> "Session":
        """Loads all parameters: of a file of safetensors, of the content of one, or those that the package carries. `names` is
        what the file calls its tensors, such as ``torchvision``."""
        if isinstance(weights, bytes):
            call("kinema_session_load_weights_memory", self._handle(), weights, len(weights), encoded(names))
        else:
            call("kinema_session_load_weights", self._handle(), encoded(weights), encoded(names))
        return self

    def load_part(self, weights: "str | os.PathLike[str] | bytes", names: Optional[str] = None) -> List[str]:
        """Loads the parameters that a file of safetensors, or the content of one, has in their shapes, and leaves the others as
        they are, such as the last layer of a network for other classes. Returns the names of those others."""
        parameters = list(self.package.parameters)
        taken = (ctypes.c_uint8 * len(parameters))()
        if isinstance(weights, bytes):
            call("kinema_session_load_part_memory", self._handle(), weights, len(weights), encoded(names), taken, len(parameters))
        else:
            call("kinema_session_load_part", self._handle(), encoded(weights), encoded(names), taken, len(parameters))
        return [name for name, was in zip(parameters, taken) if not was]

    def save(self, path: "str | os.PathLike[str]", names: Optional[str] = None) -> None:
        """Writes all parameters to a file of safetensors, in full or not at all."""
        call("kinema_session_save_weights", self._handle(), encoded(path), encoded(names))

    def weights(self, names: Optional[str] = None) -> bytes:
        """Returns what `save` writes."""
        made = View(make("kinema_session_save_weights_memory", self._handle(), encoded(names)))
        return made.numpy().tobytes()

    @property
    def parameters(self) -> Tensors:
        """Weights and statistics by name: ``session.parameters["fc.bias"] = numpy.zeros(10)``."""
        return Tensors(self, self.package.parameters)

    @property
    def states(self) -> Tensors:
        """What updates keep about parameters."""
        return Tensors(self, self.package.states)

    def class_name(self, label: int) -> Optional[str]:
        """Returns the name of a class, as the weights that were loaded last have it."""
        found = call("kinema_session_class_name", self._handle(), label)
        return None if found is None else str(found)

    # Running.

    def infer(self, inputs: Inputs = None) -> Dict[str, "numpy.ndarray[Any, Any]"]:
        """Runs the network. Returns copies of all that it gives, such as ``logits``, [N, classes]. Without `inputs`, it takes
        what was written to them, bound or put into views of them."""
        self._take(inputs)
        call("kinema_session_infer", self._handle())
        return {name: self._read(tensor) for name, tensor in self.package.outputs.items()}

    def __call__(self, inputs: Inputs = None) -> "numpy.ndarray[Any, Any]":
        """Returns the first output of `infer`: the scores, [N, classes]."""
        self._take(inputs)
        call("kinema_session_infer", self._handle())
        return self._read(next(iter(self.package.outputs.values())))

    def prepare(self) -> None:
        """Does now what the next inference would have to do first."""
        call("kinema_session_prepare", self._handle())

    def train_step(self, inputs: Inputs = None, labels: Optional[Sequence[int]] = None, truths: Any = None,
                   rate: Optional[float] = None, number: Optional[int] = None) -> float:
        """Does a training step as the recipe says; returns the loss.

        `labels` are the classes of the clips, [N], of which -1 masks one; or `truths` say how true each class is, [N, classes].
        Without them it takes those of the step before. The rate is that of the recipe without its schedule, if it is left out.
        The number of the step is what the random numbers of dropouts follow from: it counts from 0 since the weights were set,
        unless it is given.
        """
        self._take(inputs)
        if labels is not None:
            self.set_labels(labels)
        if truths is not None:
            self.set_truths(truths)
        if number is not None:
            call("kinema_session_set_step", self._handle(), number)
        loss = ctypes.c_float()
        given = None if rate is None else ctypes.byref(ctypes.c_double(rate))
        call("kinema_session_train_step", self._handle(), given, ctypes.byref(loss))
        return loss.value

    def save_checkpoint(self, path: "str | os.PathLike[str]", epoch: int, batch: int = 0) -> None:
        """Writes what a training needs to go on bit for bit with a batch of an epoch, both by their numbers from 0."""
        call("kinema_session_save_checkpoint", self._handle(), encoded(path), epoch, batch)

    def load_checkpoint(self, path: "str | os.PathLike[str]") -> Tuple[int, int]:
        """Loads a checkpoint, which may be one of `kinema train`. Returns the epoch and the batch that come next."""
        epoch, batch = ctypes.c_int64(), ctypes.c_int64()
        call("kinema_session_load_checkpoint", self._handle(), encoded(path), ctypes.byref(epoch), ctypes.byref(batch))
        return epoch.value, batch.value

    @property
    def step(self) -> Results:
        """What the training step gave that was done last."""
        return Results(self, self.package.step_outputs)

    @property
    def gradients(self) -> Results:
        """The gradients of the training step that was done last; a package has them that was compiled to keep them."""
        return Results(self, self.package.step_outputs, "grad.")

    def set_labels(self, labels: Any) -> None:
        """Sets the classes of the clips, [N], of which -1 masks one."""
        array = array_of(labels, "the array of labels", numpy.int32, numpy.shape(labels))
        call("kinema_session_set_labels", self._handle(), array.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)), array.size)

    def set_truths(self, truths: Any) -> None:
        """Sets how true each class is of each clip, [N, classes]; for packages that take targets."""
        array = array_of(truths, "the array of truths", numpy.float32, (self.package.batch, self.package.classes))
        call("kinema_session_set_truths", self._handle(), array.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), array.size)

    def set_class_weights(self, weights: Any) -> None:
        """Sets how much each class weighs in the loss, [classes]; for packages whose recipe weighs them."""
        array = array_of(weights, "the array of weights", numpy.float64, (self.package.classes,))
        call("kinema_session_set_class_weights", self._handle(), array.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), array.size)

    def predict(self, videos: "Sequence[str | os.PathLike[str]]", *, settings: Optional[Mapping[str, Any]] = None,
                threads: int = 0) -> "numpy.ndarray[Any, Any]":
        """Returns the probabilities of videos, [videos, classes], by the clips that the recipe evaluates. It is an error if one
        cannot be read; `Clips.scores` leaves such out."""
        clips = Clips(self.package, videos, settings=settings, threads=threads)
        scores = clips.scores(self)
        clips.require_all()
        return scores

    # Memory.

    def write(self, name: str, values: Any) -> None:
        """Copies an input in."""
        self._write(self._input(name), values)

    def bind(self, name: str, tensor: Any) -> None:
        """Binds a tensor to an input, which is read from it whenever the network runs, or to an output, which is written to it
        then; None ends that. It is numpy's or of what knows DLPack, of the input's type and shape, and of any strides."""
        found = self._input_or_output(name)
        if tensor is None:
            call("kinema_session_bind", self._handle(), found.handle, None)
            return
        handle, address = self._handle(), taken(tensor, f"tensor {name}")
        try:
            call("kinema_session_bind", handle, found.handle, address)
        except Exception:
            delete(address)
            raise

    def view(self, name: str) -> View:
        """Returns the session's own memory of an input or an output, where it lies row-major in the machine's memory: what is
        put into an input there needs no copy."""
        return View(make("kinema_session_view", self._handle(), self._input_or_output(name).handle))

    def _input(self, name: str) -> "Tensor":
        try:
            return self.package.inputs[name]
        except KeyError:
            raise ArgumentsWrong(f"{self.package.name} has no input {name}, only {', '.join(self.package.inputs)}") from None

    def _input_or_output(self, name: str) -> "Tensor":
        every = {**self.package.step_outputs, **self.package.outputs, **self.package.inputs}
        if name not in every:
            raise ArgumentsWrong(f"{self.package.name} has no input or output {name}, only {', '.join(every)}")
        return every[name]

    def _take(self, inputs: Inputs) -> None:
        if inputs is None:
            return
        if not isinstance(inputs, Mapping):
            names: List[str] = list(self.package.inputs)
            if len(names) > 1:
                raise ArgumentsWrong(f"{self.package.name} has the inputs {', '.join(names)}: give a mapping of them")
            inputs = {names[0]: inputs}
        for name, values in inputs.items():
            self.write(name, values)

    def _write(self, tensor: "Tensor", values: Any) -> None:
        array = array_of(values, f"tensor {tensor.name}", tensor.dtype, tensor.shape)
        call("kinema_session_write", self._handle(), tensor.handle, address_of(array), array.nbytes)

    def _read(self, tensor: "Tensor") -> "numpy.ndarray[Any, Any]":
        array = numpy.empty(tensor.shape, tensor.dtype)
        call("kinema_session_read", self._handle(), tensor.handle, address_of(array), array.nbytes)
        return array

    def __repr__(self) -> str:
        return f"Session({self.package.name} on {self.device})" if self.handle else f"Session({self.package.name}, closed)"
