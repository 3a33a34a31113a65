"""Makes a wheel that has the library of this release in it. It serves every Python 3, since nothing of it is compiled for one."""
import os
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
LIBRARY, FLOW = "libkinema.so.1", "libkinema-flow.so"


def release():
    return re.search(r"project\(kinema VERSION ([\d.]+)", (HERE.parent / "CMakeLists.txt").read_text()).group(1)


def library():
    """Returns the library to carry: below the prefix that a variable names, or in the folder of this checkout's build."""
    prefix = os.environ.get("KINEMA_PREFIX")
    folder = Path(prefix) if prefix else HERE.parent / "build"
    found = sorted(folder.glob(f"lib*/{LIBRARY}")) + sorted(folder.glob(f"lib/*/{LIBRARY}"))
    if not found:
        sys.exit(f"there is no {LIBRARY} below {folder}: build Kinema first (make), or name by KINEMA_PREFIX where it is installed")
    return found[0]


class WithLibrary(build_py):
    def run(self):
        super().run()
        folder = Path(self.build_lib) / "kinema" / "lib"
        folder.mkdir(parents=True, exist_ok=True)
        own = library()
        beside = [own.parent / FLOW, own.parent.parent / "bin" / FLOW]  # where it is installed, and where it is built
        for file in [own, *[flow for flow in beside if flow.exists()][:1]]:
            shutil.copy(file.resolve(), folder / file.name)


class ForThisSystem(bdist_wheel):
    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        libc, version = platform.libc_ver()
        system = f"many{sys.platform}_{version.replace('.', '_')}" if libc == "glibc" else sys.platform
        return "py3", "none", f"{system}_{platform.machine()}"


work = tempfile.mkdtemp(prefix="kinema-wheel-")
try:
    setup(version=release(), cmdclass={"build_py": WithLibrary, "bdist_wheel": ForThisSystem},
          options={"build": {"build_base": work}, "egg_info": {"egg_base": work}, "bdist_wheel": {"bdist_dir": os.path.join(work, "wheel")}})
finally:
    shutil.rmtree(work, ignore_errors=True)
