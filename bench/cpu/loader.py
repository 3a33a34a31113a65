"""Compares Kinema's loader with PyAV, decord and torchcodec: how many clips each decodes, scales and cuts in a second of a core's time.

Makes H.264 videos of 320x240 and 640x360 with a key frame every 12 and every 250 frames, and takes clips of 16 frames,
one behind the other and every second one, from random places of them: scaled to 128x171, a random crop of 112x112.
Kinema's are then normalised; the peers, as far as that Python has them, stop before. All run in turn, each time in a
new process on one core. Writes JSON lines to OUT.jsonl and the table to OUT.md.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from machine import machine, warn_if_busy, write_results

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = {"av": "av", "decord": "decord", "torchcodec": "torchcodec.transforms"}  # and what each is known by
SIZES, KEY_INTERVALS, STRIDES = ("320x240", "640x360"), (12, 250), (1, 2)
VIDEOS = 8  # of each kind


def make_video(path, size, key_interval, number, seconds):
    """Makes a video of noise on a picture that moves everywhere, which needs about as many bits as a camera's videos."""
    picture = f"mandelbrot=size={size}:rate=25:maxiter=200:start_scale=0.{3 + number}:end_scale=0.001:end_pts=2000,noise=alls=6:allf=t:all_seed={number + 1}"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-t", str(seconds), "-c:v", "libx264", "-preset", "fast", "-crf", "26",
                    "-g", str(key_interval), "-pix_fmt", "yuv420p", "-threads", "1", path], check=True)


def make_videos(folder, options):
    """Makes the videos and returns the list of each kind."""
    lists = {}
    for size in SIZES:
        for key_interval in KEY_INTERVALS:
            names = [f"{size}-{key_interval}-{number}.mp4" for number in range(options.videos)]
            for number, name in enumerate(names):
                path = os.path.join(folder, name)
                if not os.path.exists(path):
                    make_video(path, size, key_interval, number, options.length)
            lists[size, key_interval] = os.path.join(folder, f"{size}-{key_interval}.txt")
            with open(lists[size, key_interval], "w") as file:
                file.writelines(f"{name} 0\n" for name in names)
    return lists


def commands(options, videos, stride):
    """Returns the command of each contestant."""
    peer = lambda module: [options.python, os.path.join(HERE, "loader_peer.py"), module, videos, str(options.clips), str(stride)]
    kinema = [os.path.join(options.build, "bin/kinema"), "data", "bench", videos, "--json", "--threads", "1", "--clips", str(options.clips), "--set", f"data.every={stride}"]
    return {"kinema": kinema} | {module: peer(module) for module in options.peers}


def measure(command, core):
    done = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
    return json.loads(done.stdout)


def compare(options, videos, stride):
    """Returns one result for each contestant: the median of its rounds."""
    rounds = {name: [] for name in commands(options, videos, stride)}
    for _ in range(options.rounds):
        for name, command in commands(options, videos, stride).items():
            rounds[name].append(measure(command, options.core))
    for name, results in rounds.items():
        errors = [result["error"] for result in results if "error" in result]
        if errors:
            yield {"contestant": name, "error": errors[0]}
        else:
            rates = [1 / result["core_seconds"] for result in results]
            yield {"contestant": " ".join(filter(None, (name, results[0].get("version")))), "clips_per_second": statistics.median(rates), "rounds": rates}


def table(lines):
    contestants = list(dict.fromkeys(line["contestant"] for line in lines if "error" not in line))
    rows = [["video", "key frame every", "frames", *contestants, "Kinema over the best"], ["---"] * (len(contestants) + 4)]
    groups = {}
    for line in lines:
        groups.setdefault((line["video"], line["key_interval"], line["stride"]), {})[line["contestant"]] = line.get("clips_per_second")
    for (video, key_interval, stride), rates in groups.items():
        peers = [rate for name, rate in rates.items() if rate and name != "kinema"]
        ratio = f"{rates['kinema'] / max(peers):.2f}" if peers and rates.get("kinema") else ""
        rows.append([video, str(key_interval), "one by one" if stride == 1 else f"every {stride}nd"] +
                    [f"{rates[name]:.1f}" if rates.get(name) else "failed" for name in contestants] + [ratio])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder of the build")
    parser.add_argument("--python", default="/usr/bin/python3", help="a Python with the peers")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results/loader"), help="results without their endings")
    parser.add_argument("--folder", help="keep the videos here")
    parser.add_argument("--videos", type=int, default=VIDEOS, help="of each kind")
    parser.add_argument("--length", type=float, default=10, help="seconds of a video")
    parser.add_argument("--clips", type=int, default=100, help="of a process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each contestant")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    options.peers = [peer for peer, module in PEERS.items() if subprocess.run([options.python, "-c", f"import {module}"], capture_output=True).returncode == 0]
    return options


def run(options, folder):
    warn_if_busy()
    lines, described = [], machine()
    for (size, key_interval), videos in make_videos(folder, options).items():
        for stride in STRIDES:
            for result in compare(options, videos, stride):
                lines.append({"video": size, "key_interval": key_interval, "stride": stride} | result | {"machine": described})
                print(f"{size}, key frame every {key_interval}, every {stride}: {result['contestant']} "
                      f"{result.get('error') or format(result['clips_per_second'], '.1f') + ' clips/s'}", flush=True)
    write_results(options.out, lines, "# The loader beside its peers\n\nClips a second of a core's time, medians; " + described["processor"] + ".\n\n" + table(lines))
    return any("error" in line for line in lines)


def main():
    options = parse()
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    if options.folder:
        os.makedirs(options.folder, exist_ok=True)
        sys.exit(run(options, options.folder))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(options, folder))


if __name__ == "__main__":
    main()
