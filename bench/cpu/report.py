"""Makes the table (OUT.md) and the chart (OUT.svg) of what compare.py measured (OUT.jsonl).

usage: report.py OUT
"""
import json
import math
import sys

import chart

TITLES = {"r2plus1d_18": "R(2+1)D-18", "r3d_18": "R3D-18", "mc3_18": "MC3-18", "f_r2d_18": "f-R2D-18", "r3d_50": "R3D-50",
          "r3d_50_nl": "R3D-50, non-local", "ip_csn_50": "ip-CSN-50", "ir_csn_50": "ir-CSN-50", "p3d_63": "P3D-63", "tsm_50": "TSM-50",
          "tsm_mobilenet_v2": "TSM-MobileNetV2", "slowfast_50_4x16": "SlowFast-50 4x16", "x3d_m": "X3D-M", "videomae_b": "VideoMAE ViT-B", "timesformer_b": "TimeSformer-B",
          "i3d": "I3D", "s3d_g": "S3D-G", "mfnet": "MFNet", "glore_50": "GloRe-50", "ltc": "LTC", "slow_fusion": "Slow fusion",
          "artnet_18": "ARTNet-18", "f_stcn": "F_STCN", "eco_lite": "ECO-Lite", "cost_50": "CoST-50", "tea_50": "TEA-50", "tpn_50": "TPN-50",
          "movinet_a0": "MoViNet-A0", "mvit_b_16x4": "MViT-B", "mvit_v2_s": "MViTv2-S", "video_swin_t": "Video Swin-T",
          "tdn_50": "TDN-50", "timeception_i3d": "Timeception on I3D"}
ENTRIES = {"infer": "inference", "train_step": "training step"}


def read(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def configuration(line):
    return line["network"], line["frames"], line["batch"], line["entry"]


class Row:
    """Holds all contestants of a configuration, with the rates that its multiply-adds give them. `peak` is the flops of the machine."""

    def __init__(self, lines, peak):
        self.network, self.frames, self.batch, self.entry = configuration(lines[0])
        self.size = lines[0]["size"]
        self.results = {line["contestant"]: line for line in lines if "seconds" in line}
        self.failed = {line["contestant"] for line in lines if "error" in line}
        self.macs, self.peak = self.results.get("kinema", {}).get("macs", 0), peak

    def gflops(self, contestant):
        return 2e-9 * self.macs / self.results[contestant]["seconds"]

    def share(self, contestant):
        return 1e9 * self.gflops(contestant) / self.peak

    def speedup(self):
        """Returns Kinema's speed relative to the quickest peer; None where one of the two is missing."""
        peers = [result["seconds"] for name, result in self.results.items() if name != "kinema"]
        return min(peers) / self.results["kinema"]["seconds"] if peers and "kinema" in self.results else None


def peaks_of(lines):
    """Returns the best of all measurements of each kind, since other programs on a machine only ever lower a peak."""
    peaks = [line["peak"] for line in lines if "peak" in line]
    return {key: max(peak.get(key, 0) for peak in peaks) for key in peaks[-1]} if peaks else {}


def rows_of(lines):
    kinds = ["avx2", "avx512", "neon"] + ["bfloat16"] * any(line.get("precision") == "bf16" for line in lines)
    peak = max(peaks_of(lines).get(kind, 0) for kind in kinds)
    groups = {}
    for line in lines:
        groups.setdefault(configuration(line), []).append(line)
    return [Row(group, peak) for group in groups.values()]


def contestants_of(lines):
    return list(dict.fromkeys(line["contestant"] for line in lines if "seconds" in line))


def milliseconds(seconds):
    return f"{1e3 * seconds:.0f}" if seconds >= 0.1 else f"{1e3 * seconds:.1f}"


def cells(row, name):
    if name not in row.results:
        return ["failed" if name in row.failed else "not measured", "", "", ""]
    result = row.results[name]
    share = f"{row.gflops(name):.0f} ({100 * row.share(name):.0f}%)" if row.peak else ""
    return [milliseconds(result["seconds"]), share, f"{result['peak_memory_bytes'] / 1e9:.2f}"] + ([result["variant"]] if name != "kinema" else [])


def table(rows, contestants):
    head = ["network", "clip", "batch", ""]
    for name in contestants:
        head += [f"{name}: ms", "GFLOP/s (of the peak)", "GB"] + (["layout"] if name != "kinema" else [])
    lines = [head + ["speedup"], ["---"] * (len(head) + 1)]
    for row in rows:
        speedup = row.speedup()
        lines.append([TITLES[row.network], f"{row.frames}x{row.size}x{row.size}", str(row.batch), ENTRIES[row.entry]] +
                     [cell for name in contestants for cell in cells(row, name)] + [f"{speedup:.2f}" if speedup else ""])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def summary(rows):
    text = ""
    for entry, title in ENTRIES.items():
        speedups = [row.speedup() for row in rows if row.entry == entry and row.speedup()]
        if speedups:
            mean = math.exp(sum(map(math.log, speedups)) / len(speedups))
            text += f"- {title}: {mean:.2f} times as fast as the quickest peer (geometric mean of {len(speedups)}; {min(speedups):.2f} to {max(speedups):.2f})\n"
    return text


def describe_machine(lines):
    machine, best = lines[0]["machine"], peaks_of(lines)
    text = (f"{machine['processor']}, {machine['cores']} cores ({', '.join(machine['flags'])}), {machine['memory_bytes'] / 2**30:.0f} GiB, "
            f"Linux {machine['kernel']}; {lines[0]['threads']} threads.")
    if best:
        names = {"avx2": "AVX2", "avx512": "AVX-512", "neon": "NEON", "bfloat16": "its products of bfloat16"}
        text += " Measured: " + "".join(f"{best[kind] / 1e9:.0f} GFLOP/s by {name}, " for kind, name in names.items() if best.get(kind))
        text += f"{best['bandwidth'] / 1e9:.0f} GB/s of memory."
    return text


def write(out):
    lines = read(out + ".jsonl")
    if not lines:
        return
    rows, contestants = rows_of(lines), contestants_of(lines)
    with open(out + ".md", "w") as file:
        precision = ", in bf16" if lines[0].get("precision") == "bf16" else ""
        file.write(f"# Kinema beside its peers on a CPU{precision}\n\n{describe_machine(lines)}\n\n{summary(rows)}\n"
                   "Medians of runs in turn. GFLOP/s: the network's multiply-adds, counted two each, over the time, for all alike. "
                   "GB: what the process held at most. Speedup: against the quickest peer.\n\n" + table(rows, contestants))
    with open(out + ".svg", "w") as file:
        file.write(chart.draw(rows, contestants, TITLES, ENTRIES))


if __name__ == "__main__":
    write(sys.argv[1])
