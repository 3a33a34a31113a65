"""Has mypy check the package's annotations strictly, and that what a program must not do with them is found.

usage: types_test.py SOURCE_FOLDER
"""
import os
import subprocess
import sys
import tempfile

from testing import require

require("mypy", "torch")

# A line with `wrong` at its end is to be found, and no other.
PROGRAM = """
import numpy
import kinema
import kinema.torch
from pathlib import Path

package: kinema.Package = kinema.compile(Path("net.arch"), batch=2, settings={"train.rate": 0.1})
package = kinema.compile(Path("net.arch"), bach=2)  # wrong
session = package.session("cpu").initialise(seed=1)
session.parameters["fc.bias"] = numpy.zeros(4)
loss: float = session.train_step(numpy.zeros((2, 3, 4, 16, 16)), [0, 1], rate=0.1)
loss = session.train_step(rate="0.1")  # wrong
for batch in kinema.Clips(package, ["a.mp4"], [1]):
    batch.feed(session)
    name: str = batch.valid  # wrong
for epoch in kinema.Trainer(session, kinema.Clips(package, [Path("a.mp4")], [1])).epochs():
    loss = epoch.loss
kinema.devices().items().foo  # wrong
"""


# What PyTorch's own types are is not looked at, which takes a minute.
CONFIGURATION = """[mypy]
strict = True
[mypy-torch,torch.*]
follow_imports = skip
"""


def main():
    package = os.path.join(sys.argv[1], "python")
    with tempfile.TemporaryDirectory(prefix="kinema-test-") as folder:
        for name, text in (("program.py", PROGRAM), ("mypy.ini", CONFIGURATION)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", os.path.join(folder, "cache"), "program.py",
                               os.path.join(package, "kinema")], cwd=folder, env={**os.environ, "MYPYPATH": package},
                              capture_output=True, text=True, check=False)
    wanted = [("program.py", number) for number, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")]
    errors = [line.split(":") for line in done.stdout.splitlines() if " error: " in line]
    if [(file, int(line)) for file, line, *_ in errors] != wanted:
        sys.exit(f"expected errors at {wanted}:\n{done.stdout}{done.stderr}")
    print(done.stdout.splitlines()[-1])


main()
