"""Modules with the names and shapes of other libraries' networks, which Debian does not have. They compute nothing."""
import torch
from torch import nn


def sized(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * 3


def conv(inputs, outputs, kernel=1, groups=1, bias=False):
    return nn.Conv3d(inputs, outputs, sized(kernel), groups=groups, bias=bias)


def norm(channels):
    return nn.BatchNorm3d(channels)


class Named(nn.Module):
    """A module of these children, by their names."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


DEPTHS = (3, 4, 6, 3)


def blocks(make, width=64, inputs=64, depths=DEPTHS, expansion=4, lateral=0):
    """Yields (stage from 1, block from 0, module) of a ResNet whose first stage has `width` inner channels."""
    for stage, depth in enumerate(depths):
        for block in range(depth):
            taken = inputs + (lateral * inputs // 8 if block == 0 else 0)
            yield stage + 1, block, make(stage, taken, width * 2**stage, width * 2**stage * expansion, block == 0)
            inputs = width * 2**stage * expansion


# pytorch-i3d: InceptionI3d of piergiaj.

def unit3d(inputs, outputs, kernel=1):
    return Named(conv3d=conv(inputs, outputs, kernel), bn=norm(outputs))


def inception(inputs, c):
    return Named(b0=unit3d(inputs, c[0]), b1a=unit3d(inputs, c[1]), b1b=unit3d(c[1], c[2], 3), b2a=unit3d(inputs, c[3]),
                 b2b=unit3d(c[3], c[4], 3), b3b=unit3d(inputs, c[5]))


MIXED = {"3b": (192, (64, 96, 128, 16, 32, 32)), "3c": (256, (128, 128, 192, 32, 96, 64)), "4b": (480, (192, 96, 208, 16, 48, 64)),
         "4c": (512, (160, 112, 224, 24, 64, 64)), "4d": (512, (128, 128, 256, 24, 64, 64)),
         "4e": (512, (112, 144, 288, 32, 64, 64)), "4f": (528, (256, 160, 320, 32, 128, 128)),
         "5b": (832, (256, 160, 320, 32, 128, 128)), "5c": (832, (384, 192, 384, 48, 128, 128))}


def inception_i3d():
    return Named(Conv3d_1a_7x7=unit3d(3, 64, 7), Conv3d_2b_1x1=unit3d(64, 64), Conv3d_2c_3x3=unit3d(64, 192, 3),
                 **{f"Mixed_{name}": inception(inputs, c) for name, (inputs, c) in MIXED.items()},
                 logits=Named(conv3d=conv(1024, 400, bias=True)))


# mmaction2: ConvModule, and backbones of it.

def conv_module(inputs, outputs, kernel=1, groups=1, **more):
    return Named(conv=conv(inputs, outputs, kernel, groups), bn=norm(outputs), **more)


def conv2plus1d(inputs, outputs, kernel):
    kernel = sized(kernel)
    inner = 3 * inputs * outputs * kernel[1]**2 // (inputs * kernel[1]**2 + 3 * outputs)
    return Named(conv=Named(conv_s=conv(inputs, inner, (1, kernel[1], kernel[2])), bn_s=norm(inner),
                            conv_t=conv(inner, outputs, (kernel[0], 1, 1))), bn=norm(outputs))


def nonlocal_block(channels):
    half = channels // 2
    plain = lambda: Named(conv=conv(channels, half, bias=True))
    return Named(g=nn.Sequential(plain()), theta=plain(), phi=nn.Sequential(plain()), conv_out=conv_module(half, channels))


def layers(found, name="layer{}"):
    stages = {}
    for stage, _, block in found:
        stages.setdefault(name.format(stage), []).append(block)
    return {stage: nn.Sequential(*members) for stage, members in stages.items()}


def mm_bottleneck(middle, first=lambda stage: 1, shortcut=True, nonlocal_at=None):
    count = {}

    def make(stage, inputs, inner, outputs, head):
        block = count[stage] = count.get(stage, -1) + 1
        parts = {"conv1": conv_module(inputs, inner, (first(stage), 1, 1)), "conv2": middle(inner),
                 "conv3": conv_module(inner, outputs)}
        if head:
            parts["downsample"] = conv_module(inputs, outputs)
        if nonlocal_at and nonlocal_at(stage, block):
            parts["non_local_block"] = nonlocal_block(outputs)
        return Named(**parts)
    return make


def recognizer(backbone, features=2048, classes=400):
    return Named(backbone=backbone, cls_head=Named(fc_cls=nn.Linear(features, classes)))


def resnet3d(middle, **more):
    return recognizer(Named(conv1=conv_module(3, 64, (3, 7, 7)), **layers(blocks(mm_bottleneck(middle, **more)))))


def csn(mode):
    def middle(inner):
        depthwise = conv_module(inner, inner, 3, groups=inner)
        return nn.Sequential(*([conv_module(inner, inner)] if mode == "ip" else []), depthwise)
    return resnet3d(middle)


def nonlocal_resnet():
    return resnet3d(lambda inner: conv_module(inner, inner, 3), nonlocal_at=lambda stage, block: stage in (1, 2) and block % 2)


def mm_r2plus1d():
    def make(stage, inputs, inner, outputs, head):
        kinds = {"conv1": conv2plus1d(inputs, outputs, 3), "conv2": conv2plus1d(outputs, outputs, 3)}
        if head and inputs != outputs:
            kinds["downsample"] = conv2plus1d(inputs, outputs, 1)
        return Named(**kinds)
    stages = layers(blocks(make, depths=(2, 2, 2, 2), expansion=1))
    return recognizer(Named(conv1=conv2plus1d(3, 64, (3, 7, 7)), **stages), 512)


def mm_slowfast():
    plane = lambda inner: conv_module(inner, inner, (1, 3, 3))
    slow = layers(blocks(mm_bottleneck(plane, first=lambda stage: 3 if stage > 1 else 1), lateral=2))
    slow.update({f"{name}_lateral": conv_module(channels, 2 * channels, (5, 1, 1))
                 for name, channels in (("conv1", 8), ("layer1", 32), ("layer2", 64), ("layer3", 128))})
    fast = layers(blocks(mm_bottleneck(plane, first=lambda stage: 3), width=8, inputs=8))
    return recognizer(Named(slow_path=Named(conv1=conv_module(3, 64, (1, 7, 7)), **slow),
                            fast_path=Named(conv1=conv_module(3, 8, (5, 7, 7)), **fast)), 2304)


def mm_c3d():
    with_bias = lambda i, o: Named(conv=conv(i, o, 3, bias=True), bn=norm(o))
    return recognizer(Named(conv1a=with_bias(3, 64), conv2a=with_bias(64, 128), conv3a=with_bias(128, 256),
                            conv3b=with_bias(256, 256), conv4a=with_bias(256, 512), conv4b=with_bias(512, 512),
                            conv5a=with_bias(512, 512), conv5b=with_bias(512, 512), fc6=nn.Linear(4608, 4096),
                            fc7=nn.Linear(4096, 4096)), 4096)


def resnet2d(shifted):
    """The ResNet for frames of TSN or, with its first convs wrapped, TSM."""
    module = lambda i, o, k=1: Named(conv=nn.Conv2d(i, o, k, bias=False), bn=nn.BatchNorm2d(o))

    def make(stage, inputs, inner, outputs, head):
        first = module(inputs, inner)
        if shifted:
            first.conv = Named(net=first.conv)
        return Named(conv1=first, conv2=module(inner, inner, 3), conv3=module(inner, outputs),
                     **({"downsample": module(inputs, outputs)} if head else {}))
    return recognizer(Named(conv1=module(3, 64, 7), **layers(blocks(make))))


# SlowFast and PyTorchVideo: blocks of two branches.

def slowfast_block(kernel, middle):
    def make(stage, inputs, inner, outputs, head):
        branch2 = Named(a=conv(inputs, inner, (kernel(stage), 1, 1)), a_bn=norm(inner), b=middle(inner), b_bn=norm(inner),
                        c=conv(inner, outputs), c_bn=norm(outputs))
        shortcut = {"branch1": conv(inputs, outputs), "branch1_bn": norm(outputs)} if head else {}
        return Named(branch2=branch2, **shortcut)
    return make


def plane(inner):
    return conv(inner, inner, (1, 3, 3))


def cube(inner):
    return conv(inner, inner, 3)


SLOW, FAST = (lambda stage: 3 if stage > 1 else 1), (lambda stage: 3)
LATERALS = (8, 32, 64, 128)


def pathway_stages(pathways):
    """pathways: for each, its blocks."""
    stages = {f"s{stage}": {} for stage in (2, 3, 4, 5)}
    for path, found in enumerate(pathways):
        for stage, block, module in found:
            stages[f"s{stage + 1}"][f"pathway{path}_res{block}"] = module
    return stages


def slowfast():
    stages = pathway_stages([blocks(slowfast_block(SLOW, plane), lateral=2),
                             blocks(slowfast_block(FAST, plane), width=8, inputs=8)])
    stem = lambda outputs, kernel: Named(conv=conv(3, outputs, kernel), bn=norm(outputs))
    fuse = {f"s{i + 1}_fuse": Named(conv_f2s=conv(c, 2 * c, (5, 1, 1)), bn=norm(2 * c)) for i, c in enumerate(LATERALS)}
    return Named(s1=Named(pathway0_stem=stem(64, (1, 7, 7)), pathway1_stem=stem(8, (5, 7, 7))), **fuse,
                 **{name: Named(**members) for name, members in stages.items()}, head=Named(projection=nn.Linear(2304, 400)))


def slowfast_nonlocal():
    """SlowFast's I3D with non-local blocks, in the shapes of models/r3d_50_nl.arch."""
    stages = pathway_stages([blocks(slowfast_block(lambda stage: 1, cube))])
    for stage, channels, depth in (("s3", 512, 4), ("s4", 1024, 6)):
        for block in range(1, depth, 2):
            half = channels // 2
            qkv = {f"conv_{name}": conv(channels, half, bias=True) for name in ("theta", "phi", "g")}
            stages[stage][f"pathway0_nonlocal{block}"] = Named(**qkv, conv_out=conv(half, channels), norm=norm(channels))
    return Named(s1=Named(pathway0_stem=Named(conv=conv(3, 64, (3, 7, 7)), bn=norm(64))),
                 **{name: Named(**members) for name, members in stages.items()}, head=Named(projection=nn.Linear(2048, 400)))


def video_block(kernel, middle):
    def make(stage, inputs, inner, outputs, head):
        branch2 = Named(conv_a=conv(inputs, inner, (kernel(stage), 1, 1)), norm_a=norm(inner), conv_b=middle(inner),
                        norm_b=norm(inner), conv_c=conv(inner, outputs), norm_c=norm(outputs))
        shortcut = {"branch1_conv": conv(inputs, outputs), "branch1_norm": norm(outputs)} if head else {}
        return Named(branch2=branch2, **shortcut)
    return make


def video_stages(found):
    return [Named(res_blocks=stage) for stage in layers(found).values()]


def pytorchvideo_resnet(middle):
    return Named(blocks=nn.ModuleList([Named(conv=conv(3, 64, (3, 7, 7)), norm=norm(64)),
                                       *video_stages(blocks(video_block(lambda stage: 1, middle))),
                                       Named(proj=nn.Linear(2048, 400))]))


def pytorchvideo_slowfast():
    slow = video_stages(blocks(video_block(SLOW, plane), lateral=2))
    fast = video_stages(blocks(video_block(FAST, plane), width=8, inputs=8))
    stem = lambda outputs, kernel: Named(conv=conv(3, outputs, kernel), norm=norm(outputs))
    pairs = [(stem(64, (1, 7, 7)), stem(8, (5, 7, 7))), *zip(slow, fast)]
    fusion = [Named(conv_fast_to_slow=conv(c, 2 * c, (5, 1, 1)), norm=norm(2 * c)) for c in LATERALS] + [nn.Identity()]
    return Named(blocks=nn.ModuleList([Named(multipathway_blocks=nn.ModuleList(pair), multipathway_fusion=fuse)
                                       for pair, fuse in zip(pairs, fusion)] + [nn.Identity(), Named(proj=nn.Linear(2304, 400))]))


# VMZ builds torchvision's VideoResNet with convs of its own.

def vmz_csn(mode):
    def middle(inner):
        depthwise = conv(inner, inner, 3, groups=inner)
        return nn.Sequential(conv(inner, inner), norm(inner), depthwise) if mode == "ip" else depthwise

    def make(stage, inputs, inner, outputs, head):
        return Named(conv1=nn.Sequential(conv(inputs, inner), norm(inner)), conv2=nn.Sequential(middle(inner), norm(inner)),
                     conv3=nn.Sequential(conv(inner, outputs), norm(outputs)),
                     **({"downsample": nn.Sequential(conv(inputs, outputs), norm(outputs))} if head else {}))
    return Named(stem=nn.Sequential(conv(3, 64, (3, 7, 7)), norm(64)), **layers(blocks(make)), fc=nn.Linear(2048, 400))


CASES = {"pytorch-i3d:i3d": inception_i3d,
         "mmaction2:r3d_50": lambda: resnet3d(cube_module),
         "mmaction2:r3d_50_nl": nonlocal_resnet,
         "mmaction2:r2plus1d_mm": mm_r2plus1d,
         "mmaction2:slowfast_50_4x16": mm_slowfast,
         "mmaction2:c3d": mm_c3d,
         "mmaction2-csn:ip_csn_50": lambda: csn("ip"),
         "mmaction2-csn:ir_csn_50": lambda: csn("ir"),
         "mmaction2-2d:tsm_50": lambda: resnet2d(False),
         "mmaction2-tsm:tsm_50": lambda: resnet2d(True),
         "slowfast:slowfast_50_4x16": slowfast,
         "slowfast:r3d_50_nl": slowfast_nonlocal,
         "pytorchvideo:r3d_50": lambda: pytorchvideo_resnet(cube),
         "pytorchvideo-slowfast:slowfast_50_4x16": pytorchvideo_slowfast,
         "torchvision:ip_csn_50": lambda: vmz_csn("ip"),
         "torchvision:ir_csn_50": lambda: vmz_csn("ir")}


def cube_module(inner):
    return conv_module(inner, inner, 3)
