"""ResNets that look at motion beside appearance: SlowFast, CoST, TEA, TPN and TDN."""
import torch
import torch.nn.functional as F
from torch import nn

from .resnets import Bottleneck, ResNet, plane, stage
from .units import CLASSES, DEPTHS, SPACE, Row, Unit, sized, stem_pool

# Feichtenhofer et al., 2019: SlowFast 4x16.

class Lateral(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = Unit(channels, 2 * channels, (5, 1, 1), (8, 1, 1))

    def forward(self, slow, fast):
        return torch.cat([slow, self.conv(fast)], 1)


def pathway(stem, width, lateral, firsts):
    path = nn.Module()
    path.stem = Unit(3, width, stem, SPACE)
    for i, (depth, first) in enumerate(zip(DEPTHS, firsts)):
        inputs = width if i == 0 else 2 * width * 2**i
        if lateral:
            setattr(path, f"lat{i + 1}", Lateral(inputs // 8))
            inputs += inputs // 4
        setattr(path, f"res{i + 2}", stage(inputs, 4 * width * 2**i, depth, plane, SPACE if i else 1, first=first))
    return path


class SlowFast(nn.Module):
    def __init__(self):
        super().__init__()
        self.fast = pathway((5, 7, 7), 8, False, [(3, 1, 1)] * 4)
        self.slow = pathway((1, 7, 7), 64, True, [1, 1, (3, 1, 1), (3, 1, 1)])
        self.fc = nn.Linear(2048 + 256, CLASSES)

    def forward(self, x):
        slow, fast = (stem_pool(path.stem(y)) for path, y in ((self.slow, x[:, :, ::8]), (self.fast, x)))
        for i in range(1, 5):
            slow = getattr(self.slow, f"res{i + 1}")(getattr(self.slow, f"lat{i}")(slow, fast))
            fast = getattr(self.fast, f"res{i + 1}")(fast)
        return self.fc(torch.cat([slow.mean((2, 3, 4)), fast.mean((2, 3, 4))], 1))


# Li et al., 2019: CoST, form (b), as its authors' code has it.

class Cost(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.stride = (1, sized(stride)[1], sized(stride)[2])
        self.hw = nn.Conv3d(channels, channels, (1, 3, 3), bias=False)
        self.fc1, self.fc2 = nn.Conv3d(channels, channels, 1, bias=False), nn.Conv3d(3, 3, 1, bias=False)
        self.bn = nn.BatchNorm3d(channels)

    def forward(self, x):
        window = self.hw.weight.squeeze(2)
        views = [F.conv3d(x, window.unsqueeze(axis), None, self.stride, padding)
                 for axis, padding in ((2, (0, 1, 1)), (3, (1, 0, 1)), (4, (1, 1, 0)))]
        scores = [self.fc1.weight.flatten(1) @ view.amax((2, 3, 4)).unsqueeze(2) for view in views]
        shares = torch.softmax(torch.einsum("ij,ncj->nci", self.fc2.weight.flatten(1), torch.cat(scores, 2)), 2)
        return F.relu(self.bn(sum(view * shares[:, :, i, None, None, None] for i, view in enumerate(views))))


class CostNet(ResNet):
    """In each group every other block has CoST in the middle: the second of the first group, the first of the others."""

    def __init__(self, depths=DEPTHS):
        super().__init__((plane,) * 4, Unit(3, 64, (1, 7, 7), SPACE), depths, stem_pool, SPACE)
        for i in range(4):
            group = getattr(self, f"stage{i + 1}")
            for block in group[1 if i == 0 else 0::2]:
                block.conv2 = Cost(block.conv2.out_channels, block.conv2.stride)

    def features(self, x):
        x = F.max_pool3d(self.stage1(stem_pool(self.stem(x))), (2, 1, 1))
        return self.stage4(self.stage3(self.stage2(x)))


# Li et al., 2020: TEA, as its authors' code has it.

def each(channels, kernel):
    """A conv of each channel by itself."""
    return nn.Conv3d(channels, channels, kernel, 1, [k // 2 for k in kernel], groups=channels, bias=False)


class MotionExcitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce, self.move = Unit(channels, channels // 16, relu=False), each(channels // 16, (1, 3, 3))
        self.score = Unit(channels // 16, channels, relu=False)

    def forward(self, x):
        reduced = self.reduce(x)
        change = F.pad(self.move(reduced)[:, :, 1:] - reduced[:, :, :-1], (0, 0, 0, 0, 0, 1))
        return x + x * (torch.sigmoid(self.score(change.mean((3, 4), keepdim=True))) - 0.5)


class LearnedShift(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.later, self.earlier = each(channels // 2, (3, 1, 1)), each(channels // 2, (3, 1, 1))

    def forward(self, x):
        later, earlier = x.chunk(2, 1)
        return torch.cat([self.later(later), self.earlier(earlier)], 1)


class TEABlock(nn.Module):
    def __init__(self, inputs, outputs, stride, first):
        super().__init__()
        width = outputs * 26 // 256
        self.first, self.stride = first, (1, stride, stride)
        self.conv1, self.excite = Unit(inputs, 4 * width), MotionExcitation(4 * width)
        for i in range(1, 4):
            setattr(self, f"q{i}", Row(time=each(width, (3, 1, 1)), space=Unit(width, width, (1, 3, 3), self.stride)))
        self.q4, self.conv3 = LearnedShift(width), Unit(4 * width, outputs, relu=False)
        if inputs != outputs or stride != 1:
            self.shortcut = Unit(inputs, outputs, 1, self.stride, relu=False)

    def forward(self, x):
        quarters, done = self.excite(self.conv1(x)).chunk(4, 1), []
        for i, quarter in enumerate(quarters[:3]):
            done.append(getattr(self, f"q{i + 1}")(quarter if self.first or not i else quarter + done[-1]))
        last = self.q4(quarters[3])
        done.append(F.avg_pool3d(last, (1, 3, 3), self.stride, (0, 1, 1)) if self.first else last)
        return F.relu(self.conv3(torch.cat(done, 1)) + (self.shortcut(x) if hasattr(self, "shortcut") else x))


class TEA(nn.Module):
    def __init__(self, depths=DEPTHS):
        super().__init__()
        self.stem, inputs = Unit(3, 64, (1, 7, 7), SPACE), 64
        for i, depth in enumerate(depths):
            outputs = 256 * 2**i
            first = TEABlock(inputs, outputs, 2 if i else 1, True)
            rest = nn.Sequential(*(TEABlock(outputs, outputs, 1, False) for _ in range(depth - 1)))
            setattr(self, f"res{i + 2}", Row(first=first, next=rest))
            inputs = outputs
        self.fc = nn.Conv3d(2048, CLASSES, 1)

    def forward(self, x):
        x = self.res5(self.res4(self.res3(self.res2(stem_pool(self.stem(x))))))
        return self.fc(x.mean((3, 4), keepdim=True)).mean((2, 3, 4))


# Yang et al., 2020: TPN, as its authors' code has it, without the auxiliary classifier.

class Tempo(nn.Conv3d):
    def __init__(self):
        super().__init__(2048, 1024, (3, 1, 1), 1, (1, 0, 0), groups=32, bias=False)

    def forward(self, x):
        return F.max_pool3d(super().forward(x), (8, 1, 1), ceil_mode=True)


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.both = Unit(1024, 1024, groups=32), Unit(1024, 1024, groups=32), Unit(2048, 2048)

    def forward(self, lower, upper):
        return self.both(torch.cat([self.a(lower), self.b(upper)], 1))


class TPN(nn.Module):
    def __init__(self, depths=DEPTHS):
        super().__init__()
        self.stem, inputs = Unit(3, 64, (1, 7, 7), SPACE), 64
        for i, depth in enumerate(depths):
            outputs, first = 256 * 2**i, 1 if i < 2 else (3, 1, 1)
            setattr(self, f"res{i + 2}", stage(inputs, outputs, depth, plane, SPACE if i else 1, first=first))
            inputs = outputs
        self.space, self.tempo4, self.tempo5 = Unit(1024, 2048, (1, 3, 3), SPACE), Tempo(), Tempo()
        self.top_down, self.bottom_up = Fusion(), Fusion()
        self.step = nn.Conv3d(1024, 1024, (3, 1, 1), 1, (1, 0, 0), bias=False)
        self.fuse, self.fc = Unit(4096, 2048), nn.Linear(2048, CLASSES)

    def forward(self, x):
        res4 = self.res4(self.res3(self.res2(stem_pool(self.stem(x)))))
        upper = self.tempo5(self.res5(res4))
        lower = self.tempo4(self.space(res4)) + upper
        x = torch.cat([self.top_down(lower, upper), self.bottom_up(lower, self.step(lower) + upper)], 1)
        return self.fc(self.fuse(x).mean((2, 3, 4)))


# Wang et al., 2021: TDN, as its authors' code has it.

def nearest(x, like):
    """Brings H and W to those of another value."""
    return F.interpolate(x, (x.shape[2], *like.shape[3:]))


class Scales(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.small, self.large = (Unit(inputs, inputs, (1, 3, 3), relu=False) for _ in range(2))
        self.score = Unit(inputs, outputs, relu=False)

    def forward(self, x):
        return torch.sigmoid(self.score((x + nearest(self.small(F.avg_pool3d(x, SPACE)), x) + self.large(x)) / 3)) - 0.5


class LongTerm(nn.Module):
    """Factors of how a segment differs from the one behind and from the one before; both go through the same convs."""

    def __init__(self, channels):
        super().__init__()
        self.reduce, self.move = Unit(channels, channels // 16, relu=False), each(channels // 16, (1, 3, 3))
        self.excite = Scales(channels // 16, channels)

    def forward(self, x):
        reduced = self.reduce(x)
        moved = self.move(reduced)
        forth = F.pad(moved[:, :, 1:] - reduced[:, :, :-1], (0, 0, 0, 0, 0, 1))
        back = F.pad(moved[:, :, :-1] - reduced[:, :, 1:], (0, 0, 0, 0, 1, 0))
        return x + x * (self.excite(forth) + self.excite(back)) / 2


class EighthsShift(nn.Module):
    """A conv over frames of each channel; it begins as a shift of eighths of the channels."""

    def __init__(self, channels):
        super().__init__()
        self.eighth = channels // 8
        self.later, self.earlier = each(self.eighth, (3, 1, 1)), each(self.eighth, (3, 1, 1))
        self.still = each(channels - 2 * self.eighth, (3, 1, 1))

    def forward(self, x):
        weight = torch.cat([self.later.weight, self.earlier.weight, self.still.weight])
        return F.conv3d(x, weight, None, 1, (1, 0, 0), groups=x.shape[1])


class TDNBottleneck(Bottleneck):
    def __init__(self, inputs, outputs, *arguments, **more):
        super().__init__(inputs, outputs, *arguments, **more)
        self.long, self.shift = LongTerm(outputs // 4), EighthsShift(outputs // 4)

    def branch(self, x):
        return self.conv3(self.conv2(self.shift(self.long(self.conv1(x)))))


class TDN(nn.Module):
    def __init__(self, depths=DEPTHS):
        super().__init__()
        self.stem, self.diff_stem = Unit(3, 64, (1, 7, 7), SPACE), Unit(12, 64, (1, 7, 7), SPACE)
        self.res2, self.diff_res2 = stage(64, 256, depths[0], plane), stage(64, 256, depths[0], plane)
        for i, depth in enumerate(depths[1:]):
            setattr(self, f"res{i + 3}", stage(256 * 2**i, 512 * 2**i, depth, plane, SPACE, TDNBottleneck))
        self.fc = nn.Conv3d(2048, CLASSES, 1)
        for name, module in self.named_modules():  # the ResNets' convs have biases
            if isinstance(module, Unit) and module is not self.diff_stem and "long." not in name:
                module.bias = nn.Parameter(torch.randn(module.out_channels))

    def forward(self, x):
        frames = [x[:, :, i::5] for i in range(5)]
        changes = torch.cat([after - before for before, after in zip(frames, frames[1:])], 1)
        changes = stem_pool(self.diff_stem(F.avg_pool3d(changes, SPACE)))
        x = stem_pool(self.stem(frames[2]))
        x = self.res2((x + nearest(changes, x)) / 2)
        x = (x + nearest(self.diff_res2(changes), x)) / 2
        return self.fc(self.res5(self.res4(self.res3(x))).mean((3, 4), keepdim=True)).mean((2, 3, 4))
