"""Checks that the library's interface is the recorded one: its functions with their types and the version that each came with,
the numbers of its enumerations, and that libkinema.so exports these and nothing else, and needs the C library alone.

usage: interface.py LIBRARY HEADER RECORD [--update]

A line that goes or changes breaks programs that are there. What is new is recorded by --update, under a new version once the
one before it has been released.
"""
import re
import subprocess
import sys

# These are the parts of the C library.
NEEDED = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


def declared(header):
    """Returns the functions' declarations by their names, and the enumerators."""
    code = re.sub(r"//.*", "", open(header, encoding="utf-8").read())
    code = re.sub(r"^#.*(?:\\\n.*)*", "", code, flags=re.M)
    functions = {}
    for text in re.findall(r"\bKINEMA_(?:API|CHECKED)\s+([^;]*);", code):
        text = re.sub(r"\s+", " ", text).strip()
        functions[re.search(r"(\w+)\(", text).group(1)] = text
    numbers = [f"{name} = {value}" for name, value in re.findall(r"\b(KINEMA_\w+)\s*=\s*(\d+)", code)]
    return functions, numbers


def exported(library):
    """Returns the version of each symbol that the library exports."""
    listed = subprocess.run(["readelf", "-W", "--dyn-syms", library], capture_output=True, text=True, check=True).stdout
    versions = {}
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[6] not in ("UND", "Ndx") and "@@" in fields[7]:
            name, version = fields[7].split("@@")
            if not (version == "KINEMA_EMULATOR" and name.startswith("kinema_emulator_")) and name != version:
                versions[name] = version
        elif len(fields) >= 8 and fields[4] == "GLOBAL" and fields[6].isdigit() and not re.match(r"KINEMA_|kinema_emulator_", fields[7]):
            versions[fields[7]] = "no version"
    return versions


def main():
    library, header, record = sys.argv[1:4]
    functions, numbers = declared(header)
    versions = exported(library)
    wrong = [f"{name} is declared, and libkinema.so does not export it" for name in functions if name not in versions]
    wrong += [f"libkinema.so exports {name}, which is not declared" for name in versions if name not in functions]
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", subprocess.run(
        ["readelf", "-d", library], capture_output=True, text=True, check=True).stdout))
    wrong += [f"libkinema.so needs {name}" for name in sorted(needed - NEEDED)]
    lines = [f"{versions.get(name, '?')} {functions[name]}" for name in sorted(functions)] + numbers
    if "--update" in sys.argv:
        with open(record, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    known = open(record, encoding="utf-8").read().splitlines()
    wrong += [f"gone or changed: {line}" for line in known if line not in lines]
    wrong += [f"not recorded: {line}" for line in lines if line not in known]
    print("\n".join(wrong) or f"{len(functions)} functions and {len(numbers)} numbers are as they were recorded")
    sys.exit(bool(wrong) or len(functions) < 50)


main()
