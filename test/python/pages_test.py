"""Runs what the package's page and its docstrings show, and checks that every public name says what it is.

usage: pages_test.py SOURCE_FOLDER
"""
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import sys
import tempfile
import typing

from testing import require, run

require("torch", "torchvision")

import kinema

PAGE = "docs/python.md"


def blocks_of(path):
    """Returns the page's examples, one test: each sees what those before it have made."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    fences = re.findall(r"^```pycon\n(.*?)^```", text, flags=re.M | re.S)
    return "\n".join(fences), len(fences)


def run_page(root):
    examples, count = blocks_of(os.path.join(root, PAGE))
    test = doctest.DocTestParser().get_doctest(examples, {"__name__": "page"}, PAGE, PAGE, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    with tempfile.TemporaryDirectory(prefix="kinema-test-") as folder:
        os.symlink(os.path.join(root, "models"), os.path.join(folder, "models"))
        before = os.getcwd()
        os.chdir(folder)
        run("data", "make-motion", "videos", "--train", 1, "--test", 1, "--frames", 12)
        runner.run(test)
        os.chdir(before)
    return runner.summarize(verbose=False), count


def modules():
    return [kinema] + [importlib.import_module(f"kinema.{module.name}") for module in pkgutil.iter_modules(kinema.__path__)]


def public(module):
    """Yields the public functions and methods of a module, with their names."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(thing):
            yield name, thing
            for member, function in vars(thing).items():
                function = function.fget if isinstance(function, property) else function
                if not member.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{member}", function
        elif inspect.isfunction(thing):
            yield name, thing


def faults(module):
    """Yields what is wrong with the annotations of public functions: all parameters and results have one."""
    for name, thing in public(module):
        if inspect.isclass(thing):
            if not thing.__doc__:
                yield f"{module.__name__}.{name} does not say what it is"
            continue
        annotated = thing.__annotations__
        missing = [one for one in inspect.signature(thing).parameters if one not in annotated and one not in ("self", "cls")]
        if missing or "return" not in annotated:
            yield f"{module.__name__}.{name} has no type for {', '.join(missing) or 'its result'}"


def main():
    root = sys.argv[1]
    wrong = [fault for module in modules() for fault in faults(module)]
    for module in modules():
        found = doctest.testmod(module)
        wrong += [f"{module.__name__}: {found.failed} of its examples fail"] if found.failed else []
    (failed, tried), count = run_page(root)
    wrong += [f"{PAGE}: {failed} examples fail"] if failed else []
    named = set(re.findall(r"`(?:kinema\.)?(\w+)", open(os.path.join(root, PAGE), encoding="utf-8").read()))
    wrong += [f"{PAGE} does not say what kinema.{name} is" for name in kinema.__all__ if name not in named]
    print("\n".join(wrong) or f"{tried} examples in {count} parts of {PAGE} work")
    sys.exit(bool(wrong) or tried < 20)


main()
