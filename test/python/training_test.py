"""Trains in loops of Python, and comes to the bits to which `kinema train` comes."""
import os
import unittest
from pathlib import Path

from testing import Case, run

import numpy

import kinema

SPEC = """
network small classes=10 {
  input rgb 3x4x32x32
  stem: conv3d ch=8 stride=1x2x2
  pool avg global
  dropout 0.3
  fc classes
}
data {
  resize 36x48
}
train {
  epochs 3
  batch 4
  rate 0.1 warmup=1 schedule=cosine
  adamw decay=0.01
  seed 5
  mix mixup=0.4
}
"""


class Training(Case):
    def setUp(self):
        self.home = self.folder()
        run("data", "make-motion", self.home, "--train", 1, "--test", 1, "--frames", 12)
        rows = [line.rsplit(" ", 1) for line in Path(self.home, "train.txt").read_text().splitlines()]
        self.videos, self.labels = [os.path.join(self.home, name) for name, _ in rows], [int(label) for _, label in rows]

    def assertSame(self, session, wanted):
        for name in wanted.parameters:
            numpy.testing.assert_array_equal(session.parameters[name], wanted.parameters[name], name)

    def test_comes_to_what_the_program_does(self):
        spec = Path(self.home, "small.arch")
        spec.write_text(SPEC)
        out = os.path.join(self.home, "run")
        run("train", spec, "--train", os.path.join(self.home, "train.txt"), "--out", out)
        package = kinema.compile(spec, batch=4)
        wanted = package.session("cpu").load(os.path.join(out, "last.safetensors"))
        session = package.session("cpu").initialise(seed=5)
        trainer = kinema.Trainer(session, kinema.Clips(package, self.videos, self.labels))
        epochs = list(trainer.epochs())
        self.assertEqual([(epoch.number, epoch.clips) for epoch in epochs], [(0, 10), (1, 10), (2, 10)])
        self.assertTrue(all(numpy.isfinite(epoch.loss) for epoch in epochs))
        self.assertSame(session, wanted)
        self.assertEqual(list(trainer.epochs()), [])
        self.assertEqual([epoch.number for epoch in trainer.epochs(1)], [3])

    def test_goes_on_from_a_checkpoint(self):
        """Of another loop, stopped in the middle of an epoch, and of the program's."""
        spec = Path(self.home, "small.arch")
        spec.write_text(SPEC)
        run("train", spec, "--train", os.path.join(self.home, "train.txt"), "--out", os.path.join(self.home, "run"), "--keep", 3)
        package = kinema.compile(spec, batch=4)
        wanted = package.session("cpu").load(os.path.join(self.home, "run", "last.safetensors"))

        def trainer():
            return kinema.Trainer(package.session("cpu"), kinema.Clips(package, self.videos, self.labels))

        first = trainer()
        first.session.initialise(seed=5)
        next(first.epochs())
        self.assertEqual((first.epoch, first.batch), (1, 0))
        first.step(first.clips.seek(1).next())
        self.assertEqual((first.epoch, first.batch), (1, 1))
        path = os.path.join(self.home, "checkpoint.safetensors")
        first.save(path)
        kept = sorted(Path(self.home, "run").glob("**/epoch*1.safetensors"))
        self.assertEqual(len(kept), 1, os.listdir(os.path.join(self.home, "run")))
        for checkpoint, left in ((path, [(1, 6), (2, 10)]), (kept[0], [(1, 10), (2, 10)])):
            second = trainer().resume(checkpoint)
            self.assertEqual([(epoch.number, epoch.clips) for epoch in second.epochs()], left)
            self.assertSame(second.session, wanted)

    def test_a_loop_by_hand(self):
        """The same by steps of the caller's, whose rates and inputs he sees."""
        package = kinema.compile(SPEC.replace("  mix mixup=0.4\n", ""), batch=4)
        session, other = (package.session("cpu").initialise(seed=5) for _ in range(2))
        clips = kinema.Clips(package, self.videos, self.labels)
        losses = [other.train_step(batch.inputs, batch.labels, rate=batch.rate) for batch in clips]
        trainer = kinema.Trainer(session, kinema.Clips(package, self.videos, self.labels))
        self.assertEqual([trainer.step(batch) for batch in trainer.clips], losses)
        self.assertEqual(session.weights(), other.weights())

    def test_errors(self):
        package, other = kinema.compile(SPEC, batch=4), kinema.compile(SPEC, batch=4)
        session = package.session("cpu").initialise(seed=5)
        self.assertFails(kinema.ArgumentsWrong, "the loader has no labels", kinema.Trainer, session, kinema.Clips(package, self.videos))
        self.assertFails(kinema.ArgumentsWrong, "the clips are those of another package", kinema.Trainer, session,
                         kinema.Clips(other, self.videos, self.labels))
        missing = kinema.Trainer(session, kinema.Clips(package, ["/no/such.mp4"], [1]))
        self.assertFails(kinema.Error, "/no/such.mp4", next, missing.epochs())


if __name__ == "__main__":
    unittest.main()
