"""Networks in PyTorch, written from their papers. Their parameters have the names of the specs in models/, but for torchvision's."""
import math
from unittest import mock

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

CLASSES = 400
DEPTHS = (3, 4, 6, 3)  # of a ResNet-50
SHALLOW = (1, 2, 2, 1)  # enough for each block to stand in its first form and in the others'


def sized(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * 3


class Unit(nn.Conv3d):
    """A conv that keeps the size but for its stride, batch norm and ReLU."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=1, bn=True, relu=True):
        padding = [k // 2 for k in sized(kernel)]
        super().__init__(inputs, outputs, sized(kernel), sized(stride), padding, groups=groups, bias=not bn)
        self.bn = nn.BatchNorm3d(outputs) if bn else None
        self.relu = relu

    def forward(self, x):
        x = super().forward(x)
        x = self.bn(x) if self.bn else x
        return F.relu(x) if self.relu else x


class Row(nn.Module):
    """Its children one after the other."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)

    def forward(self, x):
        for child in self.children():
            x = child(x)
        return x


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


SPACE = (1, 2, 2)


def stem_pool(x):
    return F.max_pool3d(x, (1, 3, 3), SPACE, (0, 1, 1))


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


class TSMMobileNetV2(torchvision.models.MobileNetV2):
    """On torchvision's network of frames, whose parameters keep their names: clips are shifted where there is a shortcut."""

    def __init__(self):
        super().__init__(num_classes=CLASSES, dropout=0)
        for module in self.modules():
            if getattr(module, "use_res_connect", False):
                module.conv.register_forward_pre_hook(self.shift_frames)

    frames = 1

    @classmethod
    def shift_frames(cls, module, inputs):
        clips = inputs[0].unflatten(0, (-1, cls.frames)).transpose(1, 2)
        return shift(clips).transpose(1, 2).flatten(0, 1)

    def forward(self, x):
        type(self).frames = x.shape[2]
        scores = self.classifier(self.features(x.transpose(1, 2).flatten(0, 1)).mean((2, 3)))
        return scores.unflatten(0, (-1, x.shape[2])).mean(1)


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

    def forward(self, x):
        x = same_pool(self.conv1(x), (1, 3, 3), SPACE)
        x = same_pool(self.gate3(self.conv3(self.conv2(x))), (1, 3, 3), SPACE)
        x = same_pool(self.mixed_3c(self.mixed_3b(x)), 3, 2)
        for name in "bcdef":
            x = getattr(self, f"mixed_4{name}")(x)
        x = self.mixed_5c(self.mixed_5b(same_pool(x, 2, 2)))
        return self.logits(F.avg_pool3d(x, (2, 7, 7), 1)).mean((2, 3, 4))


# Feichtenhofer, 2020: X3D. Bottlenecks with a depthwise conv, of which every other one has a squeeze and excitation.

class X3DBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, squeezed):
        super().__init__()
        inner = outputs * 9 // 4
        self.a = Unit(inputs, inner)
        self.b = Unit(inner, inner, 3, stride, groups=inner, relu=False)
        if squeezed:
            self.squeeze = Unit(inner, squeezed, bn=False)
            self.excite = Unit(squeezed, inner, bn=False, relu=False)
        self.end = Unit(inner, outputs, relu=False)
        if inputs != outputs or sized(stride) != (1, 1, 1):
            self.shortcut = Unit(inputs, outputs, 1, stride, relu=False)

    def forward(self, x):
        y = self.b(self.a(x))
        if hasattr(self, "squeeze"):
            y = y * torch.sigmoid(self.excite(self.squeeze(y.mean((2, 3, 4), keepdim=True))))
        return F.relu(self.end(F.silu(y)) + (self.shortcut(x) if hasattr(self, "shortcut") else x))


