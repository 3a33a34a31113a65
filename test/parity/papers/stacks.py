"""Stacks of convs: LTC, slow fusion, F_STCN, ARTNet-18 and ECO-Lite."""
import torch
import torch.nn.functional as F
from torch import nn

from .preact import PreNet
from .units import CLASSES, SPACE, Unit

# Varol et al., 2018: LTC. Karpathy et al., 2014: slow fusion, with local response normalisation as PyTorch has it.

def unnormed(inputs, outputs, kernel, stride=1):
    return Unit(inputs, outputs, kernel, stride, bn=False)


class LTC(nn.Module):
    def __init__(self, positions, classes=CLASSES):
        super().__init__()
        for i, (inputs, outputs) in enumerate(((3, 64), (64, 128), (128, 256), (256, 256), (256, 256))):
            setattr(self, f"conv{i + 1}", unnormed(inputs, outputs, 3))
        self.fc6, self.fc7, self.fc8 = nn.Linear(256 * positions, 2048), nn.Linear(2048, 2048), nn.Linear(2048, classes)

    def forward(self, x):
        for i in range(1, 6):
            x = F.max_pool3d(getattr(self, f"conv{i}")(x), (1, 2, 2) if i == 1 else 2)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x.flatten(1))))))


def response_norm(x):
    return F.local_response_norm(x, 5, alpha=5e-4, beta=0.5, k=2)


class SlowFusion(nn.Module):
    def __init__(self, positions, classes=CLASSES):
        super().__init__()
        self.conv1, self.conv2 = unnormed(3, 96, (4, 11, 11), (2, 3, 3)), unnormed(96, 256, (2, 5, 5), (2, 1, 1))
        self.conv3, self.conv4 = unnormed(256, 384, (2, 3, 3), (2, 1, 1)), unnormed(384, 384, (1, 3, 3))
        self.conv5 = unnormed(384, 256, (1, 3, 3))
        self.conv1.padding, self.conv2.padding, self.conv3.padding = (0, 0, 0), (0, 2, 2), (0, 1, 1)
        self.fc6, self.fc7, self.fc8 = nn.Linear(256 * positions, 4096), nn.Linear(4096, 4096), nn.Linear(4096, classes)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.max_pool3d(response_norm(conv(x)), SPACE)
        x = F.max_pool3d(self.conv5(self.conv4(self.conv3(x))), SPACE)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x.flatten(1))))))


# Sun et al., 2015: F_STCN. A conv over planes of time by channels is one of every position by itself.

