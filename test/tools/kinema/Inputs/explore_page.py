"""Reads a page of `kinema explore`: usage: explore_page.py PAGE EXPLORED ASSEMBLY"""
import base64
import json
import re
import sys
import zlib

page, explored, assembly = (open(path).read() for path in sys.argv[1:4])
held = dict(re.findall(r'<script type="[^"]*" id="([^"]*)">(.*?)</script>', page))


def unpacked(name):
    return json.loads(zlib.decompress(base64.b64decode(held[name])))


facts = json.loads(held["facts"])
assert facts == json.loads(explored)
print("facts are equal")

side = facts["sides"][0]
for phase, key in [("clip", "clip"), ("step", "step"), ("fused", "kernels")]:
    texts = unpacked(f"texts-0-{phase}")
    assert len(texts) == len(side[key])
    for text, op in zip(texts, side[key]):
        assert ("kernel." if phase == "fused" else "") + op["op"] in text.split("\n")[0], text
    for text, op in zip(texts, side[key]) if phase == "fused" else []:
        assert all(int(line) < text.count("\n") + 1 for line in op["lines"])

kernels = {launch["kernel"] for entry in side["entries"] for launch in entry["launches"]}
codes = {name.removeprefix("code-0-"): unpacked(name) for name in held if name.startswith("code-0-")}
assert kernels == set(codes)
forms = {tuple(sorted(code)) for code in codes.values()}
assert len(forms) == 1
print(f"{len(codes)} kernels in the forms {', '.join(forms.pop())}")

for kernel, code in codes.items():
    assert code["assembly"].startswith(f"{kernel}:")
    assert code["assembly"] in assembly, kernel
    assert f"kernel.def @{kernel} " in code["kernel"] and f"llvm.func @{kernel}(" in code["target"]
    assert f"@{kernel}(" in code["LLVM IR"].split("\n")[0]
print("assembly as compiled")

outside = re.sub(r'(?s)<script type="[^"]*" id=.*?</script>', "", page)
assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:,)|url\(|@import|fetch\(|import\(|XMLHttpRequest""", outside)
print("nothing from outside")
