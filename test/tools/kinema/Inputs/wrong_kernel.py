"""Copies a planned module, in which the first kernel on tensor cores of @infer that has a ReLU takes the minimum instead.

usage: wrong_kernel.py MODULE COPY
"""
import re
import sys

text = open(sys.argv[1]).read()
entry = text[text.index("kernel.entry @infer"):]
entry = entry[:entry.index("\n  }")]
for kernel in re.findall(r"kernel\.launch @(k\d+) ", entry):
    begin = text.index(f"kernel.def @{kernel} ")
    end = text.index("kernel.return", begin)
    body = text[begin:end]
    if "threads = 384" in body and "arith.maximumf" in body:
        text = text[:begin] + body.replace("arith.maximumf", "arith.minimumf", 1) + text[end:]
        break
else:
    sys.exit("there is no such kernel")
open(sys.argv[2], "w").write(text)
