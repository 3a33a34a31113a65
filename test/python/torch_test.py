"""Takes weights from modules of PyTorch, compares what is computed with theirs, and gives weights back."""
import os
import unittest
from pathlib import Path

from testing import Case, require

require("torch", "torchvision")

import numpy
import torch
import torchvision

import kinema
import kinema.torch

MODELS = Path(__file__).resolve().parents[2] / "models"
LOGITS, STEP, UPDATE = 1e-4, 2e-3, 1e-4  # how far norms may differ


def distance(found, wanted):
    return numpy.linalg.norm(numpy.ravel(found) - numpy.ravel(wanted)) / numpy.linalg.norm(numpy.ravel(wanted))


def randomised(module):
    """Gives a module statistics and weights that show wrong indices."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm3d):
                part.weight.uniform_(0.5, 1.5)
                part.bias.normal_(3, 0.5)
                part.running_mean.normal_(0, 0.3)
                part.running_var.uniform_(0.5, 2.0)
    return module


class Modules(Case):
    def setUp(self):
        torch.manual_seed(1)
        torch.set_num_threads(2)

    def test_torchvision(self):
        """R(2+1)D-18 infers and trains as torchvision's does, with weights from it and back to it."""
        model = randomised(torchvision.models.video.r2plus1d_18(num_classes=7))
        session = kinema.torch.from_module(model, MODELS / "torchvision" / "r2plus1d_18.arch", classes=7, batch=3, frames=5, size=(40, 56),
                                           settings={"train.momentum": 0.9, "train.decay": 0.05}, keep_gradients=True, device="cpu")
        clips, labels = torch.randn(3, 3, 5, 40, 56), torch.tensor([0, 6, 2])
        model.eval()
        with torch.no_grad():
            self.assertLess(distance(kinema.torch.scores(session, clips), model(clips)), LOGITS)
        model.train()
        before = model.fc.weight.detach().clone()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.05)
        for _ in range(2):  # of which the second has momentum
            optimiser.zero_grad()
            wanted = torch.nn.functional.cross_entropy(model(clips), labels)
            wanted.backward()
            optimiser.step()
            loss = session.train_step(clips, labels, rate=0.01)
            self.assertAlmostEqual(loss, wanted.item(), delta=STEP * wanted.item())
        update = distance(session.parameters["fc.weight"] - before.numpy(), (model.fc.weight - before).detach())
        self.assertLess(update, UPDATE)
        trained = kinema.torch.store_module(session, torchvision.models.video.r2plus1d_18(num_classes=7))
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.assertLess(distance(trained.state_dict()[name], tensor), STEP, name)
        self.assertLess(distance(session.gradients["fc.weight"], model.fc.weight.grad), STEP)
        session.bind("rgb", clips)
        with torch.no_grad():
            self.assertLess(distance(session(), trained.eval()(clips)), LOGITS)

    def test_names_of_the_spec(self):
        """A module of one's own whose tensors have the names of the spec."""
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv3d(3, 8, 3, padding=1)
                self.fc = torch.nn.Linear(8, 4)

            def forward(self, x):
                return self.fc(torch.relu(self.conv(x)).mean((2, 3, 4)))

        net = Net()
        session = kinema.torch.from_module(net, "network net classes=4 {\n  input rgb 3x4x16x16\n  conv3d ch=8 bn=off\n"
                                                "  pool avg global\n  fc classes\n}\n", batch=2, mode="infer")
        clips = torch.randn(2, 3, 4, 16, 16)
        self.assertLess(distance(session(clips), net(clips).detach()), LOGITS)
        session.parameters["fc.bias"] = torch.ones(4)
        kinema.torch.store_module(session, net)
        self.assertEqual(net.fc.bias.tolist(), [1, 1, 1, 1])

        class Wider(Net):
            def __init__(self):
                super().__init__()
                self.fc = torch.nn.Linear(8, 5)

        self.assertFails(kinema.Error, "fc.weight", kinema.torch.load_module, session, Wider())
        self.assertFails(kinema.ArgumentsWrong, "tensor fc.weight is [5, 8] in the module, and [4, 8] in the network",
                         kinema.torch.store_module, session, Wider())
        self.assertFails(kinema.ArgumentsWrong, "do not have the same tensors: conv.bias", kinema.torch.store_module, session, torch.nn.ReLU())

    def test_other_classes(self):
        """A module for other classes gives all but the last layer."""
        model = torchvision.models.video.r3d_18(num_classes=7)
        package = kinema.compile(MODELS / "torchvision" / "r3d_18.arch", classes=3, batch=1, frames=2, size=16, mode="infer")
        session = package.session("cpu").initialise(seed=1)
        self.assertEqual(sorted(kinema.torch.load_part(session, model)), ["fc.bias", "fc.weight"])
        numpy.testing.assert_array_equal(session.parameters["stem.weight"], model.stem[0].weight.detach().numpy())
        self.assertFails(kinema.Error, "has none of the parameters", kinema.torch.load_part, session, torch.nn.Linear(2, 2))

    def test_namings(self):
        video, pictures = torchvision.models.video, torchvision.models
        self.assertEqual(kinema.torch.naming_of(video.r3d_18(num_classes=2)), "torchvision")
        self.assertEqual(kinema.torch.naming_of(pictures.resnet18(num_classes=2)), "torchvision-2d")
        self.assertEqual(kinema.torch.naming_of(pictures.mobilenet_v2(num_classes=2)), "torchvision-mobilenet")
        self.assertIsNone(kinema.torch.naming_of(torch.nn.ReLU()))


if __name__ == "__main__":
    unittest.main()