class X3D(nn.Module):
    def __init__(self, depths=(3, 5, 11, 7)):
        super().__init__()
        self.stem = nn.Conv3d(3, 24, (1, 3, 3), SPACE, (0, 1, 1), bias=False)
        self.stem_t = Unit(24, 24, (5, 1, 1), groups=24)
        inputs = 24
        for i, (depth, channels, squeezed) in enumerate(zip(depths, (24, 48, 96, 192), (8, 8, 16, 32))):
            blocks = (X3DBlock(channels if j else inputs, channels, 1 if j else SPACE, 0 if j % 2 else squeezed) for j in range(depth))
            setattr(self, f"stage{i + 1}", nn.Sequential(*blocks))
            inputs = channels
        self.head = Unit(192, 432)
        self.project = nn.Conv3d(432, 2048, 1, bias=False)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x):
        x = self.stage4(self.stage3(self.stage2(self.stage1(self.stem_t(self.stem(x))))))
        x = F.relu(self.project(self.head(x).mean((2, 3, 4), keepdim=True)))
        return self.fc(x.flatten(1))


# Dosovitskiy et al., 2021, and Tong et al., 2022: the encoder of VideoMAE.

class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each position."""

    def __init__(self, channels, eps=1e-6):
        super().__init__(channels, eps=eps)

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Learned(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, *shape))


class Encoder(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.attn = nn.ModuleDict({name: nn.Conv3d(channels, channels, 1, bias=name != "k") for name in ("q", "k", "v", "proj")})
        self.mlp = nn.ModuleDict({"fc1": nn.Conv3d(channels, 4 * channels, 1), "fc2": nn.Conv3d(4 * channels, channels, 1)})

    def forward(self, x):
        y = self.norm1(x)
        q, k, v = (self.attn[name](y).reshape(len(x), self.heads, x.shape[1] // self.heads, -1).transpose(2, 3) for name in ("q", "k", "v"))
        shares = torch.softmax(q @ k.transpose(2, 3) / q.shape[3] ** 0.5, 3)
        x = x + self.attn["proj"]((shares @ v).transpose(2, 3).reshape(x.shape))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class VideoMAE(nn.Module):
    def __init__(self, size, channels=768, heads=12, depth=12):
        super().__init__()
        self.patch_embed = nn.Conv3d(3, channels, (2, 16, 16), (2, 16, 16))
        self.pos_embed = Learned(channels, *size)
        self.blocks = nn.Sequential(*(Encoder(channels, heads) for _ in range(depth)))
        self.fc_norm = ChannelNorm(channels)
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x):
        x = self.blocks(self.patch_embed(x) + self.pos_embed.weight)
        return self.fc(self.fc_norm(x.mean((2, 3, 4), keepdim=True)).flatten(1))


# Kondratyuk et al., 2021: MoViNets, with TensorFlow's padding.

class SwishUnit(SameUnit):
    """A conv, batch norm and swish."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, relu=False, **more)

    def forward(self, x):
        return F.silu(super().forward(x))


def inner_means(x):
    """The mean of those elements of each 3x3 window, with a stride of 2, that lie inside of the frame."""
    pooled = [F.avg_pool3d(same(y, (1, 3, 3), SPACE, 0), (1, 3, 3), SPACE) for y in (x, torch.ones_like(x))]
    return pooled[0] / pooled[1]


class Mobile(nn.Module):
    def __init__(self, inputs, outputs, kernel, inner, squeezed, strides):
        super().__init__()
        self.expand = SwishUnit(inputs, inner)
        self.depth = SwishUnit(inner, inner, kernel, SPACE if strides else 1, groups=inner)
        self.se = Row(squeeze=SwishUnit(inner, squeezed, bn=False), excite=Unit(squeezed, inner, bn=False, relu=False))
        self.project = Unit(inner, outputs, relu=False)
        self.rezero = Learned(1, 1, 1, 1)
        nn.init.normal_(self.rezero.weight, 1, 0.2)
        if strides:
            self.shortcut = Unit(inputs, outputs, relu=False)

    def forward(self, x):
        y = self.depth(self.expand(x))
        y = self.project(y * torch.sigmoid(self.se(y.mean((2, 3, 4), keepdim=True)))) * self.rezero.weight
        return y + (self.shortcut(inner_means(x)) if hasattr(self, "shortcut") else x)


