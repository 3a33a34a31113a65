"""Copies a planned module, in which the merge that is attached to the last conv of @train_step with one adds where it has to subtract.

usage: wrong_merge.py MODULE COPY
"""
import re
import sys

text = open(sys.argv[1]).read()
entry = text[text.index("kernel.entry @train_step"):]
entry = entry[:entry.index("\n  }")]
for kernel in reversed(re.findall(r"kernel\.launch @(k\d+) ", entry)):
    begin = text.index(f"kernel.def @{kernel} ")
    end = text.index("kernel.return", begin)
    merge = text.find("kernel.finalize", begin, end)
    if merge >= 0 and "attached" in text[merge:end] and "arith.subf" in text[merge:end]:
        text = text[:merge] + text[merge:end].replace("arith.subf", "arith.addf", 1) + text[end:]
        break
else:
    sys.exit("there is no such kernel")
open(sys.argv[2], "w").write(text)
