"""Implements the part `tune`: times the launches of packages that each have another of the best schedules for every kernel.
`logs.tgz` brings the times back (its folder `tune`), from which `kinema tune --times` chooses."""
import json
import os

from support import Failed, Part


def main():
    part = Part("tune")
    os.makedirs(os.path.join(part.out, "tune"), exist_ok=True)
    for package in part.contents.get("tune", []):
        name = os.path.basename(package).removesuffix(".kinema")
        if part.left() < 10:
            part.add(package=name, skipped="no time was left")
            continue
        try:
            done = part.runtime(part.file(package), "bench", "--per-kernel", "--json", "--runs", part.contents["runs"], seconds=60)
        except Failed as error:  # other packages can still be measured
            part.add(package=name, error=str(error))
            continue
        with open(os.path.join(part.out, "tune", name + ".times.json"), "w") as file:
            file.write(done.stdout)
        part.add(package=name, seconds={entry["entry"]: entry["seconds"] for entry in json.loads(done.stdout)["entries"]})
    if not part.contents.get("tune"):
        part.add(skipped="the bundle has no packages to choose from")
    part.finish()


if __name__ == "__main__":
    main()
