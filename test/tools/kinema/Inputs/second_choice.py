"""Writes a package's schedules as if they had been measured.

usage: second_choice.py PACKAGE OUT
"""
import json
import sys
import zipfile

manifest = json.load(zipfile.ZipFile(sys.argv[1]).open("manifest.json"))
measured = {kernel["signature"]: {"schedule": kernel["schedule"], "parameters": kernel["parameters"], "seconds": 1, "model_seconds": 2, "machine": "none"}
            for kernel in manifest["kernels"].values()}
json.dump({"version": 1, "target": manifest["target"], "kernels": measured}, open(sys.argv[2], "w"))
