"""Fails unless two packages carry their kernels out in the same way.

usage: same_schedules.py PACKAGE PACKAGE
"""
import json
import sys
import zipfile


def schedules(package):
    kernels = json.load(zipfile.ZipFile(package).open("manifest.json"))["kernels"]
    return {name: (kernel["signature"], kernel["schedule"], kernel["parameters"]) for name, kernel in kernels.items()}


first, second = map(schedules, sys.argv[1:])
sys.exit(first != second)
