"""Networks for small machines: TSM on MobileNetV2, X3D and MoViNet."""
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from .inception import SameUnit, same
from .resnets import shift
from .units import CLASSES, SPACE, Learned, Row, Unit, sized


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
