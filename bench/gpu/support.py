"""Provides what the parts of the GPU benchmark share: the bundle, the runtime's program, results that are kept at once."""
import json
import os
import subprocess
import sys
import time


class Part:
    """Is a part at work: its bundle, where its results go, and how long it may take.

    usage of every part: PART.py BUNDLE OUT SECONDS [NAME...]
    """

    def __init__(self, name):
        self.bundle, self.out, seconds, *self.chosen = sys.argv[1:]
        self.name = name
        self.end = time.monotonic() + float(seconds)
        self.contents = json.load(open(os.path.join(self.bundle, "contents.json")))
        self.work = os.path.join(self.out, "work")
        os.makedirs(self.work, exist_ok=True)
        self.failed = False

    def left(self):
        return self.end - time.monotonic()

    def limit(self, seconds):
        """Returns how many of these seconds are left."""
        return max(1.0, min(patience() * seconds, self.left()))

    def wants(self, one):
        """Returns whether a configuration of part `speed` is among those chosen, by its network, or its network and batch."""
        return not self.chosen or one["network"] in self.chosen or f"{one['network']}-{one['batch']}" in self.chosen

    def file(self, *names):
        return os.path.join(self.bundle, *names)

    def add(self, **result):
        """Keeps a result, whatever happens next, and shows it."""
        with open(os.path.join(self.out, self.name + ".jsonl"), "a") as file:
            file.write(json.dumps(result) + "\n")
        if result.get("passed") is False or "error" in result:
            self.failed = True
        print(json.dumps(result), flush=True)

    def finish(self):
        sys.exit(1 if self.failed else 0)

    def command(self, package, command, *arguments):
        return [self.file("bin", "kinema-runtime"), command, package, *map(str, arguments)]

    def runtime(self, package, command, *arguments, before=(), seconds=None, environment=None):
        """Runs `kinema-runtime COMMAND PACKAGE ...` on the GPU; `before` is a program that runs it. Raises Failed."""
        line = [*before, *self.command(package, command, *arguments, "--device", "cuda")]
        limit = self.limit(seconds or self.left())
        try:
            done = subprocess.run(line, capture_output=True, text=True, timeout=limit,
                                  env=device_environment(package) | (environment or {}))
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {limit:.0f} s: {command} {os.path.basename(package)}") from None
        except OSError as error:
            raise Failed(str(error)) from None
        if done.returncode:
            raise Failed(last_line(done.stderr) or last_line(done.stdout) or f"exit status {done.returncode}", done)
        return done


class Failed(Exception):
    def __init__(self, message, done=None):
        super().__init__(message)
        self.done = done


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""


def device_environment(package):
    """Returns the environment of runs on the device. In a rehearsal KINEMA_STANDIN names the folder of a library in place of the driver."""
    standin = os.environ.get("KINEMA_STANDIN")
    more = {"LD_LIBRARY_PATH": standin, "KINEMA_STANDIN_PACKAGE": package} if standin else {}
    return dict(os.environ) | more


def rehearses():
    return "KINEMA_STANDIN" in os.environ


def patience():
    """Returns how many times longer everything may take, since what stands in for a GPU is slow."""
    return 10 if rehearses() else 1
