"""Makes one JSON and one table of what the parts of the GPU benchmark have left in a folder.

usage: report.py INTO OUT...        puts what several calls have left together, each in an OUT of its own
"""
import glob
import json
import os
import sys
import tarfile
import tempfile
from collections import defaultdict

PARTS = ("ceilings", "verify", "kernels", "sanitizer", "training", "speed", "counters", "tune")


def lines(path):
    return [json.loads(line) for line in open(path)] if os.path.exists(path) else []


def collect(out):
    """Returns {"machine", "parts", one list for each part, "comparison", "launches": {NETWORK.BATCH.ENTRY: [...]}}"""
    machine = os.path.join(out, "machine.json")
    results = {"machine": json.load(open(machine)) if os.path.exists(machine) else {}, "parts": lines(os.path.join(out, "parts.jsonl"))}
    for part in PARTS:
        results[part] = lines(os.path.join(out, part + ".jsonl"))
    results["launches"] = {}
    for path in sorted(glob.glob(os.path.join(out, "launches.*.json"))):
        results["launches"][os.path.basename(path)[len("launches."):-len(".json")]] = json.load(open(path))
    measured = measured_ceilings(results["ceilings"])
    for launches in results["launches"].values() if measured else ():
        for launch in launches:
            if "floor" in launch:
                launch["floor"] = max(2 * launch["macs"] / measured["flops"], launch["bytes"] / measured["bandwidth"])
    results["measured"] = measured
    results["comparison"] = compare(results["speed"], results["launches"] if measured else {})
    return results


def measured_ceilings(ceilings):
    """Returns {"flops", "bandwidth"} of this very GPU; None where they were not measured."""
    found = {key: max((line[key] for line in ceilings if key in line), default=0) for key in ("flops", "bandwidth")}
    return found if all(found.values()) else None


def variant(row):
    return " ".join([*(row["with"] or ["eager"]), "cl" if row["layout"] == "channels_last_3d" else "nchw", row["precision"]])


def compare(speed, launches):
    """Compares Kinema with the quickest of PyTorch's variants, in a row for each network, batch and entry. A row's floor is
    the sum over its launches, where the GPU's ceilings were measured."""
    rows = {}
    for line in speed:
        if "entry" not in line or "network" not in line:
            continue
        row = rows.setdefault((line["network"], line["batch"], line["entry"]), {"kinema": None, "pytorch": [], "tried": 0})
        row["tried"] += line["who"] == "pytorch"
        if "seconds" in line and line["who"] == "kinema":
            row["kinema"] = line
        elif "seconds" in line:
            row["pytorch"].append(line)
    for (network, batch, entry), row in rows.items():
        own = launches.get(f"{network}.{batch}.{entry}")
        if row["kinema"] and own:
            row["kinema"]["floor"] = sum(launch.get("floor", 0) for launch in own)
    return [described(*key, row) for key, row in rows.items()]


def described(network, batch, entry, row):
    told = {"network": network, "batch": batch, "entry": entry, "variants_tried": row["tried"], "variants_measured": len(row["pytorch"])}
    ours = row["kinema"]
    if ours:
        told |= {"kinema_seconds": ours["seconds"], "kinema_clips": batch / ours["seconds"], "kinema_bytes": ours["peak_bytes"],
                 "floor_seconds": ours["floor"], "predicted_seconds": ours["predicted"], "launch_seconds": ours["launch_seconds"]}
        if ours["floor"] > 0:
            told["times_floor"] = ours["seconds"] / ours["floor"]
    if row["pytorch"]:
        best = min(row["pytorch"], key=lambda line: line["seconds"])
        told |= {"pytorch_seconds": best["seconds"], "pytorch_clips": batch / best["seconds"], "pytorch_bytes": best["peak_bytes"],
                 "pytorch_variant": variant(best)}
    if ours and row["pytorch"]:
        told["speedup"] = told["pytorch_seconds"] / told["kinema_seconds"]
    return told


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = [[cell.ljust(width) if not i else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))] for row in rows]
    return "".join("  ".join(row).rstrip() + "\n" for row in aligned)


def figure(row, key, form, factor=1.0):
    return form.format(row[key] * factor) if row.get(key) is not None else "-"


def speed_table(comparison):
    rows = [["network", "batch", "entry", "ms", "clips/s", "PyTorch ms", "its best of", "variant", "speedup", "floor ms", "x floor", "predicted", "GB", "PyTorch GB"]]
    for row in comparison:
        rows.append([row["network"], str(row["batch"]), row["entry"], figure(row, "kinema_seconds", "{:.2f}", 1e3),
                     figure(row, "kinema_clips", "{:.0f}"), figure(row, "pytorch_seconds", "{:.2f}", 1e3), str(row["variants_measured"]),
                     row.get("pytorch_variant", "-"), figure(row, "speedup", "{:.2f}"), figure(row, "floor_seconds", "{:.2f}", 1e3),
                     figure(row, "times_floor", "{:.2f}"), figure(row, "predicted_seconds", "{:.2f}", 1e3),
                     figure(row, "kinema_bytes", "{:.2f}", 1e-9), figure(row, "pytorch_bytes", "{:.2f}", 1e-9)])
    return table(rows) if comparison else ""


