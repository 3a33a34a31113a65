"""Loads clips of video files as arrays, and predicts with them what `kinema predict` does."""
import json
import os
import unittest
from pathlib import Path

from testing import Case, run

import numpy

import kinema

SMALL = """
network small classes=10 {
  input rgb 3x4x32x32
  stem: conv3d ch=8 stride=1x2x2
  pool avg global
  fc classes
}
data {
  resize 36x48
}
eval {
  clips 2
}
"""


class Loaders(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = cls.enterClassContext(__import__("tempfile").TemporaryDirectory(prefix="kinema-test-"))
        run("data", "make-motion", cls.home, "--train", 1, "--test", 1, "--frames", 12)
        rows = [line.rsplit(" ", 1) for line in Path(cls.home, "train.txt").read_text().splitlines()]
        cls.videos = [os.path.join(cls.home, name) for name, _ in rows]
        cls.labels = [int(label) for _, label in rows]
        cls.package = kinema.compile(SMALL, batch=4)

    def test_batches_are_arrays(self):
        clips = kinema.Clips(self.package, self.videos[:3], threads=1)
        self.assertEqual((len(clips), repr(clips)), (2, "Clips(3 videos, 2 batches of 4)"))
        first, second = list(clips)
        self.assertEqual((first.valid, list(first.videos)), (4, [0, 0, 1, 1]))
        self.assertEqual((second.valid, list(second.videos)), (2, [2, 2, -1, -1]))
        self.assertEqual((first["rgb"].shape, first["rgb"].dtype), ((4, 3, 4, 32, 32), numpy.float32))
        self.assertGreater(first["rgb"].std(), 0.1)
        self.assertEqual(abs(second["rgb"][2:]).max(), 0)
        self.assertIsNone(first.labels)
        again = clips.seek(0, 1).next()
        numpy.testing.assert_array_equal(again["rgb"], second["rgb"])
        self.assertIsNone(clips.next())
        mean = [float(number) for number in self.package.settings["data.mean"].strip("[]").split()]
        std = [float(number) for number in self.package.settings["data.std"].strip("[]").split()]
        pixels = first["rgb"] * numpy.reshape(std, (3, 1, 1, 1)) + numpy.reshape(mean, (3, 1, 1, 1))
        self.assertGreater(pixels.min(), -0.01)
        self.assertLess(pixels.max(), 255.01)

    def test_batches_stay_while_the_loader_goes_on(self):
        clips = kinema.Clips(self.package, self.videos, self.labels)
        batches = list(clips)
        copies = [batch["rgb"].copy() for batch in batches]
        for _ in clips:
            pass
        del clips
        for batch, copy in zip(batches, copies):
            numpy.testing.assert_array_equal(batch["rgb"], copy)

    def test_batches_of_training_have_labels(self):
        clips = kinema.Clips(self.package, self.videos, self.labels)
        seen = []
        for batch in clips:
            for clip in range(batch.valid):
                self.assertEqual(batch.labels[clip], self.labels[batch.videos[clip]])
                self.assertEqual(batch.truths[clip].argmax(), batch.labels[clip])
                seen.append(batch.videos[clip])
            self.assertTrue((batch.labels[batch.valid:] == -1).all())
            self.assertEqual(batch.rate, self.package.rate(0, batch.number, len(clips)))
        self.assertEqual(sorted(seen), list(range(len(self.videos))))
        self.assertEqual(clips.next().epoch, 1)

    def test_what_is_changed_is_what_a_session_takes(self):
        session, other = (self.package.session("cpu").initialise(seed=1) for _ in range(2))
        clips = kinema.Clips(self.package, self.videos, self.labels)
        batch = clips.next()
        batch["rgb"][...] *= 0.5
        batch.feed(session)
        loss = session.train_step(rate=0.1)
        self.assertEqual(other.train_step(batch.inputs, batch.labels, rate=0.1), loss)
        clips.next()
        self.assertFails(kinema.ArgumentsWrong, "the loader has gone on since it gave this batch", batch.feed, session)

    def test_predicts_as_the_program(self):
        session = self.package.session("cpu").initialise(seed=1)
        weights = os.path.join(self.home, "weights.safetensors")
        session.save(weights)
        Path(self.home, "small.arch").write_text(SMALL)
        videos = self.videos[:2]
        scores = session.predict(videos)
        numpy.testing.assert_allclose(scores.sum(1), 1, rtol=1e-6)
        file = Path(self.home, "scores.jsonl")
        run("predict", Path(self.home, "small.arch"), *videos, "--weights", weights, "--batch", 4, "--scores", file)
        found = [json.loads(line)["scores"] for line in file.read_text().splitlines()]
        numpy.testing.assert_allclose(scores, found, rtol=1e-6)

    def test_lists(self):
        file = os.path.join(self.home, "train.txt")
        videos = kinema.VideoList(file, names=Path(self.home, "classes.txt"))
        self.assertEqual((list(videos), list(videos.labels)), (self.videos, self.labels))
        self.assertEqual((videos[0], videos[1:3], len(videos.classes)), (self.videos[0], self.videos[1:3], 10))
        self.assertEqual(videos.all_labels[3], [self.labels[3]])
        self.assertEqual(repr(videos), "VideoList(10 videos, 10 classes)")
        by_list = kinema.Clips.of_list(self.package, videos, training=True)
        for batch, other in zip(by_list, kinema.Clips(self.package, videos, videos.labels)):
            numpy.testing.assert_array_equal(batch["rgb"], other["rgb"])
            numpy.testing.assert_array_equal(batch.labels, other.labels)
        self.assertEqual(kinema.Clips.of_list(self.package, videos, training=False).next().valid, 4)
        folders = kinema.VideoList(os.path.join(self.home, "train"))
        self.assertEqual(sorted(map(os.path.realpath, folders)), sorted(map(os.path.realpath, self.videos)))
        self.assertFails(kinema.ArgumentsWrong, "format", kinema.VideoList, file, format="k400")
        self.assertFails(kinema.Error, "/no/such.txt", kinema.VideoList, "/no/such.txt")

    def test_several_labels(self):
        """Each label of a video is true of its clips."""
        file = Path(self.home, "several.txt")
        file.write_text("".join(f"{os.path.relpath(video, self.home)} {label},{(label + 1) % 10}\n"
                                for video, label in zip(self.videos, self.labels)))
        package = kinema.compile(SMALL, batch=4, settings={"train.loss": "binary_cross_entropy"})
        videos = kinema.VideoList(file)
        batch = kinema.Clips.of_list(package, videos, training=True).next()
        for truths, video in zip(batch.truths, batch.videos):
            self.assertEqual(set(truths.nonzero()[0]), set(videos.all_labels[video]))
        session = package.session("cpu").initialise(seed=1)
        batch.feed(session)
        loss = session.train_step(rate=0)
        self.assertAlmostEqual(session.train_step(batch.inputs, truths=batch.truths, rate=0), loss, places=6)

    def test_clips_of_decoded_frames(self):
        """Frames that others have decoded become clips: of the scaled size just cut out, and of other sizes scaled as PyTorch's
        antialiased interpolation does."""
        random = numpy.random.default_rng(1)
        frames = random.integers(0, 256, (4, 36, 48, 3), numpy.uint8)
        mean, std = (numpy.reshape([float(number) for number in self.package.settings[name].strip("[]").split()], (3, 1, 1, 1))
                     for name in ("data.mean", "data.std"))

        def normalised(cut):
            return (cut.transpose(3, 0, 1, 2) - mean) / std

        clip = self.package.clip(frames)
        self.assertEqual(clip.dtype, numpy.float32)
        numpy.testing.assert_allclose(clip, normalised(frames[:, 2:34, 8:40]), rtol=1e-5, atol=1e-5)
        batch = numpy.zeros((2, *clip.shape), numpy.float32)
        self.assertTrue(numpy.shares_memory(self.package.clip(frames, "rgb", out=batch[1]), batch))
        numpy.testing.assert_array_equal(batch[1], clip)
        try:
            import torch
        except ImportError:
            pass
        else:
            large = torch.from_numpy(random.integers(0, 256, (4, 90, 100, 3), numpy.uint8))
            small = torch.nn.functional.interpolate(large.permute(0, 3, 1, 2).float(), (36, 48), mode="bilinear", antialias=True)
            wanted = normalised(small.round().permute(0, 2, 3, 1).numpy()[:, 2:34, 8:40])
            self.assertLess(abs(self.package.clip(large) - wanted).max(), 1.01 / 255 * 255 / std.min())
            self.assertLess(abs(self.package.clip(large) - wanted).mean(), 1e-3)
        self.assertFails(kinema.ArgumentsWrong, "a clip of small has 4 frames, and was given 3", self.package.clip, frames[:3])
        self.assertFails(kinema.ArgumentsWrong, "the frames of a clip are [T, H, W, 3]", self.package.clip, frames[0])
        self.assertFails(kinema.ArgumentsWrong, "the array of frames is uint8", self.package.clip, frames.astype(float))
        self.assertFails(kinema.ArgumentsWrong, "was to be written to float64", self.package.clip, frames, out=batch[0].astype(float))

    def test_videos_that_cannot_be_read(self):
        bad = os.path.join(self.home, "bad.mp4")
        Path(bad).write_text("no video")
        clips = kinema.Clips(self.package, [self.videos[0], bad])
        scores = clips.scores(self.package.session("cpu").initialise(seed=1))
        self.assertTrue(numpy.isnan(scores[1]).all())
        self.assertFalse(numpy.isnan(scores[0]).any())
        self.assertEqual(list(clips.problems), [bad])
        session = self.package.session("cpu").initialise(seed=1)
        self.assertFails(kinema.Error, "bad.mp4", session.predict, [self.videos[0], bad])

    def test_errors(self):
        self.assertFails(kinema.ArgumentsWrong, "0 videos were given", kinema.Clips, self.package, [])
        self.assertFails(kinema.ArgumentsWrong, "the array of labels is int32 [2], and was given int64 [1]", kinema.Clips, self.package, self.videos[:2], [1])
        self.assertFails(kinema.ArgumentsWrong, "has label 10, small has 10 classes", kinema.Clips, self.package, self.videos[:1], [10])
        self.assertFails(kinema.ArgumentsWrong, "eval.clip", kinema.Clips, self.package, self.videos[:1], settings={"eval.clip": 3})
        self.assertEqual(len(kinema.Clips(self.package, self.videos[:1], settings={"eval.clips": 9})), 3)
        clips = kinema.Clips(self.package, self.videos[:1])
        self.assertFails(kinema.ArgumentsWrong, "there is no batch 1 of epoch 0", clips.seek, 0, 1)


if __name__ == "__main__":
    unittest.main()
