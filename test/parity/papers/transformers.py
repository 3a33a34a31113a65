"""Transformers: VideoMAE, TimeSformer, Video Swin and, with other sizes, torchvision's MViT."""
import math
from unittest import mock

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from .units import CLASSES, Learned, Row

# Dosovitskiy et al., 2021, and Tong et al., 2022: the encoder of VideoMAE.

class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each position."""

    def __init__(self, channels, eps=1e-6):
        super().__init__(channels, eps=eps)

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def projections(channels, key_bias=False):
    return nn.ModuleDict({name: nn.Conv3d(channels, channels, 1, bias=name != "k" or key_bias) for name in ("q", "k", "v", "proj")})


def attention(parts, x, heads):
    """Lets all positions of a clip see each other: x is [N, C, T, H, W]."""
    q, k, v = (parts[name](x).reshape(len(x), heads, x.shape[1] // heads, -1).transpose(2, 3) for name in ("q", "k", "v"))
    shares = torch.softmax(q @ k.transpose(2, 3) / q.shape[3] ** 0.5, 3)
    return parts["proj"]((shares @ v).transpose(2, 3).reshape(x.shape))


class Perceptron(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv3d(channels, 4 * channels, 1), nn.Conv3d(4 * channels, channels, 1)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Encoder(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = ChannelNorm(channels), ChannelNorm(channels)
        self.attn, self.mlp = projections(channels), Perceptron(channels)

    def forward(self, x):
        x = x + attention(self.attn, self.norm1(x), self.heads)
        return x + self.mlp(self.norm2(x))


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


# Bertasius et al., 2021: TimeSformer, without the token of the class. A position sees its own in all frames, then those of its frame.

class Divided(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.temporal_norm, self.norm1, self.norm2 = (ChannelNorm(channels) for _ in range(3))
        self.temporal_attn, self.attn = projections(channels, key_bias=True), projections(channels, key_bias=True)
        self.temporal_fc, self.mlp = nn.Conv3d(channels, channels, 1), Perceptron(channels)

    def forward(self, x):
        n, c, t, h, w = x.shape
        y = self.temporal_norm(x).permute(0, 3, 4, 1, 2).reshape(n * h * w, c, t, 1, 1)
        y = self.temporal_fc(attention(self.temporal_attn, y, self.heads))
        x = x + y.reshape(n, h, w, c, t).permute(0, 3, 4, 1, 2)
        y = self.norm1(x).transpose(1, 2).reshape(n * t, c, 1, h, w)
        x = x + attention(self.attn, y, self.heads).reshape(n, t, c, h, w).transpose(1, 2)
        return x + self.mlp(self.norm2(x))


class TimeSformer(nn.Module):
    def __init__(self, size, channels=768, heads=12, depth=12):
        super().__init__()
        frames, rows, columns = size
        self.patch_embed = nn.Conv3d(3, channels, (1, 16, 16), (1, 16, 16))
        self.pos_embed, self.time_embed = Learned(channels, 1, rows, columns), Learned(channels, frames, 1, 1)
        self.blocks = nn.Sequential(*(Divided(channels, heads) for _ in range(depth)))
        self.norm = ChannelNorm(channels)
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x):
        x = self.blocks(self.patch_embed(x) + self.pos_embed.weight + self.time_embed.weight)
        return self.fc(self.norm(x).mean((2, 3, 4)))


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