def schedule_table(launches):
    """Returns where the time of an entry goes, by operation and schedule."""
    sums = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for launch in launches:
        row = sums[launch["op"], launch["schedule"]]
        for i, value in enumerate((1, launch["seconds"], launch.get("floor", 0), launch.get("predicted", 0))):
            row[i] += value
    rows = [["op", "schedule", "launches", "ms", "floor", "ratio", "predicted"]]
    for (op, schedule), (count, seconds, floor, predicted) in sorted(sums.items(), key=lambda item: -item[1][1]):
        rows.append([op, schedule, str(count), f"{1e3 * seconds:.3f}", f"{1e3 * floor:.3f}", f"{seconds / floor:.1f}" if floor else "-", f"{1e3 * predicted:.3f}"])
    return table(rows)


def launch_table(launches, count=12):
    """Returns the launches that lose most against their floors."""
    lost = sorted((launch for launch in launches if "floor" in launch), key=lambda launch: launch["floor"] - launch["seconds"])[:count]
    rows = [["layer", "op", "schedule", "us", "floor", "ratio", "predicted"]]
    for launch in lost:
        rows.append([launch["layer"], launch["op"], launch["schedule"], f"{1e6 * launch['seconds']:.1f}", f"{1e6 * launch['floor']:.1f}",
                     f"{launch['seconds'] / launch['floor']:.1f}", f"{1e6 * launch['predicted']:.1f}"])
    return table(rows)


def kernels_text(cases):
    text = f"{sum(case.get('passed', False) for case in cases)} of {len(cases)} comparisons within their bounds, with the same bits twice\n"
    rows = [["case", "reference", "same bits", "nearest its bound", "bound", "verdict"]]
    for case in cases:
        far = case.get("distances", {})
        worst = max(far, key=lambda name: far[name]["far"] / far[name]["bound"]) if far else ""
        told = case.get("error") or case.get("skipped") or ""
        rows.append([case["case"], case["reference"], {True: "yes", False: "NO"}.get(case.get("same_bits"), "-"),
                     f"{worst.partition('.')[0]} {far[worst]['tensor']} {far[worst]['far']:.1e}" if far else told[:100],
                     f"{far[worst]['bound']:.0e}" if far else "-", "skipped" if "skipped" in case else "ok" if case["passed"] else "FAILED"])
    return text + table(rows)


def ceilings_text(runs):
    text = ""
    for run in runs:
        name = f"{run['program']} {run['what']}: "
        if "error" in run or "skipped" in run:
            text += name + (f"FAILED: {run['error']}" if "error" in run else f"skipped: {run['skipped']}") + "\n"
        elif run["what"] == "golden":
            text += name + f"{run['products']} products, {len(run['wrong'])} wrong" + "".join(f"\n  WRONG: {line}" for line in run["wrong"]) + "\n"
        elif run["what"] == "verify":
            text += name + f"{run['copies']} copies, {len(run['wrong'])} wrong" + "".join(f"\n  WRONG: {line}" for line in run["wrong"]) + "\n"
        elif run["what"] == "rate":
            text += name + f"{1e-12 * run['flops']:.0f} TFLOP/s at the most\n" + rate_table(run["rates"])
        elif run["what"] == "basic":
            text += name + f"{1e-12 * run['bandwidth']:.2f} TB/s of memory at the most\n"
    return text


def rate_table(rates):
    """Returns TFLOP/s by operand form and columns, for one and for two warpgroups."""
    columns = sorted({line["n"] for line in rates})
    rows = [["form", *(f"n={n}" for n in columns)]]
    for form in dict.fromkeys((line["mode"], line["transform"]) for line in rates):
        cells = []
        for n in columns:
            own = sorted((line["warpgroups"], line["tflops"]) for line in rates if (line["mode"], line["transform"]) == form and line["n"] == n)
            cells.append(" / ".join(f"{tflops:.0f}" for _, tflops in own) or "-")
        rows.append([form[0] + (" + transform" if form[1] else ""), *cells])
    return table(rows)


def verify_text(cases):
    text = ""
    for case in cases:
        if "launches" not in case:
            text += f"{case['case']}: " + (f"FAILED: {case['error']}" if "error" in case else f"skipped: {case['skipped']}") + "\n"
            continue
        text += (f"{case['case']}: {case['launches']} launches, {case['compared']} beside the plain lowering, {case['repeated']} repeated; "
                 + (f"{len(case['findings'])} WRONG\n" if case["findings"] else f"all agree, to {case['furthest']:.2f} of what rounding allows\n"))
        text += "".join(f"  {finding['text']}\n" for finding in case["findings"][:8])
    return text


