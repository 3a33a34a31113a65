"""Runs bench/cpu/compare.py from the specs to the chart, with one small network: every figure must be there, what is measured
is kept, and what fails must show. It also runs bench/cpu/latency.py, scaling.py, busy.py and groups.py, and bench/cpu/loader.py on few
short videos.

usage: cpu_rehearsal.py BUILD
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIELDS = {"network", "frames", "batch", "entry", "size", "threads", "contestant", "variant", "seconds", "runs", "tried", "peak_memory_bytes", "parameters", "machine"}


def check(good, what):
    if not good:
        sys.exit(f"cpu_rehearsal: {what}")


def command(build, out, *arguments):
    return [sys.executable, os.path.join(ROOT, "bench/cpu/compare.py"), "--build", build, "--out", out, "--networks", "f_r2d_18", "--frames", "2", "--size", "32",
            "--batches", "1", "--rounds", "2", "--seconds", "0", *arguments]


def results(out):
    with open(out + ".jsonl") as file:
        return [json.loads(line) for line in file]


def compare(build, out, *arguments, env=None):
    done = subprocess.run(command(build, out, *arguments), text=True, capture_output=True, env=env)
    return done.returncode, results(out), done.stdout + done.stderr


def stop_while_it_measures(build, out):
    """Stops a comparison while it measures; returns what is left of its results."""
    with subprocess.Popen(command(build, out, "--continue"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(1)
        process.terminate()
    return results(out)


def check_files(out, lines):
    table = open(out + ".md").read()
    check(table.count("| f-R2D-18 | 2x32x32 | 1 |") == 2 and "geometric mean of 1" in table, f"the table:\n{table}")
    drawing = xml.etree.ElementTree.parse(out + ".svg").getroot()
    titles = [title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title")]
    for line in lines:
        check(sum(title.startswith(line["contestant"] + ": ") for title in titles) == 2, f"the chart lacks bars of {line['contestant']}: {titles}")


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "cpu")
        status, lines, told = compare(build, out, "--entries", "train_step")
        check(status == 0 and len(lines) == 2, f"status {status}, {len(lines)} results: {told}")
        ours, theirs = lines
        check(FIELDS <= ours.keys() and FIELDS <= theirs.keys(), f"lacks {FIELDS - (ours.keys() & theirs.keys())}")
        check(ours["contestant"] == "kinema" and ours["macs"] > 1e6 and ours["peak"]["avx2"] > 1e9 and ours["peak"]["bandwidth"] > 1e8, f"{ours}")
        check(set(theirs["tried"]) == {"contiguous", "channels_last"} and theirs["peak_memory_bytes"] > 1e8, f"{theirs}")

        check(stop_while_it_measures(build, out) == lines, "a run that goes on and is stopped loses results")
        status, more, told = compare(build, out, "--continue")
        check(status == 0 and more[:2] == lines and [line["entry"] for line in more] == 2 * ["train_step"] + 2 * ["infer"], f"going on: {told}")
        check_files(out, more)

        status, failed, told = compare(build, out, "--entries", "infer", "--python", "/nowhere/python3")
        check(status == 1 and "error" in failed[1] and "seconds" in failed[0] and "/nowhere/python3" in told, f"a peer that is not there: {status} {told}")
        status, narrow, told = compare(build, out, "--entries", "infer", "--precision", "bf16")
        check(status == 0 and len(narrow) == 2 and all(line["precision"] == "bf16" for line in narrow), f"in bf16: {status} {told}")
        check(open(out + ".md").read().startswith("# Kinema beside its peers on a CPU, in bf16\n"), "the title in bf16")
        check_engines(build, os.path.join(folder, "engines"))
        check_latency(build, os.path.join(folder, "latency"))
        check_scaling(build, folder)
        check_busy(build, folder)
        check_groups(build, folder)
        check_loader(build, folder)


def has_engine(build):
    return os.path.isdir(os.path.join(build, "onnxruntime/onnxruntime"))


def with_engine(build):
    """Returns an environment in which the Python that has PyTorch has ONNX Runtime, too, as far as the tests have it."""
    return {**os.environ, "PYTHONPATH": os.path.join(os.path.abspath(build), "onnxruntime")}


def check_engines(build, out):
    if not has_engine(build):
        return
    status, lines, told = compare(build, out, "--entries", "infer", env=with_engine(build))
    check(status == 0 and len(lines) == 3 and lines[2]["contestant"].startswith("onnxruntime 1") and lines[2]["seconds"] > 0, f"ONNX Runtime: {status} {told}")
    check("| onnxruntime 1" in open(out + ".md").read(), "the table lacks ONNX Runtime")


def check_latency(build, out):
    subprocess.run([sys.executable, os.path.join(ROOT, "bench/cpu/latency.py"), "--build", build, "--out", out, "--networks", "f_r2d_18", "--frames", "2", "--size", "32",
                    "--rounds", "1", "--runs", "1"], env=with_engine(build), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = results(out)
    names = [line["contestant"] for line in lines if line["threads"] == 1]
    check(names[0] == "kinema" and ("onnxruntime" in names) >= has_engine(build), f"the latencies: {lines}")
    check([(line["threads"], line["contestant"]) for line in lines] == [(threads, name) for threads in (1, 2) for name in names], f"the latencies: {lines}")
    check(all(line["first"] > line["seconds"] > 0 for line in lines) and open(out + ".md").read().count("| f-R2D-18 | 2x32x32 |") == len(lines), f"the latencies: {lines}")


def check_scaling(build, folder):
    out = os.path.join(folder, "scaling")
    subprocess.run([sys.executable, os.path.join(ROOT, "bench/cpu/scaling.py"), "--build", build, "--out", out, "--networks", "f_r2d_18", "--frames", "2",
                    "--size", "32", "--batch", "1", "--rounds", "1", "--runs", "1"], check=True, stdout=subprocess.DEVNULL)
    seconds = json.loads(open(out + ".jsonl").read())["seconds"]
    check({"peak", "infer", "infer: convs", "train_step", "train_step: convs", "PyTorch: infer", "PyTorch: train_step"} == seconds.keys(), f"what scales: {seconds}")
    check(all(times["1"] > 0 and times["2"] > 0 for times in seconds.values()), f"the times: {seconds}")
    check("| train_step: convs |" in open(out + ".md").read(), "the table of scaling")


def check_busy(build, folder):
    out = os.path.join(folder, "busy")
    subprocess.run([sys.executable, os.path.join(ROOT, "bench/cpu/busy.py"), "--build", build, "--out", out, "--networks", "heads", "--others", "0", "1",
                    "--batch", "1", "--rounds", "1", "--runs", "1"], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in open(out + ".jsonl")]
    check([(line["threads"], line["others"]) for line in lines] == [(1, 0), (1, 1), (2, 0), (2, 1)], f"what is measured beside others: {lines}")
    check(all(line["seconds"] > 0 for line in lines) and "| heads | Kinema | 2 |" in open(out + ".md").read(), f"the times beside others: {lines}")


def check_groups(build, folder):
    out = os.path.join(folder, "groups")
    subprocess.run([sys.executable, os.path.join(ROOT, "bench/cpu/groups.py"), "--build", build, "--out", out, "--layers", "csn-64", "--batch", "1", "--rounds", "1",
                    "--runs", "1"], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in open(out + ".jsonl")]
    check([line["contestant"].split()[0] for line in lines] == 3 * ["kinema", "pytorch"], f"what is measured of groups: {lines}")
    check(all(line["seconds"] > 0 for line in lines) and "| CSN-50, depthwise, 64 channels," in open(out + ".md").read(), f"the times of groups: {lines}")


def check_loader(build, folder):
    out = os.path.join(folder, "loader")
    subprocess.run([sys.executable, os.path.join(ROOT, "bench/cpu/loader.py"), "--build", build, "--out", out, "--videos", "2", "--length", "2", "--clips", "4",
                    "--rounds", "1"], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in open(out + ".jsonl")]
    contestants = {line["contestant"].split()[0] for line in lines}
    check({"kinema", "av"} <= contestants and len(lines) == 8 * len(contestants), f"the loader's results: {lines}")
    check(all(line["clips_per_second"] > 0.1 for line in lines), f"the loader's speeds: {lines}")
    check("| 640x360 | 250 | every 2nd |" in open(out + ".md").read(), "the loader's table")


if __name__ == "__main__":
    main()
