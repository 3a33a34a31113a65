# Reads what `kinema inspect --layer --code asm --json` says of a GPU's kernels and checks that each has its
# own function.
import json
import sys

story = json.load(open(sys.argv[1]))
assert set(story["code"]) == {launch["kernel"] for launch in story["launches"]}, story["code"].keys()
for kernel, code in story["code"].items():
    assert list(code) == ["PTX"], code.keys()
    text = code["PTX"]
    assert text.count(".entry ") == 1 and f".entry {kernel}(" in text and text.endswith("}\n"), text
    assert "ret;" in text, text
print("every kernel of a launch, and no other, has one function of PTX")
