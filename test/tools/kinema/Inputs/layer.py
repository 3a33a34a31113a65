# Reads what `kinema inspect --layer --json` says of a conv and checks that its figures fit together.
import json
import sys

story = json.load(open(sys.argv[1]))
print(story["name"], "line", repr(story["line"]))
convs = [op for op in story["clip"] if "clip.conv" in op["text"]]
print("clip.conv", convs[0]["function"])
for launch in story["launches"]:
    assert launch["kernel"].startswith("k") and launch["reads"] > 0 and launch["writes"] > 0, launch
    chosen = [c for c in launch["candidates"] if c["chosen"]]
    assert len(chosen) == 1 and chosen[0]["parameters"] == launch["parameters"], launch
    assert chosen[0]["schedule"] == launch["schedule"], launch
print("every launch has a kernel, entry, bytes and the schedule that it was given")
inferred = [launch for launch in story["launches"] if launch["entry"] == "infer"]
print(sum(launch["macs"] for launch in inferred), "multiply-adds in infer")
first = inferred[0]["candidates"]
assert first[0]["chosen"] and first[0]["predicted_us"] <= min(c["predicted_us"] for c in first), first
print("chosen first of", sorted({c["parameters"]["winograd"] for c in first}))
