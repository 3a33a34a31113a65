"""Prints what `kinema explore --json` links with each other: usage: explore_links.py EXPLORED"""
import json
import sys

side = json.load(open(sys.argv[1]))["sides"][0]
clip, step, kernels = side["clip"], side["step"], side["kernels"]
text = side["sources"][0]["text"].split("\n")

by_line = {}
for op in clip:
    if "place" in op:
        assert op["place"][0] == 0
        by_line.setdefault(op["place"][1], []).append(op["op"])
for line, ops in sorted(by_line.items()):
    print(f"line {line}: {text[line - 1].strip()}: {' '.join(dict.fromkeys(ops))}")

# What is of a layer in `clip` is of the same one in `step`, or of the layer that takes its result.
for op in step:
    assert not op.get("from") or op["layer"] in {clip[number]["layer"] for number in op["from"]}, op

for entry in side["entries"]:
    for launch in entry["launches"]:
        steps = sorted({number for kernel in launch["kernels"] for number in kernels[kernel]["from"]})
        assert steps or launch["op"] in ("convert", "finalize", "reduce"), launch
        assert {step[number]["function"] for number in steps} <= {entry["name"], "infer"}, launch
        ops = " ".join(step[number]["op"] for number in steps)
        print(f"{entry['name']}, {launch['part']}: {launch['op']} of {launch['layer']}: {ops}")
