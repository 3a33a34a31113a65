"""Compares operations of the language with PyTorch: logits, and the loss and all gradients of one step.

usage: operations_parity.py KINEMA
"""
import os
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F

import safetensors
from comparison import distance, run

BOUND = 1e-5  # norm of the difference over the norm
BATCH, CLASSES = 3, 5


class Network:
    """Holds the parameters, made as the forward function asks for them. Convs end with a sigmoid: a ReLU's mask can hang on rounding."""

    def __init__(self, seed):
        self.random = torch.Generator().manual_seed(seed)
        self.parameters = {}

    def parameter(self, name, *shape):
        if name not in self.parameters:
            fan = max(1, int(numpy.prod(shape[1:])))
            self.parameters[name] = (torch.randn(*shape, generator=self.random) * (2 / fan) ** 0.5).requires_grad_()
        return self.parameters[name]

    def linear(self, x, name, channels, kernel=1, bias=True, groups=1, stride=1):
        weight = self.parameter(name + ".weight", channels, x.shape[1] // groups, kernel, kernel, kernel)
        return F.conv3d(x, weight, self.parameter(name + ".bias", channels) if bias else None, stride, kernel // 2, groups=groups)

    def conv(self, x, name, channels, kernel=1, groups=1, stride=1):
        return torch.sigmoid(self.linear(x, name, channels, kernel, groups=groups, stride=stride))

    def scores(self, x):
        x = x.mean((2, 3, 4))
        return F.linear(x, self.parameter("fc.weight", CLASSES, x.shape[1]), self.parameter("fc.bias", CLASSES))


def concat(net, x):
    return net.conv(torch.cat([net.conv(x, "a", 5), net.conv(x, "b", 8, 3), x], 1), "last", 6)


def gate(net, x):
    x = net.conv(x, "a", 6, 3)
    x = x * torch.sigmoid(net.linear(x.mean((2, 3, 4), keepdim=True), "g", 6))
    x = x * net.conv(x, "m", 1)
    return x * x.mean((3, 4), keepdim=True)


def average(net, x):
    x = net.conv(x, "a", 6, 3)
    return (x + net.conv(x, "b", 6) + F.softmax(net.linear(x, "s", 6), 1)) / 3


def shift(net, x):
    x = net.conv(x, "a", 8)
    y = torch.zeros_like(x)
    y[:, :2, :-1] = x[:, :2, 1:]
    y[:, 2:4, 1:] = x[:, 2:4, :-1]
    y[:, 4:] = x[:, 4:]
    return net.conv(y, "b", 7, 3)


def attention(net, x):
    x = net.conv(x, "a", 6, 3)
    small = F.max_pool3d(x, (1, 2, 2))
    # A bias of the keys would add the same to all scores of a query: its gradient is zero but for rounding.
    q, k, v = net.linear(x, "q", 4), net.linear(small, "k", 4, bias=False), net.linear(small, "v", 5)
    shares = torch.softmax(torch.einsum("ncp,ncj->npj", q.flatten(2), k.flatten(2)), 2)
    y = torch.einsum("npj,ncj->ncp", shares, v.flatten(2)).reshape(x.shape[0], 5, *x.shape[2:])
    return x + net.linear(y, "out", 6)


def groups(net, x):
    x = net.conv(x, "a", 36)
    x = net.conv(x, "few", 36, 3, groups=6)
    x = net.conv(x, "depthwise", 36, 3, groups=36, stride=(1, 2, 2))
    return net.conv(x, "many", 48, 3, groups=3)


def bounded(net, x):
    x = F.relu6(4 * net.linear(x, "a", 6, 3))
    return net.conv(x, "b", 7, 3)


def acts(net, x):
    """Has each activation of the prelude, and what an author's own has: every function of formulas."""
    x = F.silu(net.linear(x, "a", 8, 3))
    x = F.gelu(net.linear(x, "b", 8, 3))
    x = F.hardswish(net.linear(x, "p", 8) * 3) - F.leaky_relu(net.linear(x, "q", 8), 0.2)
    x = torch.maximum(x, net.linear(x, "e", 8))
    x = x + F.hardsigmoid(net.linear(x, "f", 8))
    y = torch.log(1 + torch.exp(0.5 * x)) - torch.sqrt(x.abs() + 2) / (1.5 + torch.erf(x))
    return torch.tanh(y) * torch.min(torch.relu(x), x * torch.sigmoid(x) + 0.25)


def spread(net, x):
    x = net.conv(x, "a", 6, 3)
    means = x.mean((2, 3, 4), keepdim=True)
    x = (x - means) * (x + x.mean((3, 4), keepdim=True))
    x = x.mean((3, 4), keepdim=True) + x.mean(2, keepdim=True) - net.linear(x, "m", 1)
    return net.conv(x, "b", 7, 3)


def arranged(net, x):
    """Shuffles channels, partitions windows and puts them together again, sums and repeats."""
    n, _, t, h, w = x.shape
    x = net.conv(x, "a", 12, 3)
    x = x.reshape(n, 3, 4, t, h, w).transpose(1, 2).reshape(n, 12, t, h, w)
    y = x.reshape(n, 12, t, h // 2, 2, w // 4, 4).permute(0, 3, 5, 1, 2, 4, 6).reshape(n * 6, 12, t, 2, 4)
    y = net.conv(y, "b", 16, 3)
    y = y.reshape(n, 3, 2, 16, t, 2, 4).permute(0, 3, 4, 1, 5, 2, 6).reshape(n, 16, t, h, w)
    y = net.conv(y[:, 3:11], "s", 8)
    y = y.reshape(n, 2, 4, t, h, w).sum(1).repeat_interleave(2, 3).repeat_interleave(3, 4)
    return net.conv(y, "e", 7, 3)


def upsampled(net, x):
    x = net.conv(x, "a", 5, 3)
    x = F.interpolate(x, scale_factor=(1, 3, 2), mode="trilinear", align_corners=False)
    x = net.conv(x, "b", 6, 3, stride=2)
    return net.conv(F.interpolate(x, scale_factor=(2, 1, 5), mode="trilinear", align_corners=False), "s", 7)


def nearest(net, x):
    x = net.conv(x, "a", 5, 3)
    n, c, t, h, w = x.shape
    x = net.conv(F.interpolate(x, (2 * t, h, w + 3)), "b", 6, 3, stride=2)
    x = F.interpolate(x, (x.shape[2] - 1, 3 * x.shape[3], x.shape[4] // 2))
    return net.conv(x, "s", 7)


def norms(net, x):
    def affine(x, name):
        shape = (1, -1, 1, 1, 1)
        return x * net.parameter(name + ".weight", x.shape[1]).view(shape) + net.parameter(name + ".bias", x.shape[1]).view(shape)

    x = net.linear(x, "a", 24, 3)
    x = net.conv(affine(F.layer_norm(x.movedim(1, -1), (24,)).movedim(-1, 1), "l"), "b", 12, 3)
    x = net.conv(affine(F.group_norm(x, 4), "g"), "p", 12, 3)
    x = net.conv(affine(F.instance_norm(x), "i"), "q", 12, 3)
    mean, var = x.mean((1, 3), keepdim=True), x.var((1, 3), keepdim=True, unbiased=False)
    return net.conv((x - mean) / torch.sqrt(var + 1e-3), "r", 6)


def learned(net, x):
    n, _, t, h, w = x.shape
    x = net.conv(x, "a", 10, 3)
    x = x + net.parameter("pos.weight", 1, 10, 1, h, w) + net.parameter("frame.weight", 1, 10, t, 1, 1)
    x = x * torch.sigmoid(net.parameter("gain.weight", 1, 10, 1, 1, 1))
    extra = net.parameter("extra.weight", 1, 3, t, h, w).expand(n, 3, t, h, w)
    return net.conv(torch.cat([x, extra], 1), "b", 6, 3)


def heads(net, x):
    """Attends with the heads of ViT over all positions, and takes a product of channels."""
    n, _, t, h, w = x.shape
    x = net.conv(x, "a", 24, 3)
    q, k, v = (net.linear(x, name, 24, bias=name != "k").reshape(n, 3, 8, -1).transpose(2, 3) for name in ("q", "k", "v"))
    shares = torch.softmax(q @ k.transpose(2, 3) / 8 ** 0.5, 3)
    x = x + net.linear((shares @ v).transpose(2, 3).reshape(n, 24, t, h, w), "out", 24)
    y = net.conv(x, "e", 5)
    gram = torch.einsum("ncp,ndp->ncd", x.flatten(2), y.flatten(2)) * 0.25
    return net.conv(gram.reshape(n, 24, 1, 1, 5), "m", 7)


def windows(net, x):
    def padded(x, name, channels, kernel, pads):
        weight = net.parameter(name + ".weight", channels, x.shape[1], *kernel)
        return torch.sigmoid(F.conv3d(F.pad(x, pads), weight, net.parameter(name + ".bias", channels)))

    x = padded(x, "a", 8, (3, 3, 3), (1, 1, 1, 1, 2, 0))
    x = padded(x, "b", 8, (2, 3, 2), (0, 1, 2, 1, 0, 1))
    attended = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
    return x * net.conv(attended, "m", 1, 3)


def shared(net, x):
    """Uses a conv's weights and bias twice beside each other and once more behind, in other windows and groups of clips; and a
    norm's and a learned tensor's twice. The same filters slide along T, H and W, as in CoST."""
    def affine(x):
        shape = (1, -1, 1, 1, 1)
        return F.layer_norm(x.movedim(1, -1), (x.shape[1],)).movedim(-1, 1) * net.parameter("l.weight", x.shape[1]).view(shape) + net.parameter("l.bias", x.shape[1]).view(shape)

    def filtered(x, axes):
        weight, pads = net.parameter("a.weight", 6, 6, 1, 3, 3), [1, 1, 1]
        pads[axes.index(0)] = 0
        return torch.sigmoid(F.conv3d(x, weight.permute(0, 1, *(2 + axis for axis in axes)), net.parameter("a.bias", 6), padding=pads))

    x = torch.sigmoid(F.conv3d(net.linear(x, "first", 6), net.parameter("s.weight", 6, 6, 3, 3, 3), net.parameter("s.bias", 6), (1, 2, 2), 1))
    x = torch.sigmoid(F.conv3d(x, net.parameter("s.weight", 6, 6, 3, 3, 3), net.parameter("s.bias", 6), padding=1))
    x = filtered(x, (0, 1, 2)) + filtered(x, (1, 0, 2)) + filtered(x, (2, 1, 0))
    learned = net.parameter("p.weight", 1, 6, 1, 1, 1)
    x = affine(x + learned)
    x = affine(net.linear(x, "b.point", 6) * learned)
    x = net.linear(x, "b.point", 6)
    return net.conv(x, "s", 6, 3)


CASES = {
    shared: """
  first: conv 1x1x1 ch=6 bn=off act=none
  s: conv 3x3x3 ch=6 bn=off act=sigmoid stride=1x2x2
  again: conv 3x3x3 ch=6 bn=off act=sigmoid same=s
  add {
    a: conv 1x3x3 ch=6 bn=off act=sigmoid
    arrange [n c t h w] [n c h t w] -> a1: conv 1x3x3 ch=6 bn=off act=sigmoid same=a -> arrange [n c h t w] [n c t h w]
    arrange [n c t h w] [n c w h t] -> a2: conv 1x3x3 ch=6 bn=off act=sigmoid same=a -> arrange [n c w h t] [n c t h w]
  }
  add {
    identity
    p: param 6x1x1x1 init=normal
  }
  l: norm [c]
  mul {
    b: pointwise
    p2: param 6x1x1x1 same=p
  }
  l2: norm [c] same=l
  b2: pointwise same=b
  last: conv 3x3x3 ch=6 bn=off act=sigmoid same=s""",
    arranged: """
  a: conv 3x3x3 ch=12 bn=off act=sigmoid
  let g = 3
  arrange [n [g c] t h w] [n [c g] t h w]
  let tall = 2 -> let wide = 4
  arrange [n c t [rows tall] [columns wide]] [[n rows columns] c t tall wide]
  b: conv 3x3x3 ch=16 bn=off act=sigmoid
  let down = 3 -> let across = 2
  arrange [[n down across] c t h w] [n c t [down h] [across w]]
  slice 3 ch=8
  s: conv 1x1x1 ch=8 bn=off act=sigmoid
  arrange [n [2 c] t h w] [n c t [h 2] [w 3]]
  e: conv 3x3x3 ch=7 bn=off act=sigmoid""",
    norms: """
  a: conv 3x3x3 ch=24 bn=off act=none
  l: norm [c]
  b: conv 3x3x3 ch=12 bn=off act=sigmoid
  g: norm [c t h w] groups=4
  p: conv 3x3x3 ch=12 bn=off act=sigmoid
  i: norm [t h w]
  q: conv 3x3x3 ch=12 bn=off act=sigmoid
  norm [c h] eps=1e-3 affine=off
  r: conv 1x1x1 ch=6 bn=off act=sigmoid""",
    learned: """
  a: conv 3x3x3 ch=10 bn=off act=sigmoid
  add {
    identity
    pos: param [10 1 6 8] init=normal
    frame: param 10x4x1x1
  }
  mul {
    identity
    gain: param 10x1x1x1 init=one -> sigmoid
  }
  concat {
    identity
    extra: param 3x4x6x8
  }
  b: conv 3x3x3 ch=6 bn=off act=sigmoid""",
    heads: """
  a: conv 3x3x3 ch=24 bn=off act=sigmoid
  residual act=none {
    q: conv 1x1x1 ch=24 bn=off act=none
    from a -> k: conv 1x1x1 ch=24 bn=off bias=off act=none
    from a -> v: conv 1x1x1 ch=24 bn=off act=none
    attention q k v heads=3 scale=rsqrt -> out: conv 1x1x1 ch=24 bn=off act=none
  }
  x: identity
  e: conv 1x1x1 ch=5 bn=off act=sigmoid
  product x e turned=second scale=0.25
  m: conv 1x1x1 ch=7 bn=off act=sigmoid""",
    windows: """
  a: conv 3x3x3 ch=8 pad=causal bn=off act=sigmoid
  b: conv 2x3x2 ch=8 pad=[0x2x0 1x1x1] bn=off act=sigmoid
  mul {
    identity
    concat {
      pool avg channels
      pool max channels
    } -> m: conv 3x3x3 ch=1 bn=off act=sigmoid
  }""",
    concat: """
  concat {
    a: conv 1x1x1 ch=5 bn=off act=sigmoid
    b: conv 3x3x3 ch=8 bn=off act=sigmoid
    identity
  }
  last: conv 1x1x1 ch=6 bn=off act=sigmoid""",
    gate: """
  a: conv 3x3x3 ch=6 bn=off act=sigmoid
  mul {
    identity
    pool avg global -> g: conv 1x1x1 ch=6 bn=off act=sigmoid
  }
  mul {
    identity
    m: conv 1x1x1 ch=1 bn=off act=sigmoid
  }
  mul {
    identity
    pool avg space
  }""",
    acts: """
  a: conv 3x3x3 ch=8 bn=off act=swish
  b: conv 3x3x3 ch=8 bn=off act=gelu
  sub {
    p: conv 1x1x1 ch=8 bn=off act=tripled
    q: conv 1x1x1 ch=8 bn=off act=none -> leaky_relu slope=0.2
  }
  maximum {
    identity
    e: conv 1x1x1 ch=8 bn=off act=none
  }
  add {
    identity
    f: conv 1x1x1 ch=8 bn=off act=hard_sigmoid
  }
  all""",
    spread: """
  a: conv 3x3x3 ch=6 bn=off act=sigmoid
  mul {
    sub {
      identity
      pool avg global
    }
    add {
      identity
      pool avg space
    }
  }
  sub {
    add {
      pool avg space
      pool avg time
    }
    m: conv 1x1x1 ch=1 bn=off act=none
  }
  b: conv 3x3x3 ch=7 bn=off act=sigmoid""",
    average: """
  a: conv 3x3x3 ch=6 bn=off act=sigmoid
  average {
    identity
    b: conv 1x1x1 ch=6 bn=off act=sigmoid
    s: conv 1x1x1 ch=6 bn=off act=none -> softmax
  }""",
    shift: """
  a: conv 1x1x1 ch=8 bn=off act=sigmoid
  shift 4
  b: conv 3x3x3 ch=7 bn=off act=sigmoid""",
    groups: """
  a: conv 1x1x1 ch=36 bn=off act=sigmoid
  few: conv 3x3x3 ch=36 groups=6 bn=off act=sigmoid
  depthwise: conv 3x3x3 ch=36 groups=36 stride=1x2x2 bn=off act=sigmoid
  many: conv 3x3x3 ch=48 groups=3 bn=off act=sigmoid""",
    upsampled: """
  a: conv 3x3x3 ch=5 bn=off act=sigmoid -> upsample 1x3x2
  b: conv 3x3x3 ch=6 stride=2 bn=off act=sigmoid -> upsample 2x1x5
  s: conv 1x1x1 ch=7 bn=off act=sigmoid""",
    nearest: """
  a: conv 3x3x3 ch=5 bn=off act=sigmoid -> nearest [2*a.t a.h a.w+3]
  b: conv 3x3x3 ch=6 stride=2 bn=off act=sigmoid -> nearest [b.t-1 3*b.h b.w/2]
  s: conv 1x1x1 ch=7 bn=off act=sigmoid""",
    bounded: """
  a: conv 3x3x3 ch=6 bn=off act=none
  add a a a act=relu6
  b: conv 3x3x3 ch=7 bn=off act=sigmoid""",
    attention: """
  a: conv 3x3x3 ch=6 bn=off act=sigmoid
  residual act=none {
    q: conv 1x1x1 ch=4 bn=off act=none
    from a -> small: pool max 1x2x2
    from small -> k: conv 1x1x1 ch=4 bn=off bias=off act=none
    from small -> v: conv 1x1x1 ch=5 bn=off act=none
    attention q k v -> out: conv 1x1x1 ch=6 bn=off act=none
  }""",
}


DEFINITIONS = """block pointwise { point: conv 1x1x1 ch=in.c bn=off act=none }
act tripled(x) = hard_swish(3 * x)
act all(x, by=0.5) = tanh(log(1 + exp(by * x)) - sqrt(abs(x) + 2) / (1.5 + erf(x))) * min(relu(x), x * sigmoid(x) - -0.25)
"""


def compare(kinema, operation, folder):
    net = Network(seed=1)
    clips = torch.randn(BATCH, 3, 4, 6, 8, generator=net.random)
    labels = torch.tensor([4, 0, 2])
    logits = net.scores(operation(net, clips))
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    files = {key: os.path.join(folder, key) for key in ("weights", "input", "output")} | {"spec": os.path.join(folder, "net.arch")}
    with open(files["spec"], "w") as file:
        file.write(f"{DEFINITIONS}network net {{\n  input rgb 3x4x6x8{CASES[operation]}\n  pool avg global -> fc {CLASSES}\n}}\n")
    safetensors.save(files["weights"], {name: value.detach().numpy() for name, value in net.parameters.items()})
    safetensors.save(files["input"], {"input": clips.numpy(), "labels": labels.numpy()})
    worst = {"logits": distance(run(kinema, files)["logits"], logits.detach().numpy())}
    found = run(kinema, files, "--step")
    worst["loss"] = distance(found["loss"], loss.detach().numpy())
    for name, value in net.parameters.items():
        worst[name] = distance(found["grad." + name], value.grad.numpy())
    print(f"{operation.__name__}: " + ", ".join(f"{name} {far:.1e}" for name, far in worst.items()), flush=True)
    return max(worst.values()) <= BOUND


def main():
    with tempfile.TemporaryDirectory() as folder:
        differing = [operation.__name__ for operation in CASES if not compare(sys.argv[1], operation, folder)]
    sys.exit(f"beyond {BOUND}: {', '.join(differing)}" if differing else 0)


if __name__ == "__main__":
    main()
