"""ResNets: in two, three and (2+1) dimensions, channel-separated, with non-local blocks, pseudo-3D, and with shifts."""
import torch
import torch.nn.functional as F
from torch import nn

from .units import CLASSES, DEPTHS, SPACE, Row, Unit, sized, stem_pool

# He et al., 2016: bottlenecks. `middle` makes the second conv of (channels, stride).

class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, middle, stride=1, first=1, strides_first=False):
        super().__init__()
        inner = outputs // 4
        self.conv1 = Unit(inputs, inner, first, stride if strides_first else 1)
        self.conv2 = middle(inner, 1 if strides_first else stride)
        self.conv3 = Unit(inner, outputs, relu=False)
        if inputs != outputs or sized(stride) != (1, 1, 1):
            self.shortcut = Unit(inputs, outputs, 1, stride, relu=False)

    def branch(self, x):
        return self.conv3(self.conv2(self.conv1(x)))

    def forward(self, x):
        return F.relu(self.branch(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x))


def stage(inputs, outputs, depth, middle, stride=1, block=Bottleneck, **more):
    return nn.Sequential(*(block(outputs if i else inputs, outputs, middle, 1 if i else stride, **more) for i in range(depth)))


def cube(channels, stride):
    return Unit(channels, channels, 3, stride)


def plane(channels, stride):
    return Unit(channels, channels, (1, 3, 3), (1, sized(stride)[1], sized(stride)[2]))


def factorised(inputs, outputs, k, stride=1, mid=None):
    """Tran et al., 2018: (2+1)D, with as many weights as a conv of 3 x k x k."""
    t, h, w = sized(stride)
    mid = mid or 3 * k * k * inputs * outputs // (k * k * inputs + 3 * outputs)
    return Row(spatial=Unit(inputs, mid, (1, k, k), (1, h, w)), temporal=Unit(mid, outputs, (3, 1, 1), (t, 1, 1)))


class ResNet(nn.Module):
    """Over clips: a stem, and in each group bottlenecks with the middle convs of its kind."""

    def __init__(self, middles, stem, depths=DEPTHS, pool=None, stride=2, block=Bottleneck):
        super().__init__()
        self.pool = pool
        self.stem = stem
        for i, (depth, middle) in enumerate(zip(depths, middles)):
            setattr(self, f"stage{i + 1}", stage(64 if i == 0 else 128 * 2**i, 256 * 2**i, depth, middle, stride if i else 1, block))
        self.fc = nn.Linear(2048, CLASSES)

    def features(self, x):
        x = self.stem(x)
        x = self.pool(x) if self.pool else x
        return self.stage4(self.stage3(self.stage2(self.stage1(x))))

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3, 4)))


class ResNet50(ResNet):
    """With a stem of 3x7x7, and the middle convs of one kind."""

    def __init__(self, middle, pool=None, stem=(3, 7, 7), stride=2, block=Bottleneck, depths=DEPTHS):
        super().__init__((middle,) * 4, Unit(3, 64, stem, SPACE), depths, pool, stride, block)


def r2plus1d(depths=DEPTHS):
    return ResNet((lambda channels, stride: factorised(channels, channels, 3, stride),) * 4, factorised(3, 64, 7, SPACE, mid=45), depths)


def rmc3(depths=DEPTHS):
    return ResNet((plane, cube, cube, cube), Unit(3, 64, (1, 7, 7), SPACE), depths)


# Hu et al., 2018: squeeze and excitation, here of each frame.

