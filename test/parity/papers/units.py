"""What the networks of several papers are made of."""
import torch
import torch.nn.functional as F
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


SPACE = (1, 2, 2)


def stem_pool(x):
    return F.max_pool3d(x, (1, 3, 3), SPACE, (0, 1, 1))


class Learned(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, *shape))


def with_eps(network, eps):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eps = eps
    return network
