"""Compiles specs by the program `kinema`, which holds the compiler; the library does not."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Union

from kinema._library import ArgumentsWrong, Error, path as library_path
from kinema._package import Package
from kinema._settings import setting_texts

_VARIABLE = "KINEMA"
_PathLike = Union[str, "os.PathLike[str]"]


def _places() -> Iterator[Path]:
    """Yields where the program may lie: beside the library, and below the prefix that this package is installed in."""
    yield library_path().parent.parent / "bin" / "kinema"
    prefixes = Path(__file__).resolve().parents
    if len(prefixes) > 4:
        yield prefixes[4] / "bin" / "kinema"


def find_program(program: Optional[_PathLike] = None) -> str:
    """Returns the program `kinema`: the one that is named, else that of the environment variable KINEMA, else one that is
    installed with the library or with this package, else the one on the PATH."""
    named = program or os.environ.get(_VARIABLE)
    if named:
        found = shutil.which(named)
        if not found:
            raise Error(f"{os.fspath(named)} is no program that can be run: it was named to compile with")
        return os.path.abspath(found)
    for place in _places():
        if os.access(place, os.X_OK):
            return str(place)
    found = shutil.which("kinema")
    if found:
        return found
    raise Error(f"the program kinema, which compiles, was not found: install it (make install, or the package kinema) and have it on "
                f"the PATH, or name it by {_VARIABLE} or the argument `program`; a package that was compiled elsewhere needs none")


def _options(flags: Mapping[str, Any]) -> List[str]:
    options: List[str] = []
    for flag, value in flags.items():
        if value is True:
            options.append(flag)
        elif value is not None and value is not False:
            options += [flag, str(value)]
    return options


def _size(size: Any) -> Optional[str]:
    return "x".join(map(str, size)) if isinstance(size, (list, tuple)) else size


def _run(program: str, arguments: Sequence[str], folder: str) -> None:
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        kind = ArgumentsWrong if done.returncode == 2 else Error
        raise kind(done.stderr.strip() or f"{program} ended with status {done.returncode}")


def compile(spec: _PathLike, *, batch: Optional[int] = None, frames: Optional[int] = None, size: Any = None,
            classes: Optional[int] = None, settings: Optional[Mapping[str, Any]] = None, mode: str = "train", target: str = "cpu",
            precision: Optional[str] = None, weights: Optional[_PathLike] = None, names: Optional[str] = None,
            layers: Sequence[str] = (), keep_gradients: bool = False, models: Sequence[_PathLike] = (),
            options: Sequence[str] = (), output: Optional[_PathLike] = None, program: Optional[_PathLike] = None) -> Package:
    """Compiles a spec and opens the package.

    `spec` is the text of a spec, or the path of its file as a `pathlib.Path`. Everything else is what `kinema compile --help`
    says of the option of that name: `settings` are parameters of the network and settings of the recipe
    (``{"train.rate": 0.1}``), `models` folders in which `use` looks for files, and `options` further ones as they stand. `mode`
    is "train" or "infer". The package stays in memory unless `output` names its file. `program` is the compiler, which is found
    by `find_program` otherwise.
    """
    if isinstance(spec, str) and "\n" not in spec.strip() and spec.strip().endswith(".arch"):
        raise ArgumentsWrong(f"{spec} is the path of a spec and not its text: hand over pathlib.Path({spec!r})")
    with tempfile.TemporaryDirectory(prefix="kinema-") as folder:
        if isinstance(spec, str):
            file = "spec.arch"  # as messages call it
            Path(folder, file).write_text(spec, encoding="utf-8")
        else:
            file = os.path.abspath(spec)
        package = os.path.abspath(output) if output else os.path.join(folder, "network.kinema")
        flags = {"--batch": batch, "--frames": frames, "--size": _size(size), "--classes": classes, "--mode": mode, "--target": target,
                 "--precision": precision, "--weights": os.path.abspath(weights) if weights else None,
                 "--names": _naming(names), "--layers": ",".join(layers) or None, "--keep-gradients": keep_gradients}
        arguments = ["compile", file, "-o", package, *_options(flags), *options]
        for setting in setting_texts(settings or {}):
            arguments += ["--set", setting]
        for path in models:
            arguments += ["--models", os.path.abspath(path)]
        _run(find_program(program), arguments, folder)
        return Package(package) if output else Package.of_bytes(Path(package).read_bytes())


def _naming(names: Optional[str]) -> Optional[str]:
    """Returns a naming, or the path of a file of names, as a program in another folder takes it."""
    return os.path.abspath(names) if names and os.path.exists(names) else names
