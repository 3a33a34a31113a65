"""Takes one of the files with machine code from a package's manifest."""
import json
import sys
import zipfile

path, part = sys.argv[1:]
with zipfile.ZipFile(path) as package:
    entries = {name: package.read(name) for name in package.namelist()}
manifest = json.loads(entries["manifest.json"])
manifest["code"].remove(part)
entries["manifest.json"] = json.dumps(manifest)
with zipfile.ZipFile(path, "w") as package:
    for name, content in entries.items():
        package.writestr(name, content)
