"""Compiles specs, opens packages, and reads what they say of themselves."""
import os
import unittest
from pathlib import Path

from testing import TINY, TWO_STREAMS, Case, tiny

import kinema


class Packages(Case):
    def test_says_what_it_is(self):
        package = tiny(target="x86-64-v3", keep_gradients=True)
        self.assertEqual((package.name, package.batch, package.classes, package.targets), ("tiny", 2, 4, ["x86-64-v3"]))
        self.assertTrue(package.can_train)
        self.assertFalse(package.has_weights)
        self.assertEqual(package.inputs["rgb"].shape, (2, 3, 4, 16, 16))
        self.assertEqual(package.inputs["rgb"].input_kind, "rgb")
        self.assertEqual(package.parameters["conv.weight"].shape, (8, 3, 3, 3, 3))
        self.assertIn("momentum.fc.weight", package.states)
        self.assertEqual(package.outputs["logits"].shape, (2, 4))
        self.assertEqual(package.step_outputs["grad.fc.bias"].shape, (4,))
        self.assertEqual(repr(package), "Package(tiny, rgb: float32 [2, 3, 4, 16, 16], 4 classes, for x86-64-v3)")

    def test_options_are_those_of_the_command(self):
        package = kinema.compile(TWO_STREAMS, batch=3, classes=5, mode="infer", precision="bf16",
                                 settings={"data.mean": [1, 2, 3], "data.resize": "20x24"})
        self.assertFalse(package.can_train)
        self.assertEqual((package.batch, package.classes), (3, 5))
        self.assertEqual(sorted(package.inputs), ["flow", "rgb"])
        self.assertEqual((package.settings["data.mean"], package.settings["data.resize"]), ("[1 2 3]", "20x24"))
        self.assertEqual(package.step_outputs, {})
        self.assertIn("train.rate", list(package.settings))
        self.assertEqual(len(package.settings), len(list(package.settings)))
        with self.assertRaises(KeyError):
            package.settings["data.means"]

    def test_of_a_file_with_weights(self):
        folder = self.folder()
        spec = Path(folder, "tiny.arch")
        spec.write_text(TINY)
        trained = tiny().session("cpu").initialise(seed=3)
        trained.save(Path(folder, "weights.safetensors"))
        package = kinema.compile(spec, weights=Path(folder, "weights.safetensors"), output=Path(folder, "tiny.kinema"))
        self.assertTrue(package.has_weights)
        opened = kinema.load(os.path.join(folder, "tiny.kinema"))
        self.assertEqual(opened.session("cpu").weights(), trained.weights())
        content = Path(folder, "tiny.kinema").read_bytes()
        self.assertEqual(kinema.Package.of_bytes(content).name, "tiny")
        self.assertFails(kinema.Error, "the package in memory", kinema.Package.of_bytes, content[:100])

    def test_files_of_other_folders_are_used(self):
        folder = self.folder()
        Path(folder, "blocks.arch").write_text("block twice ch {\n  a: conv3d ch=ch\n  b: conv3d ch=ch\n}\n")
        package = kinema.compile("use blocks\n" + TINY.replace("conv3d ch=8", "twice ch=8"), models=[folder], mode="infer")
        self.assertEqual(len([name for name in package.parameters if "weight" in name and "bn" not in name]), 3)

    def test_the_rate_follows_the_recipe(self):
        package = tiny(settings={"train.rate": 0.5, "train.warmup": 0, "train.every": 2, "train.factor": 0.1})
        self.assertEqual(package.rate(1, 0, 10), 0.5)
        self.assertAlmostEqual(package.rate(2, 0, 10), 0.05)
        self.assertFails(kinema.ArgumentsWrong, "there is no batch 10 of epoch 0", package.rate, 0, 10, 10)

    def test_wrong_specs_are_errors(self):
        self.assertFails(kinema.ArgumentsWrong, "spec.arch:2:3: error: no operation, unit or block is called 'conf3d'", kinema.compile,
                         "network wrong classes=2 {\n  conf3d\n}\n")
        self.assertFails(kinema.ArgumentsWrong, "nothing.arch is the path of a spec and not its text", kinema.compile, "nothing.arch")
        self.assertFails(kinema.ArgumentsWrong, "nothing.arch", kinema.compile, Path("/nothing.arch"))
        self.assertFails(kinema.ArgumentsWrong, "a path is needed, found bytes", kinema.load, b"")
        self.assertFails(kinema.Error, "/no/such.kinema", kinema.load, "/no/such.kinema")

    def test_the_program_is_found(self):
        program = kinema.find_program()
        self.environment(KINEMA="/no/such/kinema")
        self.assertFails(kinema.Error, "/no/such/kinema is no program that can be run", kinema.find_program)
        self.assertEqual(kinema.find_program(program), program)
        self.environment(KINEMA=None)  # beside the library
        self.assertTrue(os.path.samefile(kinema.find_program(), program))

    def test_devices(self):
        self.assertIn("cores", kinema.devices()["cpu"])
        self.assertRegex(kinema.__version__, r"\d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
