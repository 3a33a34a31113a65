"""Says in a package's manifest that its first kernel takes so many bytes of shared memory."""
import json
import sys
import zipfile

path, manifest, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with zipfile.ZipFile(path) as package:
    entries = {name: package.read(name) for name in package.namelist()}
content = json.loads(entries[manifest])
next(iter(content["kernels"].values()))["scratch"] = count
entries[manifest] = json.dumps(content).encode()
with zipfile.ZipFile(path, "w") as package:
    for name, data in entries.items():
        package.writestr(name, data)
