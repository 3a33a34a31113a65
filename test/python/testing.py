"""What the tests of the Python package share: networks, and modules that may be missing."""
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77  # as CMake knows it


def require(*modules):
    """Ends the test where a module is missing, and says which."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            print(f"skipped: this Python has no module {module}")
            sys.exit(SKIPPED)


require("numpy")

import numpy

import kinema

TINY = """
network tiny classes=4 {
  input rgb 3x4x16x16
  conv3d ch=8
  pool avg global
  fc classes
}
"""
TWO_STREAMS = """
network streams classes=3 {
  stream rgb  { input rgb  [3 2 16 16] -> conv3d ch=8 -> pool avg global }
  stream flow { input flow [2 2 16 16] -> conv3d ch=8 -> pool avg global }
  from rgb -> average flow
  fc classes
}
"""


def tiny(**options):
    return kinema.compile(TINY, **{"batch": 2, **options})


def clips_of(package, seed=1):
    """Returns random clips for a package's only input."""
    shape = next(iter(package.inputs.values())).shape
    return numpy.random.default_rng(seed).standard_normal(shape, numpy.float32)


def run(*arguments):
    """Runs the program kinema."""
    return subprocess.run([kinema.find_program(), *map(str, arguments)], check=True, capture_output=True, text=True).stdout


class Case(unittest.TestCase):
    def assertFails(self, kind, text, action, *arguments, **named):
        """Checks that an action raises an error of that very kind whose message has the text."""
        with self.assertRaises(kinema.Error) as caught:
            action(*arguments, **named)
        self.assertIs(type(caught.exception), kind)
        self.assertIn(text, str(caught.exception))

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="kinema-test-")
        self.addCleanup(folder.cleanup)
        return folder.name

    def environment(self, **values):
        """Sets variables of the environment, or takes them away (None), for this test."""
        for name, value in values.items():
            self.addCleanup(os.environ.update, {name: os.environ[name]}) if name in os.environ else self.addCleanup(os.environ.pop, name, None)
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
