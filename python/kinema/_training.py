"""Trains step by step, by a loop that the caller can take apart."""
import os
from typing import Iterator, NamedTuple, Optional

from kinema._clips import Batch, Clips
from kinema._library import ArgumentsWrong, Error
from kinema._session import Session


class Epoch(NamedTuple):
    """What an epoch came to."""

    number: int  # from 0
    loss: float  # the mean over the clips
    clips: int  # of its steps here: fewer where it began elsewhere


class Trainer:
    """Trains a session on a loader's clips as the recipe says: its optimiser, its schedule of rates, its order of clips.

    ``for epoch in Trainer(session, clips).epochs(): print(epoch.loss)`` is the whole of it, and `step` one step of a loop of the
    caller's own. From the same seed it comes to the same bits as `kinema train`, which besides writes logs and tests between
    epochs.
    """

    def __init__(self, session: Session, clips: Clips) -> None:
        if clips.labels is None:
            raise ArgumentsWrong("the loader has no labels: one for training is opened with those of its videos")
        if clips.package is not session.package:
            raise ArgumentsWrong("the clips are those of another package than the session's")
        self.session, self.clips = session, clips
        self.epoch = self.batch = 0  # those of the next step

    def step(self, batch: Batch, rate: Optional[float] = None) -> float:
        """Does a step on the batch that the loader gave last; returns the loss. The rate is the schedule's unless it is given."""
        batches = self.clips.batches
        batch.feed(self.session)
        loss = self.session.train_step(rate=batch.rate if rate is None else rate, number=batch.epoch * batches + batch.number)
        self.epoch, self.batch = divmod(batch.epoch * batches + batch.number + 1, batches)
        return loss

    def epochs(self, count: Optional[int] = None) -> Iterator[Epoch]:
        """Trains so many epochs, or all that are left of the recipe's, and yields what each came to."""
        last = int(self.session.package.settings["train.epochs"]) if count is None else self.epoch + count
        while self.epoch < last:
            number = self.epoch
            self.clips.seek(number, self.batch)
            losses = [(batch.valid, self.step(batch)) for batch in self.clips]
            self.epoch, self.batch = number + 1, 0
            clips = sum(valid for valid, _ in losses)
            if not clips:
                video, problem = next(iter(self.clips.problems.items()))
                raise Error(f"none of {len(self.clips.videos)} videos could be read, such as {video}: {problem}")
            yield Epoch(number, sum(valid * loss for valid, loss in losses) / clips, clips)

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Writes a checkpoint, with which `resume` goes on bit for bit."""
        self.session.save_checkpoint(path, self.epoch, self.batch)

    def resume(self, path: "str | os.PathLike[str]") -> "Trainer":
        """Goes on where a checkpoint was written, by `save` or by `kinema train` on the same videos."""
        self.epoch, self.batch = self.session.load_checkpoint(path)
        return self
