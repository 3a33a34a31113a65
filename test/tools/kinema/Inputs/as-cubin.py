"""Makes a package whose machine code is two files that claim to be for a GPU, the second with kernel k1. The test needs no real code."""
import json
import sys
import zipfile

path = sys.argv[1]
with zipfile.ZipFile(path) as package:
    entries = {name: package.read(name) for name in package.namelist()}
manifest = json.loads(entries["manifest.json"])
manifest["code"] = ["code/sm_90a.0.cubin", "code/sm_90a.1.cubin"]
entries["manifest.json"] = json.dumps(manifest)
entries["code/sm_90a.0.cubin"] = b"another's .text.k10\0"
entries["code/sm_90a.1.cubin"] = b"a cubin is here .text.k1\0"
with zipfile.ZipFile(path, "w") as package:
    for name, content in entries.items():
        package.writestr(name, content)
