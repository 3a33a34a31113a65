"""Checks that includes and links follow the layering: tools -> compiler -> dialects, compiler -> dsl, tools -> runtime.

usage: layering.py SOURCE_FOLDER
"""
import os
import re
import sys

# This is what each part may include of the others. Of the runtime, the compiler knows the package's format alone, with the
# recipe and the boxes of kernels in it, and, like the front end, what a recipe's fields may hold.
ALLOWED = {
    "dsl": {"dsl", "runtime/Package/InputKinds.h", "runtime/Package/RecipeFields.h", "runtime/Package/RecipeRules.h"},
    "dialects": {"dialects"},
    "compiler": {"compiler", "dialects", "dsl", "runtime/Package/InputKinds.h", "runtime/Package/Package.h", "runtime/Package/Recipe.h",
                 "runtime/Package/RecipeFields.h", "runtime/Support/BoxMap.h"},
    "runtime": {"runtime"},
    "tools": {"tools", "compiler", "dialects", "dsl", "runtime"},
}
# These are outside libraries that a part must not know.
FORBIDDEN = {"dsl": ("mlir/",), "runtime": ("mlir/", "llvm/")}
# Each of these folders of the runtime may know those before it, except the pairs of APART.
RUNTIME = ["Support", "Package", "Emulator", "Device", "Cuda", "Program", "Plots", "Ranks", "Training", "Flow", "Data", "Library", "Commands"]
APART = {("Emulator", "Package"), ("Cuda", "Emulator"), ("Commands", "Library")}
# These are the folders of the compiler, and the others that each may know. Each target is a folder of its own.
COMPILER = {
    "Support": set(),
    "Expand": set(),
    "Conversion": set(),
    "Interpreter": set(),
    "Transforms": set(),
    "Export": {"Transforms"},
    "Target/Common": {"Support"},
    "Target/CPU": {"Target/Common", "Support"},
    "Target/NVGPU": {"Target/Common", "Support"},
    "Inspect": {"Target/Common"},
    "Package": {"Target/Common"},
}  # Pipelines may know all of them
# Tools may know the folders of DOORS in the compiler, and only READERS read specs.
DOORS = {"Export", "Inspect", "Package", "Pipelines", "Support"}
READERS = {"Expand", "Pipelines"}
# What the bodies of register tiles share knows none of them.
APART_FILES = {("compiler/Target/CPU/MicroKernels", "compiler/Target/CPU/MatrixTile.h"),
               ("compiler/Target/CPU/MicroKernels", "compiler/Target/CPU/VectorTile.h")}
LAYERS = ["Clip", "Kernel"]  # no dialect may know a later one


def sources(root):
    for part in ALLOWED:
        for folder, _, files in os.walk(os.path.join(root, part)):
            for file in files:
                if file.endswith((".h", ".cpp", ".td")):
                    yield part, os.path.relpath(os.path.join(folder, file), root)


def room(path):
    """Returns the compiler's folder that a file lies in, such as "Transforms" or "Target/CPU"."""
    parts = path.split("/")[1:]
    return "/".join(parts[:2]) if parts[0] == "Target" else parts[0]


def compiler_complaint(part, path, included):
    top = included.split("/")[0]
    if top == "compiler" and part == "tools" and room(included) not in DOORS:
        return f"tools must not know compiler/{room(included)}"
    if part != "compiler":
        return None
    mine = room(path)
    if top == "dsl" and mine not in READERS:
        return f"compiler/{mine} must not know dsl"
    if top == "compiler" and mine != "Pipelines" and room(included) not in COMPILER[mine] | {mine}:
        return f"compiler/{mine} must not know compiler/{room(included)}"
    if (os.path.splitext(path)[0], included) in APART_FILES:
        return "what tiles share must not know a tile"
    return None


def complaint(part, path, included):
    top = included.split("/")[0]
    if included.startswith(FORBIDDEN.get(part, ())):
        return f"{part} must not know {included.split('/')[0]}"
    if top in ALLOWED and top not in ALLOWED[part] and included not in ALLOWED[part]:
        return f"{part} must not know {top}"
    if why := compiler_complaint(part, path, included):
        return why
    if path.startswith("runtime/") and included.startswith("runtime/"):
        mine, other = path.split("/")[1], included.split("/")[1]
        if RUNTIME.index(other) > RUNTIME.index(mine) or (mine, other) in APART:
            return f"runtime/{mine} must not know runtime/{other}"
    if path.startswith("dialects/") and included.startswith("dialects/"):
        mine, other = path.split("/")[1], included.split("/")[1]
        if mine in LAYERS and other in LAYERS and LAYERS.index(other) > LAYERS.index(mine):
            return f"dialect {mine} must not know {other}"
    return None


def main():
    root = sys.argv[1]
    wrong, seen = [], 0
    for part, path in sources(root):
        for number, line in enumerate(open(os.path.join(root, path), encoding="utf-8"), 1):
            match = re.match(r'\s*#?include\s+["<]([^">]+)[">]', line)
            if not match:
                continue
            seen += 1
            why = complaint(part, path, match.group(1))
            if why:
                wrong.append(f"{path}:{number}: includes {match.group(1)}: {why}")
    print("\n".join(wrong) or f"{seen} includes follow the layering")
    sys.exit(bool(wrong) or seen < 100)


main()