class SqueezeExcitation(nn.Module):
    def __init__(self, channels, ratio=16):
        super().__init__()
        self.squeeze = Unit(channels, channels // ratio, bn=False)
        self.excite = Unit(channels // ratio, channels, bn=False, relu=False)

    def forward(self, x):
        return x * torch.sigmoid(self.excite(self.squeeze(x.mean((3, 4), keepdim=True))))


class SEBottleneck(Bottleneck):
    def __init__(self, inputs, outputs, middle, stride=1):
        super().__init__(inputs, outputs, middle, stride)
        self.se = SqueezeExcitation(outputs)

    def branch(self, x):
        return self.se(super().branch(x))


# Tran et al., 2019: channel-separated networks. In ip-CSN a conv of 1x1x1 stands before the depthwise one.

def depthwise(channels, stride):
    return Unit(channels, channels, 3, stride, groups=channels)


def preserved(channels, stride):
    return Row(point=Unit(channels, channels, relu=False), depth=depthwise(channels, stride))


# Wang et al., 2018: the non-local block, embedded Gaussian, keys and values of a max pool.

class NonLocal(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.q, self.k, self.v = (Unit(channels, channels // 2, bn=False, relu=False) for _ in range(3))
        self.out = Unit(channels // 2, channels, relu=False)

    def forward(self, x):
        small = F.max_pool3d(x, SPACE)
        q, k, v = self.q(x).flatten(2), self.k(small).flatten(2), self.v(small).flatten(2)
        y = torch.softmax(q.transpose(1, 2) @ k, 2) @ v.transpose(1, 2)
        return x + self.out(y.transpose(1, 2).unflatten(2, x.shape[2:]))


class NonLocalBottleneck(Bottleneck):
    def __init__(self, inputs, outputs, middle, stride=1):
        super().__init__(inputs, outputs, middle, stride)
        self.add_module("nonlocal", NonLocal(outputs))

    def forward(self, x):
        return self.get_submodule("nonlocal")(super().forward(x))


def r3d_50_nl():
    network = ResNet50(cube)
    for group, channels in ((network.stage2, 512), (network.stage3, 1024)):
        for i in range(1, len(group), 2):
            group[i] = NonLocalBottleneck(channels, channels, cube)
    return network


class I3DResNet50(nn.Module):
    """Wang et al.'s I3D, without non-local blocks: the first convs of bottlenecks see three frames, each or every other one."""

    def __init__(self, depths=DEPTHS):
        super().__init__()
        self.stem = Unit(3, 64, (5, 7, 7), SPACE)
        inputs = 64
        for i, (depth, wide) in enumerate(zip(depths, ((0, 1, 2), (0, 2), (0, 2, 4), (1,)))):
            outputs, blocks = 256 * 2**i, []
            for j in range(depth):
                blocks.append(Bottleneck(inputs, outputs, plane, SPACE if i and not j else 1, first=(3, 1, 1) if j in wide else 1))
                inputs = outputs
            setattr(self, f"stage{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x):
        x = F.max_pool3d(self.stage1(stem_pool(self.stem(x))), (2, 1, 1))
        return self.fc(self.stage4(self.stage3(self.stage2(x))).mean((2, 3, 4)))


# Qiu et al., 2017: P3D, whose units take turns.

class P3D(nn.Module):
    def __init__(self, kind, channels):
        super().__init__()
        self.kind, self.spatial, self.temporal = kind, Unit(channels, channels, (1, 3, 3)), Unit(channels, channels, (3, 1, 1))

    def forward(self, x):
        spatial = self.spatial(x)
        return {"a": lambda: self.temporal(spatial), "b": lambda: spatial + self.temporal(x),
                "c": lambda: self.temporal(spatial) + spatial}[self.kind]()


class P3D63(nn.Module):
    def __init__(self):
        super().__init__()
        kinds, group = iter("abc" "abca" "bcabca"), dict(strides_first=True)
        unit = lambda channels, stride: P3D(next(kinds), channels)
        self.stem = Unit(3, 64, (1, 7, 7), SPACE)
        self.stage1 = stage(64, 256, 3, unit, **group)
        self.stage2 = stage(256, 512, 4, unit, SPACE, **group)
        self.stage3 = stage(512, 1024, 6, unit, SPACE, **group)
        self.stage4 = stage(1024, 2048, 3, plane, SPACE, **group)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x):
        x = F.max_pool3d(self.stem(x), (2, 3, 3), 2, (0, 1, 1))
        for group in (self.stage1, self.stage2, self.stage3):
            x = F.max_pool3d(group(x), (2, 1, 1))
        return self.fc(self.stage4(x).mean((2, 3, 4)))


# Lin et al., 2019: TSM, in the residual branch; an eighth of the channels each way.

def shift(x):
    fold = x.shape[1] // 8
    later, earlier, others = x[:, :fold], x[:, fold:2 * fold], x[:, 2 * fold:]
    return torch.cat([F.pad(later[:, :, 1:], (0, 0, 0, 0, 0, 1)), F.pad(earlier[:, :, :-1], (0, 0, 0, 0, 1, 0)), others], 1)


class ShiftBottleneck(Bottleneck):
    def branch(self, x):
        return super().branch(shift(x))


class TSM50(ResNet50):
    def __init__(self):
        super().__init__(plane, stem_pool, (1, 7, 7), SPACE, ShiftBottleneck)

    def forward(self, x):
        return self.fc(self.features(x).mean((3, 4)).transpose(1, 2)).mean(1)  # the mean over the frames' scores
