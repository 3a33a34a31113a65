"""Installs the package by pip, as people do, and runs it from there: it has its own library, and serves any Python 3.

usage: install_test.py SOURCE_FOLDER BUILD_FOLDER
"""
import os
import shutil
import subprocess
import sys
import tempfile

from testing import TINY, require

require("pip", "setuptools", "wheel")

SCRIPT = f"""
import os, kinema
from kinema import _library
assert os.path.dirname(kinema.__file__) == os.path.join(os.environ["PYTHONPATH"], "kinema"), kinema.__file__
assert _library.path().parent == _library.Path(kinema.__file__).parent / "lib", _library.path()
assert os.path.exists(os.path.join(os.path.dirname(kinema.__file__), "py.typed"))
package = kinema.compile({TINY!r}, batch=2)
print(package.session("cpu").initialise(1)(__import__("numpy").zeros((2, 3, 4, 16, 16), "float32")).shape)
"""


def outcome(script, **environment):
    """Returns what a script of Python prints, in an environment with or without variables (None)."""
    variables = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, cwd="/", check=False)
    return done.stdout + done.stderr


def expect(text, found):
    if text not in found:
        sys.exit(f"expected {text!r}, found:\n{found}")


def pip(*arguments, **environment):
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"})
    return done.returncode, done.stdout + done.stderr


def install(source, build, work):
    """Makes a wheel of a copy of the sources, with the library of a prefix, and installs it into a folder. Returns that."""
    prefix, target = os.path.join(work, "prefix"), os.path.join(work, "target")
    subprocess.run(["cmake", "--install", build, "--component", "library", "--prefix", prefix], check=True, capture_output=True)
    shutil.copytree(os.path.join(source, "python"), os.path.join(work, "copy", "python"))
    shutil.copy(os.path.join(source, "CMakeLists.txt"), os.path.join(work, "copy"))
    copy = os.path.join(work, "copy", "python")
    before = sorted(os.listdir(copy))
    status, said = pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", work, copy)
    if status == 0:
        sys.exit("pip made a wheel without a library")
    expect("build Kinema first (make), or name by KINEMA_PREFIX where it is installed", said)
    status, said = pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", work, copy, KINEMA_PREFIX=prefix)
    wheels = [name for name in os.listdir(work) if name.endswith(".whl")]
    if status or len(wheels) != 1 or "-py3-none-" not in wheels[0] or wheels[0].endswith("-any.whl"):
        sys.exit(f"pip made {wheels}:\n{said}")
    if sorted(os.listdir(copy)) != before:
        sys.exit(f"pip left files among the sources: {sorted(os.listdir(copy))}")
    status, said = pip("install", "--no-deps", "--target", target, os.path.join(work, wheels[0]))
    if status:
        sys.exit(said)
    print(wheels[0])
    return target


def main():
    source, build = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="kinema-test-") as work:
        work = os.path.realpath(work)
        target = install(source, build, work)
        expect("(2, 4)", outcome(SCRIPT, PYTHONPATH=target, KINEMA_LIBRARY=None))
        # As Debian's package has it, in one prefix with the library and the program, and without a library of its own.
        prefix = os.path.join(work, "prefix")
        subprocess.run(["cmake", "--install", build, "--component", "python", "--prefix", prefix], check=True, capture_output=True)
        os.mkdir(os.path.join(prefix, "bin"))
        os.symlink(os.environ["KINEMA"], os.path.join(prefix, "bin", "kinema"))
        libraries = os.path.dirname(next(os.path.join(folder, name) for folder, _, names in os.walk(prefix) for name in names
                                         if name.startswith("libkinema.so")))
        expect(os.path.join(prefix, "bin", "kinema"), outcome("import kinema; print(kinema.find_program())", KINEMA=None, KINEMA_LIBRARY=None,
               PYTHONPATH=os.path.join(prefix, "lib/python3/dist-packages"), LD_LIBRARY_PATH=libraries, PATH="/nothing"))
        # What is missing is said, with what to do.
        expect("install Kinema's library (make install, or the package libkinema1), or name it by KINEMA_LIBRARY",
               outcome("import kinema", PYTHONPATH=target, KINEMA_LIBRARY="/no/such/libkinema.so.1"))
        expect("which compiles, was not found: install it (make install, or the package kinema)",
               outcome("import kinema; kinema.find_program()", PYTHONPATH=target, KINEMA_LIBRARY=None, KINEMA=None, PATH="/nothing"))
        # An older library lacks functions.
        stub = os.path.join(work, "libold.so")
        with open(os.path.join(work, "old.c"), "w", encoding="utf-8") as file:
            file.write('const char *kinema_version(void) { return "0.0.1"; }\n')
        subprocess.run(["cc", "-shared", "-fPIC", os.path.join(work, "old.c"), "-o", stub], check=True)
        expect("of release 0.0.1, has no function kinema_error_status: it is older than this Python package",
               outcome("import kinema", PYTHONPATH=target, KINEMA_LIBRARY=stub))


main()