def counters_text(kernels):
    told = [kernel for kernel in kernels if "counters" in kernel]
    names = list(dict.fromkeys(name for kernel in told for name in kernel["counters"]))
    rows = [["kernel", "layer", *names]] + [[kernel["kernel"], kernel["layer"], *(kernel["counters"].get(name, "-") for name in names)] for kernel in told]
    text = table(rows) if told else ""
    text += "".join(f"{kernel['kernel']} waits: {'; '.join(kernel['waits'])}\n" for kernel in told if kernel.get("waits"))
    return text + "".join(f"{kernel.get('kernel', '')} {kernel.get('error') or kernel.get('skipped')}\n" for kernel in kernels if "counters" not in kernel)


def tune_text(packages):
    text = ""
    for package in packages:
        text += f"{package.get('package', '')}: " + (", ".join(f"{entry} {1e3 * seconds:.2f} ms" for entry, seconds in package["seconds"].items())
                                                     if "seconds" in package else package.get("error") or f"skipped: {package['skipped']}") + "\n"
    return text


def sanitizer_text(found):
    text = ""
    for tool in sorted({line["tool"] for line in found if "tool" in line}):
        done = [line for line in found if line.get("tool") == tool]
        text += (f"{tool}: {sum(line.get('passed') is True for line in done)} of {len(done)} runs clean, "
                 f"{sum(line.get('passed') is False for line in done)} with findings, {sum('skipped' in line for line in done)} skipped\n")
        for line in done:
            if line.get("passed") is False:
                text += f"  {line['case']} {line['entry']}: " + " | ".join(line["told"][:3]) + "\n"
    return text + "".join(f"skipped: {line['skipped']}\n" for line in found if "tool" not in line)


def training_text(runs):
    text = ""
    for run in runs:
        text += run.get("precision", "bf16") + ": "  # what was measured before names none
        if "error" in run:
            text += f"FAILED: {run['error']}\n"
            continue
        losses = run["losses"]
        text += (f"{'ok' if run['passed'] else 'FAILED'}: loss {losses[0]:.3f} -> {losses[-1]:.3f} in {len(losses)} epochs, {run['seconds']} s; "
                 f"test top-1 {figure(run, 'clip_top1', '{:.1f}', 100)}%; the same bits twice: {'yes' if run['same_bits'] else 'NO'}\n")
    return text


def text_of(results):
    text = "machine: " + json.dumps(results["machine"]) + "\n"
    for part in results["parts"]:
        text += f"part {part['part']}: {'passed' if part['status'] == 0 else part['status']}, {part['seconds']} s\n"
    for name, write in (("ceilings", ceilings_text), ("verify", verify_text), ("kernels", kernels_text), ("sanitizer", sanitizer_text),
                        ("training", training_text), ("counters", counters_text), ("tune", tune_text)):
        if results[name]:
            text += f"\n== {name}\n{write(results[name])}"
    if results["measured"]:
        text += f"\nfloors are of {1e-12 * results['measured']['flops']:.0f} TFLOP/s and {1e-12 * results['measured']['bandwidth']:.2f} TB/s, measured in these runs\n"
    if results["comparison"]:
        text += f"\n== speed: medians; PyTorch's is the quickest of the variants that were measured\n{speed_table(results['comparison'])}"
    text += "".join(f"error: {json.dumps(line)}\n" for line in results["speed"] if "error" in line)
    for name, launches in results["launches"].items():
        text += f"\n== {name}: by operation, and what loses most against its floor\n{schedule_table(launches)}{launch_table(launches)}"
    return text


def write(out):
    results = collect(out)
    for name, content in (("results.json", json.dumps(results, indent=1)), ("table.txt", text_of(results))):
        with open(os.path.join(out, name + ".new"), "w") as file:
            file.write(content)
        os.replace(os.path.join(out, name + ".new"), os.path.join(out, name))


def unpack(archive, into):
    """Unpacks what one call has left; lines are added to those that are there."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as file:
            file.extractall(folder)
        for place, _, names in os.walk(folder):
            for name in names:
                source, target = os.path.join(place, name), os.path.join(into, os.path.relpath(os.path.join(place, name), folder))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(source, "rb") as read, open(target, "ab" if name.endswith((".jsonl", ".log")) else "wb") as written:
                    written.write(read.read())


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    into, *outs = sys.argv[1:]
    os.makedirs(into, exist_ok=True)
    for out in outs:
        unpack(os.path.join(out, "logs.tgz"), into)
    write(into)
    print(open(os.path.join(into, "table.txt")).read(), end="")


if __name__ == "__main__":
    main()