class MoViNet(nn.Module):
    """`groups` have a tuple each: the channels that come out, and the kernel, inner and squeezed channels of each block."""

    def __init__(self, stem, groups, last):
        super().__init__()
        self.stem, inputs = SwishUnit(3, stem, (1, 3, 3), SPACE), stem
        for i, (outputs, *blocks) in enumerate(groups):
            made = [Mobile(outputs if j else inputs, outputs, *block, strides=i != 3 and not j) for j, block in enumerate(blocks)]
            setattr(self, f"block{i + 2}", nn.Sequential(*made) if len(made) > 1 else made[0])
            inputs = outputs
        self.last, self.hidden = SwishUnit(inputs, last), nn.Conv3d(last, 2048, 1)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        for i in range(2, 7):
            x = getattr(self, f"block{i}")(x)
        return self.fc(F.silu(self.hidden(self.last(x).mean((2, 3, 4), keepdim=True))).flatten(1))


def movinet_a0():
    k15, k33, k53 = (1, 5, 5), (3, 3, 3), (5, 3, 3)
    return MoViNet(8, ((8, (k15, 24, 8)),
                       (32, (k33, 80, 24), (k33, 80, 24), (k33, 80, 24)),
                       (56, (k53, 184, 48), (k33, 112, 32), (k33, 184, 48)),
                       (56, (k53, 184, 48), (k33, 184, 48), (k33, 184, 48), (k33, 184, 48)),
                       (104, (k53, 384, 96), (k15, 280, 72), (k15, 280, 72), (k15, 344, 88))), 480)


# He et al., 2016, "Identity mappings": batch norm and ReLU stand before a conv.