class FactorisedSTCN(nn.Module):
    def __init__(self, positions, frames=5, classes=CLASSES):
        super().__init__()
        self.conv1, self.conv2 = unnormed(3, 96, (1, 7, 7), SPACE), unnormed(96, 256, (1, 5, 5), SPACE)
        self.conv1.padding, self.conv2.padding = (0, 0, 0), (0, 1, 1)
        self.conv3, self.conv4 = unnormed(256, 512, (1, 3, 3)), unnormed(512, 512, (1, 3, 3))
        self.conv5, self.reduce = unnormed(512, 512, (1, 3, 3)), unnormed(512, 128, (1, 3, 3))
        self.time = nn.Module()
        self.time.permute, self.time.window = nn.Conv3d(128, 128, 1, bias=False), nn.Conv3d(1, 32, (3, 3, 1), padding=(1, 1, 0))
        self.fc5, self.fc6 = nn.Linear(512 * positions, 4096), nn.Linear(4096, 2048)
        self.fc7, self.fc8 = nn.Linear(32 * (frames // 3) * 42 * positions, 4096), nn.Linear(4096, 2048)
        self.fc9 = nn.Linear(4096, classes)

    def over_planes(self, x):
        n, _, _, h, w = x.shape
        planes = self.time.permute(x).permute(0, 3, 4, 2, 1).flatten(0, 2)[:, None, :, :, None]
        y = F.max_pool3d(F.relu(self.time.window(planes)), (3, 3, 1))[..., 0]
        return y.unflatten(0, (n, h, w)).permute(0, 3, 5, 4, 1, 2).flatten(1)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.max_pool3d(response_norm(conv(x)), (1, 3, 3), SPACE)
        x = self.conv4(self.conv3(x))
        middle = F.max_pool3d(self.conv5(x[:, :, x.shape[2] // 2, None]), (1, 3, 3)).flatten(1)
        over = self.over_planes(F.max_pool3d(self.reduce(x), (1, 3, 3)))
        middle, over = F.relu(self.fc6(F.relu(self.fc5(middle)))), F.relu(self.fc8(F.relu(self.fc7(over))))
        return self.fc9(torch.cat([middle, over], 1))


# Wang et al., 2018: ARTNet-18, as its authors' code has it.

class Smart(nn.Module):
    def __init__(self, inputs, outputs, k, stride, bias):
        super().__init__()
        self.appearance = Unit(inputs, outputs, (1, k, k), stride, relu=False)
        self.relation = Unit(inputs, outputs, (3, k, k), stride, relu=False)
        self.energy = nn.BatchNorm3d(outputs // 2)
        self.reduce = nn.Conv3d(outputs * 3 // 2, outputs, 1, bias=bias)
        if bias:
            for unit in (self.appearance, self.relation):
                unit.bias = nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        energy = 0.5 * (self.relation(x)**2).unflatten(1, (-1, 2)).sum(2)
        return self.reduce(F.relu(torch.cat([self.appearance(x), self.energy(energy)], 1)))


class ArtBlock(nn.Module):
    def __init__(self, inputs, outputs, smart, bias):
        super().__init__()
        stride = 2 if inputs != outputs else 1
        self.start, self.one = nn.BatchNorm3d(inputs), Unit(inputs, outputs, 3, stride)
        if bias:
            self.one.bias = nn.Parameter(torch.randn(outputs))
        self.two = Smart(outputs, outputs, 3, 1, bias) if smart else nn.Conv3d(outputs, outputs, 3, 1, 1)
        if inputs != outputs:
            self.down = nn.Conv3d(inputs, outputs, 3, 2, 1)

    def forward(self, x):
        y = F.relu(self.start(x))
        return self.two(self.one(y)) + (self.down(y) if hasattr(self, "down") else x)


def artnet_18():
    groups = {"res2": nn.Sequential(ArtBlock(64, 64, True, False), ArtBlock(64, 64, True, False))}
    for i, channels in enumerate((128, 256, 512)):
        groups[f"res{i + 3}"] = ArtBlock(channels // 2, channels, i < 2, True)
        groups[f"res{i + 3}b"] = ArtBlock(channels, channels, i < 2, True)
    return PreNet(512, Smart(3, 64, 7, 2, False), None, **groups)


# Zolfaghari et al., 2018: ECO-Lite, as its authors' code has it. All of its convs have a bias.

def biased(inputs, outputs, k=1):
    unit = Unit(inputs, outputs, (1, k, k))
    unit.bias = nn.Parameter(torch.randn(outputs))
    return unit


class BatchNormInception(nn.Module):
    def __init__(self, inputs, one, small, three, middle, two, last):
        super().__init__()
        self.b0, self.b1a, self.b1 = biased(inputs, one), biased(inputs, small), biased(small, three, 3)
        self.b2a, self.b2b, self.b2 = biased(inputs, middle), biased(middle, two, 3), biased(two, two, 3)
        self.b3 = biased(inputs, last)

    def forward(self, x):
        pooled = F.avg_pool3d(x, (1, 3, 3), 1, (0, 1, 1))
        return torch.cat([self.b0(x), self.b1(self.b1a(x)), self.b2(self.b2b(self.b2a(x))), self.b3(pooled)], 1)


class CeilPool(nn.MaxPool3d):
    def __init__(self):
        super().__init__((1, 3, 3), SPACE, ceil_mode=True)


def eco_lite():
    conv1 = biased(3, 64, 7)
    conv1.stride = SPACE
    groups = {"conv2a": biased(64, 64), "conv2": biased(64, 192, 3), "pool2": CeilPool(),
              "mixed_3a": BatchNormInception(192, 64, 64, 64, 64, 96, 32), "mixed_3b": BatchNormInception(256, 64, 64, 96, 64, 96, 64),
              "mixed_3c": biased(320, 64), "last_3c": biased(64, 96, 3), "res3a": nn.Conv3d(96, 128, 3, 1, 1)}
    for i, channels in enumerate((128, 256, 512)):
        if i:
            groups[f"res{i + 3}a"] = ArtBlock(channels // 2, channels, False, True)
        groups[f"res{i + 3}b"] = ArtBlock(channels, channels, False, True)
    return PreNet(512, conv1, CeilPool(), "conv1", **groups)
