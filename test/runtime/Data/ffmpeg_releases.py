"""Runs the tests that read videos with other releases of FFmpeg than the machine's, of those that can be had.

usage: ffmpeg_releases.py TESTS FETCH FOLDER

TESTS is the program of tests, and FETCH brings the releases into FOLDER. The exit status is 77 where there is none.
"""
import os
import subprocess
import sys

# These make their videos by the ffmpeg command: the libraries that can be had of FFmpeg 4.4 encode no H.264.
READING = "VideoReaderTest.*:Formats/EveryFormat.*"


def main():
    tests, fetch, folder = sys.argv[1:]
    subprocess.run([fetch, folder], check=True)
    releases = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    failed = []
    for release in releases:
        environment = {**os.environ, "LD_LIBRARY_PATH": os.path.join(folder, release), "KINEMA_FFMPEG": release}
        run = subprocess.run([tests, f"--gtest_filter={READING}"], env=environment, capture_output=True, text=True)
        print(f"FFmpeg {release}: {run.stdout.strip().splitlines()[-1] if run.stdout.strip() else run.stderr}", flush=True)
        if run.returncode:
            failed.append(release)
            print(run.stdout, run.stderr)
    if failed:
        sys.exit(f"with FFmpeg {', '.join(failed)} videos are read otherwise")
    sys.exit(0 if releases else 77)


main()
