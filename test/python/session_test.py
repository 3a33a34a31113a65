"""Runs and trains networks with arrays of numpy, weights as a mapping among them."""
import os
import threading
import unittest

from testing import TWO_STREAMS, Case, clips_of, tiny

import numpy

import kinema


class Sessions(Case):
    def test_infers(self):
        package = tiny()
        session = package.session("cpu", threads=1).initialise(seed=3)
        self.assertEqual(session.device, "CPU, 1 thread")
        clips = clips_of(package)
        logits = session(clips)
        self.assertEqual((logits.shape, logits.dtype), ((2, 4), numpy.float32))
        self.assertGreater(abs(logits).max(), 0)
        numpy.testing.assert_array_equal(session.infer({"rgb": clips})["logits"], logits)
        numpy.testing.assert_array_equal(session(), logits)  # of the same clips
        numpy.testing.assert_array_equal(session(clips.astype(float).tolist()), logits)
        numpy.testing.assert_array_equal(session(numpy.asfortranarray(clips)), logits)
        other = package.session("cpu", threads=2).load(session.weights())
        numpy.testing.assert_array_equal(other(clips), logits)

    def test_weights_are_a_mapping(self):
        package = tiny()
        session = package.session("cpu").initialise(seed=3)
        self.assertEqual(list(session.parameters), list(package.parameters))
        self.assertEqual(len(session.parameters), len(package.parameters))
        weight = session.parameters["fc.weight"]
        self.assertEqual(weight.shape, (4, 8))
        session.parameters["fc.weight"] = numpy.zeros((4, 8))
        session.parameters["fc.bias"] = [1, 2.5, 3, 4]
        numpy.testing.assert_array_equal(session(clips_of(package)), [[1, 2.5, 3, 4]] * 2)
        session.parameters.update({"fc.weight": weight, "fc.bias": numpy.zeros(4)})
        numpy.testing.assert_array_equal(session.parameters["fc.weight"], weight)
        other = package.session("cpu")
        other.parameters.update(session.parameters)
        numpy.testing.assert_array_equal(other(clips_of(package)), session(clips_of(package)))
        self.assertFails(kinema.ArgumentsWrong, "tensor fc.bias is float32 [4], and was given float64 [3]",
                         session.parameters.__setitem__, "fc.bias", [1., 2., 3.])
        with self.assertRaises(KeyError):
            session.parameters["fc.wait"]

    def test_trains(self):
        package = tiny(keep_gradients=True, settings={"train.momentum": 0, "train.decay": 0})
        session = package.session("cpu").initialise(seed=3)
        clips = clips_of(package)
        before = session.parameters["fc.bias"]
        first = session.train_step(clips, [0, 3], rate=0.25)
        gradient = session.gradients["fc.bias"]
        self.assertAlmostEqual(float(session.step["loss"]), first)
        numpy.testing.assert_allclose(session.parameters["fc.bias"], before - 0.25 * gradient, rtol=1e-6)
        for _ in range(60):
            last = session.train_step(rate=0.25)  # on the same clips
        self.assertLess(last, first / 2)
        self.assertEqual(sorted(session.gradients), sorted(name for name in package.parameters if "running" not in name))

    def test_states_of_updates(self):
        package = tiny(settings={"train.momentum": 0.5})
        session = package.session("cpu").initialise(seed=3)
        session.train_step(clips_of(package), [0, 3])
        self.assertGreater(abs(session.states["momentum.fc.bias"]).max(), 0)
        session.states["momentum.fc.bias"] = numpy.zeros(4)
        self.assertEqual(abs(session.states["momentum.fc.bias"]).max(), 0)

    def test_targets(self):
        package = tiny(settings={"train.mixup": 0.2})
        session, other = (package.session("cpu").initialise(seed=3) for _ in range(2))
        clips = clips_of(package)
        loss = session.train_step(clips, [0, 3])
        self.assertEqual(other.train_step(clips, truths=numpy.eye(4, dtype=numpy.float32)[[0, 3]]), loss)
        self.assertNotEqual(other.train_step(clips, truths=numpy.full((2, 4), 0.25)), loss)
        weighed = tiny(settings={"train.class_weights": "balanced"}).session("cpu").initialise(seed=3)
        weighed.set_class_weights([1, 1, 1, 1.])
        self.assertAlmostEqual(weighed.train_step(clips, [0, 3]), loss, places=6)

    def test_several_inputs(self):
        package = kinema.compile(TWO_STREAMS, batch=1, mode="infer")
        session = package.session("cpu").initialise(seed=3)
        inputs = {name: numpy.ones(tensor.shape, numpy.float32) for name, tensor in package.inputs.items()}
        self.assertEqual(session(inputs).shape, (1, 3))
        self.assertFails(kinema.ArgumentsWrong, "streams has the inputs rgb, flow: give a mapping of them", session, inputs["rgb"])
        self.assertFails(kinema.ArgumentsWrong, "streams has no input depth, only rgb, flow", session, {"depth": inputs["rgb"]})

    def test_other_devices(self):
        """A GPU's kernels run in the emulator, whose calls they find in the library."""
        package = kinema.compile(TWO_STREAMS, batch=1, mode="infer", target="x86-64-v3,sm_90a", precision="fp32", options=["--emulator"])
        self.assertEqual(package.targets, ["x86-64-v3", "sm_90a"])
        random = numpy.random.default_rng(1)
        inputs = {name: random.standard_normal(tensor.shape, numpy.float32) for name, tensor in package.inputs.items()}
        cpu, emulated = (package.session(device).initialise(seed=3)(inputs) for device in ("cpu", "emulator"))
        numpy.testing.assert_allclose(emulated, cpu, rtol=1e-4, atol=1e-6)

    def test_errors(self):
        package = tiny()
        session = package.session("cpu")
        self.assertFails(kinema.ArgumentsWrong, "parameter conv.weight was never set", session, clips_of(package))
        session.initialise()
        self.assertFails(kinema.ArgumentsWrong, "input rgb was never written", package.session("cpu").initialise().infer)
        self.assertFails(kinema.ArgumentsWrong, "tensor rgb is float32 [2, 3, 4, 16, 16], and was given uint8", session,
                         numpy.zeros(package.inputs["rgb"].shape, numpy.uint8))
        self.assertFails(kinema.ArgumentsWrong, "1 labels were given for a batch of 2", session.train_step, clips_of(package), [1])
        self.assertFails(kinema.Error, "holds 9 at 1", session.train_step, clips_of(package), [1, 9])
        self.assertFails(kinema.ArgumentsWrong, "numbers that do not fit", session.train_step, clips_of(package), [1, 2 ** 32])
        self.assertFails(kinema.ArgumentsWrong, "the array of labels is int32", session.train_step, clips_of(package), [0.5, 1])
        self.assertFails(kinema.Error, "cannot read /no/such", session.load, "/no/such")
        self.assertFails(kinema.ArgumentsWrong, "compile it with --mode train", tiny(mode="infer").session("cpu").initialise().train_step,
                         clips_of(package), [0, 1])
        session(clips_of(package))
        self.assertFails(kinema.ArgumentsWrong, "output loss is there after train_step", lambda: session.step["loss"])
        self.assertIsInstance(self.caught(lambda: session.train_step(labels=[1])), ValueError)
        with session:
            pass
        self.assertFails(kinema.ArgumentsWrong, "the session was closed", session)
        self.assertEqual(repr(session), "Session(tiny, closed)")

    @staticmethod
    def caught(action):
        try:
            action()
        except kinema.Error as error:
            return error
        return None

    def test_forked_processes(self):
        """A process that was forked gets an error in place of waiting for ever for its parent's threads, and can open its own."""
        package = tiny()
        session = package.session("cpu", threads=2).initialise(seed=3)
        clips = clips_of(package)
        wanted = session(clips)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self.assertFails(kinema.ArgumentsWrong, "was opened by the process that this one was forked from", session, clips)
                del session
                numpy.testing.assert_array_equal(package.session("cpu", threads=2).initialise(seed=3)(clips), wanted)
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        numpy.testing.assert_array_equal(session(clips), wanted)

    def test_sessions_of_threads(self):
        """Each of several threads has a session of its own and computes what one alone does."""
        package = tiny()
        weights = package.session("cpu").initialise(seed=3).weights()
        clips = [clips_of(package, seed) for seed in range(4)]
        wanted = [package.session("cpu", 1).load(weights)(one) for one in clips]
        found = [None] * len(clips)

        def work(number):
            session = package.session("cpu", 1).load(weights)
            for _ in range(20):
                found[number] = session(clips[number])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(clips))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        numpy.testing.assert_array_equal(found, wanted)


if __name__ == "__main__":
    unittest.main()
