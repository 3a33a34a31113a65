"""From videos to a trained network and what it says, in cells: an editor that knows `# %%` runs them one by one."""
# %% Videos to train on: each class is a motion.
import subprocess
from pathlib import Path

import kinema

subprocess.run([kinema.find_program(), "data", "make-motion", "videos", "--train", "4", "--test", "1", "--frames", "12"],
               check=True, stdout=subprocess.DEVNULL)
training, test = (kinema.VideoList(f"videos/{part}.txt", names="videos/classes.txt") for part in ("train", "test"))
classes = training.classes

# %% A network, compiled for this machine.
package = kinema.compile(Path("small.arch"), classes=len(classes), batch=8, settings={"train.epochs": 3})
print(package)
for tensor in package.parameters.values():
    print("  ", tensor)

# %% What it is shown: clips as arrays, normalised as the recipe says.
loader = kinema.Clips(package, training, training.labels)
batch = loader.next()
print(batch, batch["rgb"].shape, [classes[label] for label in batch.labels])

# %% Training. `kinema train` comes to the same bits.
session = package.session("cpu").initialise(seed=0)
for epoch in kinema.Trainer(session, loader).epochs():
    print(f"epoch {epoch.number + 1}: loss {epoch.loss:.3f}")

# %% A step by hand: everything between the video and the update can be seen and changed.
batch = loader.next()
batch["rgb"][:] = batch["rgb"][..., ::-1]  # flipped; left becomes right, so this is no step to take
before = session.parameters["fc.bias"]
batch.feed(session)
print("loss of flipped clips:", session.train_step(rate=0) > 0, "weights changed:", bool((before != session.parameters["fc.bias"]).any()))

# %% What it says of videos that it has not seen.
scores = session.predict(test)
for video, row in zip(test[:3], scores):
    print(f"{video}: {classes[row.argmax()]}, {row.max():.1%}")

# %% The same weights in PyTorch, where that is installed.
try:
    import torch
except ImportError:
    torch = None
if torch:
    import kinema.torch

    class Small(torch.nn.Module):
        """small.arch as a module, whose parts have the names that the spec's have."""

        def __init__(self):
            super().__init__()
            def conv(into, out, size, stride=1):
                return torch.nn.Conv3d(into, out, size, stride, [n // 2 for n in size], bias=False)
            def norm(channels):
                return torch.nn.BatchNorm3d(channels, eps=1e-3)
            self.stem = conv(3, 8, (3, 3, 3), (1, 2, 2))
            self.stem.bn = norm(8)
            middle = package.parameters["conv.spatial.weight"].shape[0]
            self.conv = torch.nn.Module()
            self.conv.spatial, self.conv.temporal = conv(8, middle, (1, 3, 3), (1, 2, 2)), conv(middle, 16, (3, 1, 1), (2, 1, 1))
            self.conv.spatial.bn, self.conv.temporal.bn = norm(middle), norm(16)
            self.fc = torch.nn.Linear(16, len(classes))

        def forward(self, x):
            for part in (self.stem, self.conv.spatial, self.conv.temporal):
                x = torch.relu(part.bn(part._conv_forward(x, part.weight, None)))
            return self.fc(x.mean((2, 3, 4)))

    module = kinema.torch.store_module(session, Small()).eval()
    clips = kinema.Clips(package, test).next()["rgb"]
    with torch.no_grad():
        far = abs(module(torch.from_numpy(clips)).numpy() - session(clips)).max()
    print("PyTorch gives the same scores:", bool(far < 1e-4))
