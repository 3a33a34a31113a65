"""Loaders of clips: what a network takes, from video files."""
import ctypes
import os
import weakref
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy

from kinema._arrays import View, array_of
from kinema._library import ArgumentsWrong, Error, call, closer, make, require_process, texts
from kinema._settings import setting_texts

if TYPE_CHECKING:
    from kinema._lists import VideoList
    from kinema._package import Package
    from kinema._session import Session


class Batch:
    """Clips of videos. `N` is the package's batch, always in full: the first `valid` clips count."""

    def __init__(self, loader: "Clips", valid: int, epoch: int, number: int) -> None:
        self._loader, self.valid, self.epoch, self.number = loader, valid, epoch, number
        package, handle = loader.package, loader.handle
        # For each clip the number of its video, [N]; -1 where there is none.
        self.videos = numpy.array([call("kinema_clips_video", handle, clip) for clip in range(package.batch)], numpy.int64)
        # Each input, [N, C, T, H, W]: the loader's own memory, which may be changed, and which later batches leave alone.
        self.inputs: Dict[str, "numpy.ndarray[Any, Any]"] = {
            name: View(make("kinema_clips_view", handle, tensor.handle)).numpy() for name, tensor in package.inputs.items()}
        # In training: the class of each clip, [N], -1 where it is masked; and how true each class is of it, [N, classes].
        self.labels: Optional["numpy.ndarray[Any, Any]"] = None
        self.truths: Optional["numpy.ndarray[Any, Any]"] = None
        self.rate: Optional[float] = None  # what the recipe's schedule has for its step
        if loader.labels is not None:
            self.labels = numpy.where(self.videos < 0, -1, loader.labels[self.videos]).astype(numpy.int32)
            self.truths = numpy.empty((package.batch, package.classes), numpy.float32)
            call("kinema_clips_truths", handle, self.truths.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), self.truths.size)
            self.rate = package.rate(epoch, number, loader.batches)

    def feed(self, session: "Session") -> None:
        """Writes the clips to a session's inputs, as they are now, and in training what they show. The batch has to be the one
        that its loader gave last."""
        latest = self._loader._latest
        if latest is None or latest() is not self:
            raise ArgumentsWrong("the loader has gone on since it gave this batch: write its inputs and labels one by one")
        call("kinema_session_take", session._handle(), self._loader.handle)

    def __getitem__(self, name: str) -> "numpy.ndarray[Any, Any]":
        """Returns an input."""
        return self.inputs[name]

    def __repr__(self) -> str:
        return f"Batch({self.number} of epoch {self.epoch}, {self.valid} clips)"


class Clips:
    """A loader, whose threads decode ahead. With `labels` it is one for training: each pass over it is an epoch, in a new random
    order, by the recipe's seed. Without, each pass is over the clips by which the recipe evaluates, in the order of the videos.

    A video that cannot be read is left out; `problems` says why.
    """

    handle: int  # the library's

    def __init__(self, package: "Package", videos: Sequence["str | os.PathLike[str]"], labels: Optional[Sequence[int]] = None, *,
                 settings: Optional[Mapping[str, Any]] = None, threads: int = 0) -> None:
        paths = [os.fspath(video) for video in videos]
        names, changed = texts(paths), texts(setting_texts(settings or {}))
        if labels is None:
            self._hold(package, paths, None, make("kinema_clips_open", package.handle, names, len(paths), changed, threads))
            return
        numbers = array_of(labels, "the array of labels", numpy.int32, (len(paths),))
        address = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        self._hold(package, paths, numbers,
                   make("kinema_clips_open_training", package.handle, names, address, len(paths), changed, threads))

    @classmethod
    def of_list(cls, package: "Package", videos: "VideoList", *, training: bool, settings: Optional[Mapping[str, Any]] = None,
                threads: int = 0) -> "Clips":
        """Loads the clips of a list's videos, in training with all labels that each has. What `kinema data check` has found out
        about the list is used."""
        changed = texts(setting_texts(settings or {}))
        clips = cls.__new__(cls)
        clips._hold(package, list(videos), videos.labels if training else None,
                    make("kinema_clips_open_list", package.handle, videos.handle, int(training), changed, threads))
        return clips

    def _hold(self, package: "Package", videos: List[str], labels: "Optional[numpy.ndarray[Any, Any]]", handle: int) -> None:
        self.package, self.videos, self.labels, self.handle = package, videos, labels, handle
        self._process = os.getpid()
        self._close = weakref.finalize(self, closer("kinema_clips_close", handle))
        self._epoch = self._number = 0
        self._latest: "Optional[weakref.ref[Batch]]" = None

    @property
    def batches(self) -> int:
        """How many batches an epoch has."""
        return int(call("kinema_clips_batches", self.handle))

    def __len__(self) -> int:
        return self.batches

    def seek(self, epoch: int, batch: int = 0) -> "Clips":
        """Makes a batch of an epoch the next one, both by their numbers from 0."""
        call("kinema_clips_seek", self.handle, epoch, batch)
        self._epoch, self._number, self._latest = epoch, batch, None
        return self

    def next(self) -> Optional[Batch]:
        """Takes the next batch of which clips could be read; None at the end of the epoch, behind which the next one begins."""
        valid = ctypes.c_int64()
        require_process(self._process, "loader")
        self._latest = None
        while True:
            call("kinema_clips_next", self.handle, ctypes.byref(valid))
            if valid.value < 0:
                self._epoch, self._number = self._epoch + (self.labels is not None), 0
                return None
            self._number += 1
            if valid.value > 0:
                batch = Batch(self, valid.value, self._epoch, self._number - 1)
                self._latest = weakref.ref(batch)
                return batch

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches up to the end of the epoch."""
        while True:
            batch = self.next()
            if batch is None:
                return
            yield batch

    @property
    def problems(self) -> Dict[str, str]:
        """Why videos could not be read, as far as that is known yet."""
        found = ((video, call("kinema_clips_problem", self.handle, number)) for number, video in enumerate(self.videos))
        return {video: problem for video, problem in found if problem is not None}

    def scores(self, session: "Session") -> "numpy.ndarray[Any, Any]":
        """Evaluates all clips from the first on. Returns the probabilities of the videos, [videos, classes]; the row of a video
        that could not be read has NaN."""
        require_process(self._process, "loader")
        scores = numpy.empty((len(self.videos), self.package.classes))
        call("kinema_session_predict", session._handle(), self.handle, scores.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), scores.size)
        self._epoch = self._number = 0
        self._latest = None
        return scores

    def require_all(self) -> None:
        """Raises an error if a video could not be read."""
        for video, problem in self.problems.items():
            raise Error(f"{video}: {problem}")

    def __repr__(self) -> str:
        return f"Clips({len(self.videos)} videos, {self.batches} batches of {self.package.batch})"
