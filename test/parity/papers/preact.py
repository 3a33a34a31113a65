"""ResNets whose norms come before their convs: MFNet, GloRe and A2-Net."""
import torch
import torch.nn.functional as F
from torch import nn

from .units import CLASSES, DEPTHS, SPACE, Row, Unit, sized, stem_pool

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