class Pre(nn.Conv3d):
    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=1):
        super().__init__(inputs, outputs, sized(kernel), sized(stride), [k // 2 for k in sized(kernel)], groups=groups, bias=False)
        self.bn = nn.BatchNorm3d(inputs)

    def forward(self, x):
        return super().forward(F.relu(self.bn(x)))


class PreBlock(nn.Module):
    """A row of such convs, and a shortcut that is one where the size changes."""

    def __init__(self, inputs, outputs, stride=1, **convs):
        super().__init__()
        self.names = list(convs)
        for name, conv in convs.items():
            self.add_module(name, conv)
        if inputs != outputs or sized(stride) != (1, 1, 1):
            self.shortcut = Pre(inputs, outputs, 1, stride)

    def forward(self, x):
        y = x
        for name in self.names:
            y = self.get_submodule(name)(y)
        return y + (self.shortcut(x) if hasattr(self, "shortcut") else x)


# Chen et al., 2018: MFNet.

class FiberBlock(PreBlock):
    def __init__(self, inputs, outputs, stride, last):
        super().__init__(inputs, outputs, stride, conv1=Pre(inputs, outputs, 3, stride, 16), conv2=last)
        self.in1, self.in2 = Pre(inputs, outputs // 4), Pre(outputs // 4, inputs)

    def forward(self, x):
        y = self.conv2(self.conv1(x + self.in2(self.in1(x))))
        return y + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class PreNet(nn.Module):
    """A stem and groups, whose sums have a batch norm and ReLU at last, and a classifier."""

    def __init__(self, channels, stem, pool, first="stem", **groups):
        super().__init__()
        self.pool, self.body = pool, [first, *groups]
        for name, group in {first: stem, **groups, "tail": nn.BatchNorm3d(channels), "fc": nn.Linear(channels, CLASSES)}.items():
            self.add_module(name, group)

    def forward(self, x):
        for name in self.body:
            x = self.get_submodule(name)(x)
            x = self.pool(x) if self.pool and name == self.body[0] else x
        return self.fc(F.relu(self.tail(x)).mean((2, 3, 4)))


def mfnet(depths=DEPTHS):
    groups, inputs = {}, 16
    for i, depth in enumerate(depths):
        outputs = 96 * 2**i
        first = FiberBlock(inputs, outputs, SPACE if i else (2, 1, 1), Pre(outputs, outputs))
        rest = nn.Sequential(*(FiberBlock(outputs, outputs, 1, Pre(outputs, outputs, (1, 3, 3), 1, 16)) for _ in range(depth - 1)))
        groups[f"res{i + 2}"], inputs = Row(first=first, next=rest), outputs
    return PreNet(768, Unit(3, 16, (3, 5, 5), SPACE), stem_pool, **groups)


# Chen et al., 2019: GloRe; and Chen et al., 2018: A2-Net, on the same network here.

class GloRe(nn.Module):
    def __init__(self, channels):
        super().__init__()
        nodes = channels // 4
        self.state, self.projection = Unit(channels, 2 * nodes, bn=False, relu=False), Unit(channels, nodes, bn=False, relu=False)
        self.over_nodes, self.over_states = nn.Conv3d(nodes, nodes, 1), nn.Conv3d(2 * nodes, 2 * nodes, 1, bias=False)
        self.extend = Unit(2 * nodes, channels, relu=False)

    def forward(self, x):
        projection = self.projection(x).flatten(2)
        graph = self.state(x).flatten(2) @ projection.transpose(1, 2)
        graph = graph[:, :, :, None, None]
        graph = self.over_states(F.relu(graph + self.over_nodes(graph.transpose(1, 2)).transpose(1, 2))).flatten(2)
        return x + self.extend((graph @ projection).unflatten(2, x.shape[2:]))


class DoubleAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.features, self.where = (nn.Conv3d(channels, channels // 4, 1, bias=False) for _ in range(2))
        self.which = nn.Conv3d(channels, channels // 4, 1)
        self.extend = Unit(channels // 4, channels, relu=False)

    def forward(self, x):
        maps = torch.softmax(self.where(x).flatten(2), 2)
        gathered = self.features(x).flatten(2) @ maps.transpose(1, 2)
        return x + self.extend((gathered @ torch.softmax(self.which(x).flatten(2), 1)).unflatten(2, x.shape[2:]))


class Then(nn.Module):
    """A block and what follows it, beside which its parameters have their names."""

    def __init__(self, block, reason):
        super().__init__()
        for name, child in block.named_children():
            self.add_module(name, child)
        self.names, self.reason = block.names, reason

    def forward(self, x):
        return self.reason(PreBlock.forward(self, x))


def glore_50(then=GloRe, depths=DEPTHS):
    groups, inputs = {}, 32
    for i, depth in enumerate(depths):
        outputs, blocks = 256 * 2**i, []
        inner = outputs // 4
        for j in range(depth):
            stride = 1 if j or not i else 2 if i == 1 else SPACE
            first = 1 if i in (1, 2) and j % 2 or i == 3 and j != 1 else (3, 1, 1)
            block = PreBlock(inputs, outputs, stride, conv1=Pre(inputs, inner, first), conv2=Pre(inner, inner, (1, 3, 3), stride),
                             conv3=Pre(inner, outputs))
            blocks.append(Then(block, then(outputs)) if i in (1, 2) and j % 2 == 0 else block)
            inputs = outputs
        groups[f"stage{i + 1}"] = nn.Sequential(*blocks)
    return PreNet(2048, Unit(3, 32, (3, 5, 5), SPACE), stem_pool, **groups)


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
            x = F.max_pool3d(F.local_response_norm(conv(x), 5, alpha=5e-4, beta=0.5, k=2), SPACE)
        x = F.max_pool3d(self.conv5(self.conv4(self.conv3(x))), SPACE)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x.flatten(1))))))


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


def with_eps(network, eps):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eps = eps
    return network


# Liu et al., 2022: Video Swin. Windows lie half a window further in every other block; what comes from the other end is masked.

class WindowAttention(nn.Module):
    def __init__(self, channels, heads, window):
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv, self.proj = nn.Conv3d(channels, 3 * channels, 1), nn.Conv3d(channels, channels, 1)
        self.positions = Learned(math.prod(2 * w - 1 for w in window), heads, 1, 1)
        nn.init.normal_(self.positions.weight)
        places = torch.stack(torch.meshgrid(*map(torch.arange, window), indexing="ij")).flatten(1)
        apart = places[:, :, None] - places[:, None, :] + torch.tensor(window)[:, None, None] - 1
        self.index = (apart[0] * (2 * window[1] - 1) + apart[1]) * (2 * window[2] - 1) + apart[2]

    def forward(self, x, mask):
        """Takes windows x channels x t x h x w, and what is added to scores: windows of a clip x positions x positions."""
        q, k, v = self.qkv(x).reshape(len(x), 3, self.heads, x.shape[1] // self.heads, -1).transpose(3, 4).unbind(1)
        bias = self.positions.weight[0, self.index, :, 0, 0].permute(2, 0, 1)
        scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5 + bias
        scores = scores.unflatten(0, (-1, len(mask))) + mask[:, None]
        y = torch.softmax(scores.flatten(0, 1), 3) @ v
        return self.proj(y.transpose(2, 3).reshape(x.shape))


class SwinBlock(nn.Module):
    def __init__(self, channels, heads, window, shifted):
        super().__init__()
        self.window, self.shifted = window, shifted
        self.norm1, self.norm2 = ChannelNorm(channels, 1e-5), ChannelNorm(channels, 1e-5)
        self.attn = WindowAttention(channels, heads, window)
        self.mlp = nn.ModuleDict({"fc1": nn.Conv3d(channels, 4 * channels, 1), "fc2": nn.Conv3d(4 * channels, channels, 1)})

    def windows(self, x):
        n, c, *size = x.shape
        counts = [s // w for s, w in zip(size, self.window)]
        x = x.reshape(n, c, counts[0], self.window[0], counts[1], self.window[1], counts[2], self.window[2])
        return x.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(-1, c, *self.window), counts

    def forward(self, x):
        shift = [w // 2 if self.shifted and s > w else 0 for s, w in zip(x.shape[2:], self.window)]
        regions = torch.zeros(1, 1, *x.shape[2:])
        for axis, by in enumerate(shift):
            if by:
                regions.narrow(2 + axis, x.shape[2 + axis] - by, by).add_(2 ** axis)
        regions = self.windows(regions)[0].flatten(1)
        mask = torch.where(regions[:, :, None] == regions[:, None, :], 0.0, -100.0).to(x.dtype)
        y, counts = self.windows(torch.roll(self.norm1(x), [-s for s in shift], (2, 3, 4)))
        y = self.attn(y, mask).reshape(len(x), *counts, x.shape[1], *self.window).permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(x.shape)
        x = x + torch.roll(y, shift, (2, 3, 4))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Merging(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm, self.reduction = ChannelNorm(4 * channels, 1e-5), nn.Conv3d(4 * channels, 2 * channels, 1, bias=False)

    def forward(self, x):
        return self.reduction(self.norm(torch.cat([x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)], 1)))


class VideoSwin(nn.Module):
    def __init__(self, window=(8, 7, 7), pairs=(1, 1, 3, 1), channels=96, heads=3):
        super().__init__()
        self.patch, self.patch_norm = nn.Conv3d(3, channels, (2, 4, 4), (2, 4, 4)), ChannelNorm(channels, 1e-5)
        for i, count in enumerate(pairs):
            if i:
                setattr(self, f"merge{i}", Merging(channels * 2 ** (i - 1)))
            blocks = (Row(**{name: SwinBlock(channels * 2 ** i, heads * 2 ** i, window, name == "odd") for name in ("even", "odd")})
                      for _ in range(count))
            setattr(self, f"level{i + 1}", nn.Sequential(*blocks))
        self.norm, self.fc = ChannelNorm(channels * 8, 1e-5), nn.Linear(channels * 8, CLASSES)

    def forward(self, x):
        x = self.merge1(self.level1(self.patch_norm(self.patch(x))))
        x = self.level4(self.merge3(self.level3(self.merge2(self.level2(x)))))
        return self.fc(self.norm(x).mean((2, 3, 4)))


# torchvision's own, of clips of other sizes. What nothing can be learned of has no gradient: queries that the token of the class does
# not look at. Norms and tables of positions are random, so that each of their numbers counts.

def mvit(name, frames, size):
    network = torchvision.models.video.mvit
    complete = network._mvit
    with mock.patch.object(network, "_mvit", lambda **given: complete(
            **{**given, "temporal_size": frames, "spatial_size": (size, size), "attention_dropout": 0, "dropout": 0})):
        made = getattr(network, name)(stochastic_depth_prob=0)
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, nn.LayerNorm):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
        for name, parameter in made.named_parameters():
            if "pos" in name:
                parameter.normal_(0, 0.2)
            if "blocks.15.attn.rel_pos" in name or "blocks.15.attn.pool_q.pool" in name:
                parameter.requires_grad_(False)
    return made


# By the names of the specs, or of what SETTINGS of papers_parity.py make of them.
NETWORKS = {"r3d_50": lambda: with_eps(ResNet50(cube), 1e-3),
            "r2plus1d": lambda: with_eps(r2plus1d(SHALLOW), 1e-3),
            "rmc3": lambda: with_eps(rmc3(SHALLOW), 1e-3),
            "se_frames": lambda: ResNet50(plane, stem_pool, (1, 7, 7), SPACE, SEBottleneck, SHALLOW),
            "i3d_50": lambda: I3DResNet50(SHALLOW),
            "mfnet": lambda: mfnet((2, 2, 2, 2)),
            "glore_50": lambda: with_eps(glore_50(depths=SHALLOW), 1e-4),
            "a2_50": lambda: with_eps(glore_50(DoubleAttention, SHALLOW), 1e-4),
            "ltc": lambda: LTC(1),
            "slow_fusion": lambda: SlowFusion(1),
            "artnet_18": artnet_18,
            "eco_lite": eco_lite,
            "cost_50": lambda: CostNet((2, 2, 1, 1)),
            "tea_50": lambda: TEA((2, 2, 2, 2)),
            "tpn_50": lambda: TPN((1, 1, 1, 1)),
            "r3d_50_nl": lambda: with_eps(r3d_50_nl(), 1e-3),
            "ip_csn_50": lambda: with_eps(ResNet50(preserved, stem_pool), 1e-3),
            "ir_csn_50": lambda: with_eps(ResNet50(depthwise, stem_pool), 1e-3),
            "p3d_63": P3D63,
            "tsm_50": TSM50,
            "tsm_mobilenet_v2": TSMMobileNetV2,
            "slowfast_50_4x16": SlowFast,
            "i3d": lambda: with_eps(I3D(), 1e-3),
            "x3d_m": X3D,
            "movinet_a0": lambda: with_eps(movinet_a0(), 1e-3),
            "videomae_b": lambda: VideoMAE((2, 2, 3)),
            "video_swin_t": lambda: VideoSwin((2, 2, 2), (1, 1, 1, 1)),
            "mvit_b_16x4": lambda: mvit("mvit_v1_b", 8, 64),
            "mvit_v2_s": lambda: mvit("mvit_v2_s", 8, 64),
            "s3d_g": lambda: with_eps(I3D(separable, Gate), 1e-3)}
# Those above that have fewer blocks than the papers', or other sizes, as they are.
WHOLE = {"mfnet": mfnet,
         "cost_50": CostNet,
         "tea_50": TEA,
         "tpn_50": TPN,
         "glore_50": lambda: with_eps(glore_50(), 1e-4),
         "slow_fusion": lambda: SlowFusion(36)}
