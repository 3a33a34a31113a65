"""Kinema compiles video networks; this package compiles, trains and runs them from Python.

>>> import kinema, numpy
>>> package = kinema.compile('''
... network tiny classes=4 {
...   input rgb 3x4x16x16
...   conv3d ch=8
...   pool avg global
...   fc classes
... }
... ''', batch=2, target="x86-64-v3")
>>> package
Package(tiny, rgb: float32 [2, 3, 4, 16, 16], 4 classes, for x86-64-v3)
>>> session = package.session("cpu").initialise(seed=1)
>>> session(numpy.zeros((2, 3, 4, 16, 16), "float32")).shape
(2, 4)
"""
from kinema._arrays import View
from kinema._clips import Batch, Clips
from kinema._compile import compile, find_program
from kinema._devices import devices
from kinema._library import ArgumentsWrong, Error, NoMemory, call
from kinema._lists import VideoList
from kinema._package import Package, Tensor, load
from kinema._session import Session
from kinema._training import Epoch, Trainer

__version__: str = call("kinema_version")

__all__ = ["ArgumentsWrong", "Batch", "Clips", "Epoch", "Error", "NoMemory", "Package", "Session", "Tensor", "Trainer", "VideoList", "View",
           "compile", "devices", "find_program", "load"]

for _exported in (ArgumentsWrong, Batch, Clips, Epoch, Error, NoMemory, Package, Session, Tensor, Trainer, VideoList, View):
    _exported.__module__ = "kinema"  # as people call them
