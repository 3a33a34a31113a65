"""Finds libkinema.so, calls its functions, and raises what they return as errors."""
import ctypes
import os
from pathlib import Path
from typing import Any, Callable, List, Optional

from kinema import _interface

_NAME = "libkinema.so.1"
_VARIABLE = "KINEMA_LIBRARY"


class Error(Exception):
    """What the library or the program reports: what was seen, where, what to do."""


class ArgumentsWrong(Error, ValueError):
    """A wrong argument, or functions that were called in a wrong order."""


class NoMemory(Error, MemoryError):
    """The machine or the device has no memory left."""


def _places() -> List[str]:
    """Returns where the library may be: where a variable says, beside this file, and where the system's loader looks."""
    named = os.environ.get(_VARIABLE)
    if named:
        return [named]
    carried = Path(__file__).with_name("lib") / _NAME
    return [str(carried)] if carried.exists() else [_NAME]


def _open() -> ctypes.CDLL:
    reasons = []
    for place in _places():
        try:
            # The kernels of a GPU find the calls of the emulator among the symbols of the process.
            return ctypes.CDLL(place, mode=ctypes.RTLD_GLOBAL)
        except OSError as reason:
            reasons.append(str(reason))
    raise ImportError(f"{_NAME} cannot be opened: {'; '.join(reasons)}; install Kinema's library (make install, or the package "
                      f"libkinema1), or name it by {_VARIABLE}")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    for name, (_, result, parameters) in _interface.FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            library.kinema_version.restype = ctypes.c_char_p
            raise ImportError(f"{library._name}, of release {library.kinema_version().decode()}, has no function {name}: it is older "
                              "than this Python package") from None
        function.restype, function.argtypes = result, parameters
    return library


_functions = _declared(_open())


def _raise(error: int) -> None:
    status = _functions.kinema_error_status(error)
    message = _text(_functions.kinema_error_message(error))
    _functions.kinema_error_free(error)
    kinds = {_interface.ARGUMENTS_WRONG: ArgumentsWrong, _interface.NO_MEMORY: NoMemory}
    raise kinds.get(status, Error)(message)


def _text(text: bytes) -> str:
    return os.fsdecode(text)


def call(name: str, *arguments: Any) -> Any:
    """Calls a function, without holding Python's lock. Returns what it returns; raises the error that it returns."""
    result = getattr(_functions, name)(*arguments)
    if _interface.FUNCTIONS[name][0]:
        if result is not None:
            _raise(result)
        return None
    return _text(result) if isinstance(result, bytes) else result


def make(name: str, *arguments: Any) -> int:
    """Calls a function whose last parameter is what it makes. Returns the address of that."""
    made = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(made))
    assert made.value is not None
    return made.value


def encoded(text: "Optional[str | os.PathLike[str]]") -> Optional[bytes]:
    """Returns a text or a path as the library takes it; None stays None."""
    return None if text is None else os.fsencode(text)


def require_process(process: int, what: str) -> None:
    """Raises an error unless this process is the one that opened something with threads of its own."""
    if os.getpid() != process:
        raise ArgumentsWrong(f"the {what} was opened by the process that this one was forked from: open one here")


def texts(all_of_them: List[str]) -> Any:
    """Returns an array of texts that ends with a null."""
    return (ctypes.c_char_p * (len(all_of_them) + 1))(*map(os.fsencode, all_of_them), None)


def closer(name: str, handle: int) -> Callable[[], None]:
    """Returns what closes a handle. It holds nothing but the handle, so that a finalizer may have it. In a process that was
    forked it does nothing: the threads of sessions and loaders are the parent's, and could not be waited for."""
    process = os.getpid()

    def close() -> None:
        if os.getpid() == process:
            getattr(_functions, name)(handle)

    return close


def path() -> Path:
    """Returns the file that the library was loaded from."""
    class Info(ctypes.Structure):
        _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("symbol", ctypes.c_char_p), ("address", ctypes.c_void_p)]

    info = Info()
    address = ctypes.cast(_functions.kinema_version, ctypes.c_void_p)
    find = ctypes.CDLL(None).dladdr
    find.argtypes = [ctypes.c_void_p, ctypes.POINTER(Info)]
    find(address, ctypes.byref(info))
    return Path(os.fsdecode(info.file or b"")).resolve()
