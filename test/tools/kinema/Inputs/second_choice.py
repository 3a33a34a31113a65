"""Writes a package's schedules as if they had been measured.

usage: second_choice.py PACKAGE OUT
"""
import json
import sys
import zipfile

kernels = json.load(zipfile.ZipFile(sys.argv[1]).open("manifest.json"))["kernels"].values()
json.dump({kernel["signature"]: {"schedule": kernel["schedule"], "parameters": kernel["parameters"]} for kernel in kernels}, open(sys.argv[2], "w"))
