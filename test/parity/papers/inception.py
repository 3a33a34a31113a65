"""I3D, S3D-G, and Timeception on I3D."""
import torch
import torch.nn.functional as F
from torch import nn

from .units import CLASSES, SPACE, Row, Unit, sized

# Carreira and Zisserman, 2017: I3D, with TensorFlow's padding. Xie et al., 2018: S3D-G, the same with separable convs, a gate behind
# each.

def same(x, kernel, stride, value):
    """Pads so that the size is divided by the stride and rounded up; the odd element goes behind."""
    pads = []
    for n, k, s in reversed(list(zip(x.shape[2:], sized(kernel), sized(stride)))):
        total = max(0, (-(-n // s) - 1) * s + k - n)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def same_pool(x, kernel, stride):
    return F.max_pool3d(same(x, kernel, stride, -torch.inf), kernel, stride)


class SameUnit(Unit):
    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.padding = (0, 0, 0)

    def forward(self, x):
        return super().forward(same(x, self.kernel_size, self.stride, 0.0))


def separable(inputs, outputs, k, stride=1):
    return Row(spatial=SameUnit(inputs, outputs, (1, k, k), (1, stride, stride)),
               temporal=SameUnit(outputs, outputs, (k, 1, 1), (stride, 1, 1)))


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = Unit(channels, channels, bn=False, relu=False)

    def forward(self, x):
        return x * torch.sigmoid(self.conv(x.mean((2, 3, 4), keepdim=True)))


class Mixed(nn.Module):
    def __init__(self, inputs, c0, c1a, c1, c2a, c2, c3, unit, gate):
        super().__init__()
        self.b0, self.g0 = SameUnit(inputs, c0), gate(c0)
        self.b1a, self.b1, self.g1 = SameUnit(inputs, c1a), unit(c1a, c1, 3), gate(c1)
        self.b2a, self.b2, self.g2 = SameUnit(inputs, c2a), unit(c2a, c2, 3), gate(c2)
        self.b3, self.g3 = SameUnit(inputs, c3), gate(c3)

    def forward(self, x):
        return torch.cat([self.g0(self.b0(x)), self.g1(self.b1(self.b1a(x))), self.g2(self.b2(self.b2a(x))),
                          self.g3(self.b3(same_pool(x, 3, 1)))], 1)


class I3D(nn.Module):
    def __init__(self, unit=SameUnit, gate=lambda channels: nn.Identity()):
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.gate3 = unit(3, 64, 7, 2), SameUnit(64, 64), unit(64, 192, 3), gate(192)
        channels = 192
        for name, c in {"3b": (64, 96, 128, 16, 32, 32), "3c": (128, 128, 192, 32, 96, 64), "4b": (192, 96, 208, 16, 48, 64),
                        "4c": (160, 112, 224, 24, 64, 64), "4d": (128, 128, 256, 24, 64, 64), "4e": (112, 144, 288, 32, 64, 64),
                        "4f": (256, 160, 320, 32, 128, 128), "5b": (256, 160, 320, 32, 128, 128),
                        "5c": (384, 192, 384, 48, 128, 128)}.items():
            setattr(self, f"mixed_{name}", Mixed(channels, *c, unit, gate))
            channels = c[0] + c[2] + c[4] + c[5]
        self.logits = Unit(1024, CLASSES, bn=False, relu=False)

    def features(self, x):
        x = same_pool(self.conv1(x), (1, 3, 3), SPACE)
        x = same_pool(self.gate3(self.conv3(self.conv2(x))), (1, 3, 3), SPACE)
        x = same_pool(self.mixed_3c(self.mixed_3b(x)), 3, 2)
        for name in "bcdef":
            x = getattr(self, f"mixed_4{name}")(x)
        return self.mixed_5c(self.mixed_5b(same_pool(x, 2, 2)))

    def forward(self, x):
        return self.logits(F.avg_pool3d(self.features(x), (2, 7, 7), 1)).mean((2, 3, 4))


# Hussein et al., 2019: Timeception, with windows that are dilated, and without what it drops.

class TimeceptionLayer(nn.Module):
    """Goes group by group, as the paper does; a conv has the weights of all groups."""

    def __init__(self, inputs, groups=8):
        super().__init__()
        self.groups, self.outputs = groups, int(inputs * 1.25 / (5 * groups)) * groups
        for i in range(5):
            setattr(self, f"b{i}", nn.Conv3d(inputs // groups, self.outputs, 1))
            setattr(self, f"bn{i}", nn.BatchNorm3d(self.outputs))
            if 0 < i < 4:
                setattr(self, f"t{i}", nn.Conv3d(self.outputs, self.outputs, (3, 1, 1), 1, (i, 0, 0), (i, 1, 1), self.outputs))

    def branch(self, i, x):
        """Returns what becomes of each group."""
        conv = getattr(self, f"b{i}")
        parts = zip(x.chunk(self.groups, 1), conv.weight.chunk(self.groups), conv.bias.chunk(self.groups))
        x = torch.cat([F.conv3d(*part) for part in parts], 1)
        x = same_pool(x, (2, 1, 1), 1) if i == 4 else getattr(self, f"t{i}")(x) if i else x
        return getattr(self, f"bn{i}")(x).chunk(self.groups, 1)

    def forward(self, x):
        branches = [self.branch(i, x) for i in range(5)]
        x = F.relu(torch.stack([torch.cat(group, 1) for group in zip(*branches)], 1))
        return F.max_pool3d(x.transpose(1, 2).flatten(1, 2), (2, 1, 1))


class Timeception(I3D):
    def __init__(self, layers=4):
        super().__init__()
        del self.logits
        self.tc, channels = nn.Sequential(), 1024
        for i in range(layers):
            self.tc.append(TimeceptionLayer(channels))
            channels = 5 * self.tc[i].outputs
        self.hidden, self.bn, self.fc = nn.Linear(channels, 512), nn.BatchNorm3d(512), nn.Linear(512, CLASSES)

    def forward(self, x):
        x = self.hidden(self.tc(self.features(x)).amax((2, 3, 4)))
        return self.fc(F.leaky_relu(self.bn(x[:, :, None, None, None]), 0.2).flatten(1))
