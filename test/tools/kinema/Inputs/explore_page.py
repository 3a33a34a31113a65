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
linked = {kernel: {form: code["lines"] for form, code in forms.items()} for kernel, forms in codes.items()}
codes = {kernel: {form: code["text"] for form, code in forms.items()} for kernel, forms in codes.items()}
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

# The lines of a kernel's code come from the operations that it computes, most of them.
told = many = 0
for kernel, forms in linked.items():
    made = [number for entry in side["entries"] for launch in entry["launches"] if launch["kernel"] == kernel
            for number in launch["kernels"] if side["codes"][kernel] in launch["kernels"]]
    assert side["codes"][kernel] in made
    steps = {number for fused in made for number in side["kernels"][fused]["from"]}
    for form in ["assembly", "target", "kernel"]:
        count = codes[kernel][form].count("\n") + 1
        runs = forms[form]
        assert [line for line, _ in runs] == sorted({line for line, _ in runs}) and all(line < count for line, _ in runs)
        assert {number for _, numbers in runs for number in numbers} <= steps, (kernel, form)
        ends = [line for line, _ in runs[1:]] + [count]
        if form == "assembly":
            told += sum(end - line for (line, numbers), end in zip(runs, ends) if numbers)
            many += count
    assert not forms["LLVM IR"]
assert told > 0.6 * many, (told, many)
print("most of its lines have operations")

outside = re.sub(r'(?s)<script type="[^"]*" id=.*?</script>', "", page)
assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:,)|url\(|@import|fetch\(|import\(|XMLHttpRequest""", outside)
print("nothing from outside")
