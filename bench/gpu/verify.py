"""Implements the part `verify`: runs each launch of a package beside its twin, which computes the same by the plain lowering from
the same buffers on this GPU. What differs is named: the launch, its kernel and schedule, the tensor, the coordinates."""
import json
from concurrent.futures import ThreadPoolExecutor

from support import Failed, Part


def check(part, case):
    what = {"case": case["name"]}
    if part.left() < 5:
        return part.add(**what, skipped="no time was left")
    try:
        done = part.runtime(part.file(case["package"]), "verify", "--json", seconds=part.left())
    except Failed as error:
        if not error.done or not error.done.stdout.lstrip().startswith("{"):
            return part.add(**what, passed=False, error=str(error))
        done = error.done
    told = json.loads(done.stdout)
    return part.add(**what, passed=not told["findings"], **told)


def wanted(part, case):
    size = "small" if case["small"] else "full"
    return case.get("twins") and (not part.chosen or case["name"] in part.chosen or size in part.chosen)


def main():
    part = Part("verify")
    cases = [case for case in part.contents["cases"] + part.contents["verify"] if wanted(part, case)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda case: check(part, case), cases))
    part.finish()


if __name__ == "__main__":
    main()
