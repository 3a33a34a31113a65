"""Compares what `kinema explore --json` tells with what `kinema inspect --json --schedules` does, and checks what it alone
tells of the arena: usage: explore_facts.py EXPLORED INSPECTED"""
import json
import sys

explored, inspected = (json.load(open(path)) for path in sys.argv[1:3])
side = explored["sides"][0]
entries = {entry["name"]: entry for entry in side["entries"]}

assert side["layers"] == inspected["layers"]
assert all(side["network"][key] == inspected[key] for key in ["name", "batch", "classes", "parameters", "macs"])
print("layers as inspected")

assert side["arena"]["bytes"] == inspected["memory"]["train_bytes"]
assert side["arena"]["activations"] == inspected["memory"]["train"]["activations"]
assert side["arena"]["activations_unshared"] == inspected["memory"]["train"]["activations_unshared"]
print("memory as inspected")

# Of inference `inspect` tells what a package for inference alone has.
launches = entries["train_step"]["launches"]
for table in ["launches", "schedules"]:
    wanted = inspected[table]["train"]
    assert len(launches) == len(wanted)
    for launch, other in zip(launches, wanted):
        assert {field: launch[field] for field in other} == other, (launch, other)
print("launches as inspected")


def last(life, count):
    return count if "output" in life else max(life["readers"], default=life["maker"])


ends = []
for entry in entries.values():
    count, lives = len(entry["launches"]), entry["lives"]
    for number, life in enumerate(lives):
        assert all(reader > life["maker"] for reader in life["readers"])
        for other in lives[:number]:
            together = other["maker"] <= last(life, count) and life["maker"] < last(other, count) or other["maker"] == life["maker"]
            shared = other["offset"] < life["offset"] + life["bytes"] and life["offset"] < other["offset"] + other["bytes"]
            assert not (together and shared), (life, other)
    for launch, bytes in enumerate(entry["live_bytes"]):
        assert bytes == sum(life["bytes"] for life in lives if life["maker"] <= launch <= last(life, count))
    ends += [life["offset"] + life["bytes"] for life in lives]
    assert any("output" in life for life in lives) == (entry["name"] != "prepare")
assert 0 <= side["arena"]["bytes"] - max(ends) < 64, (side["arena"], max(ends))  # offsets are multiples of 64
print("lives are apart and fill the arena")

own = [launch["kernels"][0] for entry in entries.values() for launch in entry["launches"]]
carried = [number for entry in entries.values() for launch in entry["launches"] for number in launch["kernels"][1:]]
alone = [number for number, kernel in enumerate(side["kernels"]) if "carrier" not in kernel]
assert sorted(own) == alone
assert sorted(own + carried) == list(range(len(side["kernels"])))
print("each kernel has one launch")

print("parts", *sorted({launch["part"] for launch in launches}))
assert {launch["part"] for launch in entries["infer"]["launches"]} == {"forward"}

if side["peaks"] is None:
    assert not any("floor_us" in launch for launch in launches)
    print("no peaks, no floors")
else:
    for launch in launches:
        seconds = max(launch["macs"] * launch["products"] / side["peaks"]["macs"],
                      (launch["reads"] + launch["writes"]) / side["peaks"]["bytes"])
        assert abs(launch["floor_us"] - 1e6 * seconds) <= 1e-9 * launch["floor_us"], launch
    print(f"floors of {side['peaks']['macs']} macs and {side['peaks']['bytes']} bytes a second")
