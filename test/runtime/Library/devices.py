"""Runs one package through libkinema.so on several devices, as a program that is no C++ calls it: each computes the same, also
where a session goes from thread to thread.

usage: devices.py LIBRARY PACKAGE DEVICE...
"""
import ctypes
import sys
import threading

FLOAT32_BYTES = 4
INPUT, INFER_OUTPUT = 1, 4
TOLERANCE = 1e-4  # between a CPU's sums and those of a GPU's kernels


class Library:
    def __init__(self, path):
        # A GPU's kernels in the emulator find its calls among the process's symbols.
        self.calls = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        self.calls.kinema_error_message.restype = ctypes.c_char_p
        self.calls.kinema_package_find.restype = ctypes.c_void_p
        self.calls.kinema_tensor_elements.restype = ctypes.c_int64
        self.calls.kinema_session_device.restype = ctypes.c_char_p

    def check(self, function, *arguments):
        call = getattr(self.calls, function)
        call.restype = ctypes.c_void_p
        error = call(*arguments)
        if error:
            message = self.calls.kinema_error_message(ctypes.c_void_p(error)).decode()
            self.calls.kinema_error_free(ctypes.c_void_p(error))
            raise RuntimeError(message)

    def handle(self, function, *arguments):
        made = ctypes.c_void_p()
        self.check(function, *arguments, ctypes.byref(made))
        return made

    def find(self, package, kind, name):
        found = ctypes.c_void_p(self.calls.kinema_package_find(package, kind, name))
        return found, self.calls.kinema_tensor_elements(found)


def logits_of(library, package, device):
    session = library.handle("kinema_session_open", package, device.encode(), ctypes.c_int(2))
    print(f"{device}: {library.calls.kinema_session_device(session).decode()}")
    rgb, count = library.find(package, INPUT, b"rgb")
    logits, results = library.find(package, INFER_OUTPUT, b"logits")
    values = (ctypes.c_float * count)(*[(i * 37 % 101) / 50 - 1 for i in range(count)])
    found = (ctypes.c_float * results)()
    steps = [
        lambda: library.check("kinema_session_initialise", session, ctypes.c_uint64(3)),
        lambda: library.check("kinema_session_write", session, rgb, values, ctypes.c_size_t(FLOAT32_BYTES * count)),
        lambda: library.check("kinema_session_infer", session),
        lambda: library.check("kinema_session_read", session, logits, found, ctypes.c_size_t(FLOAT32_BYTES * results)),
    ]
    failures = []

    def attempt(step):
        try:
            step()
        except RuntimeError as error:
            failures.append(error)

    for step in steps:
        thread = threading.Thread(target=attempt, args=(step,))
        thread.start()
        thread.join()
    closing = threading.Thread(target=library.calls.kinema_session_close, args=(session,))
    closing.start()
    closing.join()
    if failures:
        sys.exit(f"{device}: {failures[0]}")
    return list(found)


def main():
    library = Library(sys.argv[1])
    package = library.handle("kinema_package_open", sys.argv[2].encode())
    results = {device: logits_of(library, package, device) for device in sys.argv[3:]}
    first = next(iter(results.values()))
    assert any(abs(value) > 0.01 for value in first), "all logits are zero"
    for device, logits in results.items():
        difference = max(abs(a - b) for a, b in zip(first, logits))
        print(f"{device}: differs by {difference:.2g}")
        if difference > TOLERANCE:
            sys.exit(f"{device} computes something else")
    library.calls.kinema_package_close(package)


main()
