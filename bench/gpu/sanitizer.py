"""Implements the part `sanitizer`: runs NVIDIA's compute-sanitizer on the small networks: accesses out of bounds, races in shared memory,
barriers that some threads miss."""
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from support import Failed, Part

TOOLS = ("memcheck", "racecheck", "synccheck")
# The runs that come first are those that there is time for.
ORDER = [(("memcheck", "racecheck"), "step"), (("memcheck", "racecheck"), "infer"), (("synccheck",), "step"), (("synccheck",), "infer")]


def find_sanitizer():
    homes = (os.environ.get("CUDA_HOME", ""), "/usr/local/cuda")
    return shutil.which("compute-sanitizer") or next(
        (path for home in homes for folder in ("bin", "compute-sanitizer")
         if os.access(path := os.path.join(home, folder, "compute-sanitizer"), os.X_OK)), None)


def findings(text):
    """Returns how many findings there are, and what the first ones are."""
    counts = [int(count) for count in re.findall(r"(?:ERROR SUMMARY|RACECHECK SUMMARY): (\d+)", text)]
    lines = [line.removeprefix("=========").strip() for line in text.splitlines() if line.startswith("=========")]
    told = [line for line in lines if line and not line.startswith(("COMPUTE-SANITIZER", "ERROR SUMMARY", "RACECHECK SUMMARY"))]
    return (sum(counts) if counts else None), told[:12]


def check(part, sanitizer, tool, case, entry):
    output = os.path.join(part.work, f"{case['name']}.{tool}.{entry}.safetensors")
    arguments = ["--input", part.file(case["input"]), "--output", output]
    arguments += ["--weights", part.file(case["weights"])] if case.get("weights") else []
    arguments += ["--step", *case["step"]] if entry == "step" else []
    what = {"tool": tool, "case": case["name"], "entry": entry}
    if part.left() < 5:
        return part.add(**what, skipped="no time was left")
    try:
        # Each launch runs by itself, so that what is found has its kernel's name.
        done = part.runtime(part.file(case["package"]), "run", *arguments, before=[sanitizer, "--tool", tool, "--error-exitcode", "77"],
                            seconds=60, environment={"KINEMA_CUDA_SYNC": "1"})
    except Failed as error:
        text = error.done.stdout + error.done.stderr if error.done else ""
        count, told = findings(text)
        return part.add(**what, passed=False, findings=count, told=told or [str(error)])
    count, told = findings(done.stdout + done.stderr)
    part.add(**what, passed=count == 0, findings=count, told=told if count != 0 else [])


def main():
    part = Part("sanitizer")
    sanitizer = find_sanitizer()
    if not sanitizer:
        part.add(skipped="there is no compute-sanitizer on this machine")
        part.finish()
    chosen_tools = [tool for tool in TOOLS if tool in part.chosen] or TOOLS
    names = [name for name in part.chosen if name not in TOOLS]
    small = [case for case in part.contents["cases"] if case["small"] and (not names or case["name"] in names)]
    small.sort(key=lambda case: not case["name"].endswith("bf16"))  # puts the kernels on tensor cores first
    checks = [(tool, case, entry) for tools, entry in ORDER for case in small for tool in tools if tool in chosen_tools]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: check(part, sanitizer, *one), checks))
    part.finish()


if __name__ == "__main__":
    main()
