"""Hands memory to and fro without copies, by numpy and by DLPack."""
import gc
import unittest
import weakref

from testing import Case, clips_of, require, tiny

require("torch")

import numpy
import torch

import kinema


class Memory(Case):
    def setUp(self):
        self.package = tiny()
        self.session = self.package.session("cpu").initialise(seed=3)
        self.clips = clips_of(self.package)
        self.logits = self.session(self.clips)

    def test_views_are_the_sessions_memory(self):
        view = self.session.view("rgb")
        self.assertEqual((view.shape, view.dtype), ((2, 3, 4, 16, 16), numpy.float32))
        array = view.numpy()
        numpy.testing.assert_array_equal(array, self.clips)
        tensor = torch.from_dlpack(view)
        self.assertEqual(tensor.data_ptr(), array.__array_interface__["data"][0])
        tensor.zero_()
        self.assertEqual(abs(array).max(), 0)
        array[...] = self.clips
        numpy.testing.assert_array_equal(self.session(), self.logits)
        self.assertTrue(numpy.shares_memory(numpy.from_dlpack(view), array))
        scores = torch.from_dlpack(self.session.view("logits"))
        self.session(2 * self.clips)
        numpy.testing.assert_array_equal(scores.numpy(), self.session.view("logits").numpy())
        self.assertFalse(numpy.array_equal(scores.numpy(), self.logits))

    def test_views_outlive_their_session(self):
        array, tensor = self.session.view("rgb").numpy(), torch.from_dlpack(self.session.view("rgb"))
        self.session.close()
        del self.session
        gc.collect()
        numpy.testing.assert_array_equal(array, self.clips)
        numpy.testing.assert_array_equal(tensor.numpy(), self.clips)

    def test_capsules_that_nobody_takes(self):
        view = self.session.view("rgb")
        for _ in range(100):
            view.__dlpack__()
        with self.assertRaises(BufferError):
            view.__dlpack__(copy=True)
        with self.assertRaises(BufferError):
            view.__dlpack__(dl_device=(2, 0))
        self.assertEqual(view.__dlpack_device__(), (1, 0))

    def test_tensors_are_bound(self):
        """What is bound is read and written where it lies, with the channels last too."""
        last = torch.from_numpy(self.clips).to(memory_format=torch.channels_last_3d).clone(memory_format=torch.preserve_format)
        self.assertFalse(last.is_contiguous())
        self.session.bind("rgb", last)
        scores = torch.zeros(2, 4)
        self.session.bind("logits", scores)
        numpy.testing.assert_array_equal(self.session(), self.logits)
        numpy.testing.assert_array_equal(scores.numpy(), self.logits)
        last.zero_()
        self.assertFalse(numpy.array_equal(self.session(), self.logits))
        scores.zero_()
        self.session.bind("logits", None)
        self.session.bind("rgb", self.clips)  # of numpy
        numpy.testing.assert_array_equal(self.session(), self.logits)
        self.assertEqual(float(abs(scores).max()), 0)

    def test_what_is_bound_is_held_as_long(self):
        clips = self.clips.copy()
        gone = weakref.ref(clips)
        self.session.bind("rgb", clips)
        del clips
        gc.collect()
        self.assertIsNotNone(gone())
        self.session.bind("rgb", None)
        gc.collect()
        self.assertIsNone(gone())

    def test_tensors_of_pytorch_are_written(self):
        clips = torch.from_numpy(self.clips)
        numpy.testing.assert_array_equal(self.session(clips), self.logits)
        numpy.testing.assert_array_equal(self.session(clips.clone().requires_grad_()), self.logits)
        numpy.testing.assert_array_equal(self.session(clips.permute(0, 2, 3, 4, 1).contiguous().permute(0, 4, 1, 2, 3)), self.logits)
        self.session.parameters["fc.bias"] = torch.ones(4)
        self.assertEqual(list(self.session.parameters["fc.bias"]), [1, 1, 1, 1])

    def test_errors(self):
        self.assertFails(kinema.ArgumentsWrong, "tensor rgb is float32 [2, 3, 4, 16, 16], and was given float32 [1, 3, 4, 16, 16]",
                         self.session.bind, "rgb", self.clips[:1])
        gone = weakref.ref(wrong := self.clips.astype(numpy.float64))
        self.assertFails(kinema.ArgumentsWrong, "tensor rgb is of float32", self.session.bind, "rgb", wrong)
        del wrong
        gc.collect()
        self.assertIsNone(gone())  # it was given back
        self.assertFails(kinema.ArgumentsWrong, "tiny has no input or output fc.bias, only", self.session.view, "fc.bias")

        self.assertFails(kinema.ArgumentsWrong, "tensor rgb cannot be bound: ", self.session.bind, "rgb",
                         torch.from_numpy(self.clips).clone().requires_grad_())

        class Elsewhere:
            def __dlpack_device__(self):
                return 2, 0

            def __dlpack__(self, stream=None):
                raise AssertionError("nobody may ask for it")

        self.assertFails(kinema.ArgumentsWrong, "tensor rgb lies on another device", self.session.bind, "rgb", Elsewhere())
        self.assertFails(kinema.ArgumentsWrong, "tensor rgb lies on another device", self.session, Elsewhere())


if __name__ == "__main__":
    unittest.main()
