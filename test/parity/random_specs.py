"""Draws legal specs of small networks from a seed: all operations of the language mixed, with odd sizes and channels.

The shapes are followed as docs/language.md has them, so that nearly all that is drawn is legal. A spec is a function of the
seed and the limits alone.
"""
import math
import random
from dataclasses import dataclass, field


@dataclass
class Value:
    """Is what a statement leaves: C, (T, H, W), and the stride relative to the input."""
    channels: int
    size: tuple
    stride: tuple = (1, 1, 1)

    def elements(self):
        return self.channels * math.prod(self.size)

    def same(self, other):
        return (self.channels, self.size, self.stride) == (other.channels, other.size, other.stride)


@dataclass
class Limits:
    """Limits a whole network: the statements of its main road, the multiply-adds of a clip, the elements of a value and of a weight."""
    statements: int = 4
    macs: int = 3_000_000
    elements: int = 12_000
    weights: int = 60_000
    channels: int = 70
    frames: int = 8
    side: int = 40


@dataclass
class Spec:
    text: str
    batch: int
    classes: int


def ceil_div(a, b):
    return -(-a // b)


def dimensions(size):
    return "x".join(map(str, size))


class Refused(Exception):
    """Says that a choice does not fit here, so that another one is drawn."""


@dataclass
class Draw:
    random: random.Random
    limits: Limits
    macs: int = 0
    labels: int = 0
    sharing: random.Random = field(default_factory=lambda: random.Random(0))  # says where weights are shared
    named: list = field(default_factory=list)  # (label, value) in the body that is being drawn
    convs: list = field(default_factory=list)  # (label, channels that come in, text) there
    definitions: list = field(default_factory=list)

    # These draw single choices.

    def chance(self, p):
        return self.random.random() < p

    def pick(self, *choices):
        return self.random.choice(choices)

    def label(self):
        self.labels += 1
        return f"v{self.labels}"

    def channels(self):
        return self.pick(*range(1, 10), 12, 15, 16, 17, 24, 31, 32, 33, 40, 48, 64, self.random.randint(1, self.limits.channels))

    def spend(self, value, macs=0, weights=0):
        """Takes a value's share of the network's limits and returns the value; refuses what is beyond them."""
        if value.elements() > self.limits.elements or weights > self.limits.weights or self.macs + macs > self.limits.macs:
            raise Refused
        if min(value.size) < 1 or value.channels < 1:
            raise Refused
        self.macs += macs
        return value

    # These draw windows.

    def kernel(self, size, odd=False):
        sizes = (1, 1, 3, 3, 3, 5, 7) if odd else (1, 1, 2, 3, 3, 3, 4, 5, 7)
        return tuple(self.pick(*sizes) if n > 1 else self.pick(1, 1, 3) for n in size)

    def step(self):
        return self.pick((1, 1, 1), (1, 1, 1), (1, 2, 2), (2, 2, 2), (1, 2, 1), (3, 1, 2), (2, 1, 1), (1, 3, 3), (1, 1, 4))

    @staticmethod
    def slid(size, kernel, stride, pads, dilation=(1, 1, 1), ceil=False):
        """Returns the size of the result. `pads` lie in front and behind along each axis."""
        result = []
        for n, k, s, (low, high), d in zip(size, kernel, stride, pads, dilation):
            room = n + low + high - (d * (k - 1) + 1)
            if room < 0:
                raise Refused
            out = (ceil_div(room, s) if ceil else room // s) + 1
            if ceil and (out - 1) * s >= n + low:
                out -= 1
            result.append(out)
        return tuple(result)

    def padding(self, size, kernel, stride, dilation, kinds):
        """Returns the word for the padding, as a spec has it, and the pads."""
        kind = self.pick(*kinds)
        if kind == "half":
            half = [d * (k - 1) // 2 for k, d in zip(kernel, dilation)]
            return kind, [(p, p) for p in half]
        if kind == "same":
            totals = [max(0, (ceil_div(n, s) - 1) * s + d * (k - 1) + 1 - n) for n, k, s, d in zip(size, kernel, stride, dilation)]
            return kind, [(t // 2, t - t // 2) for t in totals]
        pads = [self.random.randint(0, max(0, k - 1)) for k in kernel] if kind == "written" else [0, 0, 0]
        return dimensions(pads), [(p, p) for p in pads]

    # These draw operations. Each returns the text of a statement, without a label, and its value.

    def conv(self, x, keeps=False):
        """Draws a conv. With `keeps` it has an odd window and half padding, as a residual's projection expects."""
        kernel, stride = self.kernel(x.size, odd=keeps), self.step()
        dilation = tuple(self.pick(1, 1, 2, 3) for _ in kernel) if self.chance(0.2) else (1, 1, 1)
        word, pads = self.padding(x.size, kernel, stride, dilation, ("half",) if keeps else ("half", "half", "same", "written"))
        size = self.slid(x.size, kernel, stride, pads, dilation)
        groups = 1
        channels = self.channels()
        if self.chance(0.35):
            groups = self.pick(*(g for g in range(1, x.channels + 1) if x.channels % g == 0))
            channels = groups * self.pick(1, 1, 2, 3) if groups == x.channels else max(1, channels // groups) * groups
        taps = math.prod(kernel) * x.channels // groups
        y = self.spend(Value(channels, size, tuple(a * b for a, b in zip(x.stride, stride))),
                       taps * channels * math.prod(size), taps * channels)
        text = f"conv {dimensions(kernel)} ch={channels}"
        if stride != (1, 1, 1) or self.chance(0.1):
            text += f" stride={dimensions(stride)}"
        if word != "half":
            text += f" pad={word}"
        if dilation != (1, 1, 1):
            text += f" dilate={dimensions(dilation)}"
        if groups > 1:
            text += f" groups={groups}"
        return text + self.conv_words(), y

    def conv_words(self):
        text = self.pick("", "", "", " bn=off", " bn=off", " bn=on")
        text += self.pick("", "", "", "", " bias=on", " bias=off")
        text += self.pick("", "", "", " act=none", " act=none", " act=sigmoid", " act=relu", " act=swish", " act=hard_swish")
        text += " init=identity" if self.chance(0.05) else ""
        return text + (self.pick(" gamma=0", " gamma=0.5") if self.chance(0.08) else "")

    # These draw calls that share their weights.

    SHARED = 0.15  # how probable it is that a statement shares weights

    def shared(self, x):
        """Draws a conv with the weights of an earlier one, or branches that share theirs."""
        earlier = [(name, text) for name, channels, text in self.convs if channels == x.channels]
        return self.again(x, *self.pick(*earlier)) if earlier and self.chance(0.6) else self.alike(x)

    def again(self, x, name, text):
        """Draws a conv with the weights of the conv `name`, whose text this is; it has other strides, padding and dilations."""
        _, window, *words = text.split()
        kernel = tuple(map(int, window.split("x")))
        given = {key: value for key, _, value in (word.partition("=") for word in words) if key in ("ch", "groups", "bn", "bias")}
        stride, dilation = self.step(), tuple(self.pick(1, 1, 2) for _ in kernel)
        word, pads = self.padding(x.size, kernel, stride, dilation, ("half", "same", "written"))
        size, channels = self.slid(x.size, kernel, stride, pads, dilation), int(given["ch"])
        y = Value(channels, size, tuple(a * b for a, b in zip(x.stride, stride)))
        self.spend(y, math.prod(kernel) * x.channels // int(given.get("groups", 1)) * channels * math.prod(size))
        given |= {"stride": dimensions(stride), "pad": word, "dilate": dimensions(dilation), "same": name}
        if self.chance(0.3):
            given |= {"bn": "off", "bias": "off"}
        return f"conv {window} " + " ".join(f"{key}={value}" for key, value in given.items()) + self.pick("", " act=none", " act=sigmoid"), y

    def alike(self, x):
        """Draws branches of which the first has the weights, and the others see what became of the value before."""
        how, first, channels, count = self.pick("add", "average", "mul", "concat"), self.label(), self.channels(), self.pick(2, 2, 3)
        if self.chance(0.5):
            kernel = self.kernel(x.size, odd=True)
            call, weights = f"conv {dimensions(kernel)}", math.prod(kernel) * x.channels * channels
        else:
            name, kernel, extra, macs_of = self.kind()
            self.kind_value(name, x, channels, (1, 1, 1), kernel)
            call, weights = name + extra, macs_of(x.channels, channels)
        call += f" ch={channels}{self.pick('', '', ' bn=off')}"  # a mean behind a batch norm alone has no gradient
        lines = [f"{first}: {call}"]
        for _ in range(1, count):
            before = self.pick("relu", "sigmoid", "pool max 1x3x3 stride=1 pad=0x1x1", "pool avg 3x1x1 stride=1 pad=1x0x0")
            lines.append(f"{before} -> {self.label()}: {call} same={first}")
        y = self.spend(Value(channels * count if how == "concat" else channels, x.size, x.stride), count * weights * math.prod(x.size), weights)
        return f"{how} {{\n" + indent(lines) + "}", y

    def unit(self, x):
        """Draws a call of a kind of conv: one of the library's, or one of the spec's own."""
        name, kernel, extra, macs_of = self.kind()
        channels, stride = self.channels(), self.pick((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 1, 1))
        value = self.kind_value(name, x, channels, stride, kernel)
        macs = macs_of(x.channels, channels) * math.prod(x.size)
        written = "" if stride == (1, 1, 1) else f" stride={dimensions(stride)}"
        return f"{name}{extra} ch={channels}{written}" + self.pick("", "", " act=none", " bn=off"), self.spend(value, macs, macs_of(x.channels, channels))

    def kind(self):
        """Returns the name of a unit, its window, its arguments, and a function that counts its weights for channels in and out."""
        t, d = self.pick(1, 3), self.pick(1, 3, 3, 5)
        kind = self.pick("conv2d", "conv3d", "conv(2+1)d", "own")
        if kind == "own":  # a channel-separated kind
            name = f"u{len(self.definitions)}"
            self.definitions.append(f"unit {name} ch stride:size=1 bn:flag=auto act:word=auto {{\n  point: conv 1x1x1 ch=ch act=none\n"
                                    f"  depth: conv {dimensions((t, d, d))} ch=ch groups=ch stride=stride bn=bn act=act\n}}\n")
            return name, (t, d, d), "", lambda a, b: a * b + t * d * d * b
        if kind == "conv2d":
            return kind, (1, d, d), f" d={d}", lambda a, b: d * d * a * b
        mid = f" mid={self.random.randint(1, 40)}" if kind == "conv(2+1)d" and self.chance(0.4) else ""
        return kind, (t, d, d), f" t={t} d={d}{mid}", lambda a, b: max(t * d * d * a * b, d * d * a * 40 + t * 40 * b)

    @staticmethod
    def kind_value(name, x, channels, stride, kernel):
        if name == "conv(2+1)d":  # the formula may give no channel at all
            t, d = kernel[0], kernel[1]
            if t * d * d * x.channels * channels // (d * d * x.channels + t * channels) < 1:
                raise Refused
        if name == "conv2d":
            stride = (1, *stride[1:])
        return Value(channels, tuple(ceil_div(n, s) for n, s in zip(x.size, stride)), tuple(a * b for a, b in zip(x.stride, stride)))

    def pool(self, x):
        how = self.pick("max", "avg")
        if self.chance(0.15):
            which = self.pick("global", "space", "time")
            kernel = {"global": x.size, "space": (1, *x.size[1:]), "time": (x.size[0], 1, 1)}[which]
            size = tuple(n // k for n, k in zip(x.size, kernel))
            return f"pool {how} {which}", self.spend(Value(x.channels, size, tuple(a * b for a, b in zip(x.stride, kernel))))
        kernel = tuple(self.pick(1, 2, 2, 3, 3, 5) if n > 1 else 1 for n in x.size)
        stride = self.pick(kernel, kernel, self.step(), (1, 1, 1))
        word, pads = self.padding(x.size, kernel, stride, (1, 1, 1), ("none", "none", "half", "same", "written"))
        if any(low >= k for (low, _), k in zip(pads, kernel)):
            raise Refused
        ceil = self.chance(0.3)
        size = self.slid(x.size, kernel, stride, pads, ceil=ceil)
        text = f"pool {how} {dimensions(kernel)}"
        text += "" if stride == kernel else f" stride={dimensions(stride)}"
        text += "" if word == "0x0x0" else f" pad={word}"
        return text + (" ceil=on" if ceil else ""), self.spend(Value(x.channels, size, tuple(a * b for a, b in zip(x.stride, stride))))

    def pointwise(self, x):
        """Draws one of the operations that keep the shape."""
        text = self.pick("bn", "bn", "bn eps=1e-5 momentum=0.3", "relu", "relu", "softmax", "identity", "dropout 0.3", "dropout 0.5", "shift",
                         "swish", "gelu", "leaky_relu 0.2", "norm [c]", "norm [t h w] eps=1e-3", "norm [c t h w]", "norm [c w] affine=off", "shuffle")
        groups = self.pick(*(g for g in range(1, x.channels + 1) if x.channels % g == 0))
        if text == "shuffle":  # a number in brackets is summed over, so a block names it
            name = f"s{len(self.definitions)}"
            self.definitions.append(f"block {name} {{\n  let g = {groups}\n  arrange [n [g c] t h w] [n [c g] t h w]\n}}\n")
            return name, x
        if text == "norm [c t h w]":
            return f"{text} groups={groups}", x
        if text == "shift":
            if x.channels < 2:
                raise Refused
            text = f"shift {self.random.randint(2, x.channels)}"
        return text, x

    def fold(self, x):
        if x.size[0] * x.channels > 4 * self.limits.channels:
            raise Refused
        return "fold time", Value(x.channels * x.size[0], (1, *x.size[1:]), (x.stride[0] * x.size[0], *x.stride[1:]))

    def join(self, x):
        """Draws add, average, mul or concat, of branches from the same value or with an earlier one."""
        how = self.pick("add", "average", "mul", "concat")
        act = self.pick("", "", " act=relu", " act=sigmoid")
        earlier = [name for name, value in self.named if value.size == x.size and (value.channels == x.channels or how == "concat")]
        if earlier and self.chance(0.4):
            name = self.pick(*earlier)
            other = dict(self.named)[name]
            channels = x.channels + (other.channels if how == "concat" else 0)
            return f"{how} {name}{act}", self.spend(Value(channels, x.size, x.stride))
        branches, channels = [], 0
        for index in range(self.pick(2, 2, 3)):
            text, value = self.branch(x, how, index)
            branches.append(text)
            channels += value.channels
        if how != "mul":  # the first branch of mul is not spread
            self.random.shuffle(branches)
        y = self.spend(Value(channels if how == "concat" else x.channels, x.size, x.stride))
        return f"{how}{act} {{\n" + "".join(f"  {branch}\n" for branch in branches) + "}", y

    def branch(self, x, how, index):
        """Draws a chain that keeps T, H, W and, except for `concat`, the channels; for `mul`, extents may shrink to 1."""
        if self.chance(0.3):
            return "identity", x
        if how == "mul" and index and self.chance(0.5):
            channels = self.pick(1, x.channels)
            pool = self.pick("", "pool avg global -> ", "pool max space -> ", "pool avg time -> ")
            self.spend(x, x.channels * channels * math.prod(x.size), x.channels * channels)
            return f"{pool}{self.label()}: conv 1x1x1 ch={channels} bn=off act=sigmoid", x
        if self.chance(0.25):
            text = self.pick("pool max 3x3x3 stride=1 pad=1", "pool avg 1x3x3 stride=1 pad=0x1x1")
            return f"{text}{self.pick('', ' -> relu')}", x
        kernel = self.kernel(x.size, odd=True)
        channels = self.channels() if how == "concat" else x.channels
        taps = math.prod(kernel) * x.channels
        value = self.spend(Value(channels, x.size, x.stride), taps * channels * math.prod(x.size), taps * channels)
        return f"{self.label()}: conv {dimensions(kernel)} ch={channels}{self.conv_words()}", value

    def residual(self, x):
        body, value = [], x
        for _ in range(self.pick(1, 2, 2, 3)):
            text, value = self.pick(self.keeping_conv, self.keeping_conv, self.keeping_conv, self.pointwise)(value)
            body.append(f"{self.label()}: {text}")
        shortcut = ""
        if not value.same(x):
            taps = x.channels * value.channels
            self.spend(value, taps * math.prod(value.size), taps)
            shortcut = self.pick("", "", " shortcut=(conv 1x1x1 bn=off)", " shortcut=(conv3d t=1 d=3)")
        inner = "\n".join("  " + line for text in body for line in text.split("\n"))
        return f"residual{shortcut}{self.pick('', '', ' act=none', ' act=sigmoid')} {{\n{inner}\n}}", value

    def keeping_conv(self, x):
        return self.conv(x, keeps=True)

    def attention(self, x):
        """Draws the non-local block in one of its sizes."""
        pool, keys = self.pick(("", x.size), ("pool max 1x2x2", (x.size[0], x.size[1] // 2, x.size[2] // 2)),
                               ("pool avg 2x2x2 ceil=on", tuple(ceil_div(n, 2) for n in x.size)))
        if min(keys) < 1 or "avg" in pool and min(x.size) < 2:
            raise Refused
        inner, out = self.channels(), self.channels()
        positions, scores = math.prod(x.size), math.prod(x.size) * math.prod(keys)
        if scores > 40_000:
            raise Refused
        residual = self.chance(0.6)
        ends = x.channels if residual else out
        self.spend(Value(ends, x.size, x.stride), scores * (inner + out) + positions * (x.channels * (2 * inner + out) + out * ends))
        q, k, v, small, last = (self.label() for _ in range(5))
        start = self.label()
        lines = [f"{start}: identity", f"{q}: conv 1x1x1 ch={inner} bn=off act=none",
                 f"from {start} -> {small}: {pool or 'identity'}",
                 f"from {small} -> {k}: conv 1x1x1 ch={inner} bn=off bias=off act=none",
                 f"from {small} -> {v}: conv 1x1x1 ch={out} bn=off act=none"]
        lines.append(f"attention {q} {k} {v} -> {last}: conv 1x1x1 ch={ends}{self.pick('', ' act=none', ' bn=off act=none')}")
        if residual:
            return "residual act=none {\n" + "\n".join("  " + line for line in lines) + "\n}", Value(ends, x.size, x.stride)
        return "\n".join(lines), Value(ends, x.size, x.stride)

    def stage(self, x):
        name, kernel, extra, macs_of = self.kind()
        block = self.pick("", "", " block=bottleneck", " block=bottleneck_v1", "own")
        block = self.own_block() if block == "own" else block
        # `basic` has two convs of the kind, a bottleneck one of a quarter of the channels.
        channels = self.channels()
        if "bottleneck" in block:
            channels = 4 * max(1, channels // 4)
            if "2+1" in name and channels < 12:
                raise Refused
        stride = self.pick((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 1, 1))
        copies = self.pick(1, 1, 2)
        value = self.kind_value(name, x, channels, stride, kernel)
        weights = macs_of(max(x.channels, channels), channels)
        self.spend(value, 2 * copies * weights * math.prod(value.size) + weights * math.prod(x.size), weights)
        kinds = f"{name}|conv3d" if copies > 1 and self.chance(0.3) else name
        if "|" in kinds:
            extra = ""
        first = " first=3x1x1" if "bottleneck" in block and self.chance(0.2) else ""
        text = f"stage {kinds}{extra}{block}{first} ch={channels}" + (f" x{copies}" if copies > 1 or self.chance(0.3) else "")
        return text + ("" if stride == (1, 1, 1) else f" stride={dimensions(stride)}"), value

    def own_block(self):
        """Defines a block of the spec's own: a bottleneck with a gate, or with a depthwise conv behind it."""
        name = f"b{len(self.definitions)}"
        gate = ("mul {\n    identity\n    pool avg global -> squeeze: conv 1x1x1 ch=1+ch/5 bn=off -> "
                "excite: conv 1x1x1 ch=ch bn=off act=sigmoid\n  }")
        end = self.pick(gate, "depth: conv 3x3x3 ch=ch groups=ch act=none -> relu", "last: conv 1x1x1 ch=ch act=none")
        self.definitions.append(f"block {name} kind:unit ch stride:size=1 {{\n  residual {{\n    one: kind ch=ch stride=stride\n    "
                                f"two: conv 1x1x1 ch=ch act=none\n  }}\n  {end}\n}}\n")
        return f" block={name}"

    def joint(self, x):
        """Goes on from an earlier value."""
        if not self.named:
            raise Refused
        name, value = self.pick(*self.named)
        return f"from {name}", value

    # These draw bodies.

    ROAD = (("conv", 8), ("unit", 3), ("pool", 3), ("pointwise", 4), ("join", 4), ("residual", 3), ("attention", 1), ("stage", 3),
            ("fold", 0.4), ("joint", 0.3))

    def body(self, x, statements):
        """Returns the lines of a chain from x, and its last value."""
        lines, operations = [], [name for name, _ in self.ROAD]
        while statements:
            statements -= 1
            for _ in range(20):
                operation = self.random.choices(operations, [weight for _, weight in self.ROAD])[0]
                if self.sharing.random() < self.SHARED:  # drawn apart, so that the other networks stay what they are
                    operation = "shared"
                spent = self.macs, self.labels, len(self.definitions)
                try:
                    text, y = getattr(self, operation)(x)
                    break
                except Refused:
                    self.macs, self.labels = spent[:2]
                    del self.definitions[spent[2]:]
            else:
                break
            before, x = x, y
            # A label covers a statement, and `from` may not be one's own name.
            name = self.label()
            labelled = not text.startswith("from ") and not ("\n" in text and text.startswith("v"))
            lines += ((f"{name}: " if labelled else "") + text).split("\n")
            if labelled:
                self.named.append((name, x))
            if operation == "conv":
                self.convs.append((name, before.channels, text))
        return lines, x

    def settings(self):
        return [line for line, p in (("set bn.eps=1e-5", 0.15), ("set conv.bn=off", 0.06), ("set conv.act=sigmoid", 0.06),
                                     ("set conv.bias=on", 0.05), ("let odd = 2*3+1", 0.1)) if self.chance(p)]

    def input(self, kind=None):
        kind = kind or self.pick("rgb", "rgb", "rgb", "gray", "flow")
        channels = {"rgb": 3, "gray": 1, "flow": 2 * self.random.randint(1, 3)}[kind]
        while True:
            side = lambda: self.pick(self.random.randint(1, self.limits.side), self.random.randint(3, max(3, self.limits.side // 2)))
            x = Value(channels, (self.pick(1, self.random.randint(1, self.limits.frames)), side(), side()))
            if x.elements() <= self.limits.elements:
                return f"input {kind} {channels}x{dimensions(x.size)}", x

    def head(self, x, classes):
        """Leads from any value to scores."""
        flat = x.channels * math.prod(x.size) * classes <= self.limits.weights
        choice = self.pick("pool", "pool", "fc", "conv", "hidden", "space")
        lines = ["dropout 0.4"] if self.chance(0.15) else []
        if choice == "conv":
            return lines + [f"{self.label()}: conv 1x1x1 ch={classes} bn=off act=none", "pool avg global"]
        if choice == "space" and flat:
            return lines + ["pool avg space", f"fc {classes}"]
        if choice == "hidden" and flat:
            return lines + ["pool max global", f"{self.label()}: fc {self.channels()} act={self.pick('relu', 'sigmoid')}", f"{self.label()}: fc {classes}"]
        if choice == "fc" and flat:
            return lines + [f"fc {classes}{self.pick('', ' bias=off')}"]
        return lines + ["pool avg global", f"fc {classes}"]

    def streams(self, statements, classes):
        """Draws two towers with a joint between them and a common end."""
        lines, ends = [], []
        own = self.chance(0.5)  # each tower has an input of its own
        if not own:
            text, start = self.input()
            lines.append(text)
        for index, name in enumerate(("slow", "fast")):
            outer, self.named, self.convs = self.named, [], []
            body = []
            if own:
                text, start = self.input(("rgb", "flow")[index])
                body.append(text)
            inner, value = self.body(start, max(1, statements // 2))
            body += inner
            first, values = (ends[0] if ends else None), self.named
            if first:  # a joint takes a value of the other tower
                options = [(n, v) for n, v in first[2] if v.size == value.size]
                if options and self.chance(0.8):
                    joint, other = self.pick(*options)
                    body += ["concat {", "  identity", f"  from slow.{joint} -> {self.label()}: conv 1x1x1 ch=4", "}"]
                    value = Value(value.channels + 4, value.size, value.stride)
            self.named = outer
            ends.append((name, value, values))
            body.append("pool avg global")
            lines += [f"stream {name} {{", *("  " + line for line in body), "}"]
        return lines + ["from slow -> concat fast", f"fc {classes}"]


def indent(lines, by="  "):
    return "".join(by + line + "\n" for line in lines)


def draw(seed, limits=Limits()):
    """Returns the spec of this seed."""
    made = Draw(random.Random(seed), limits, sharing=random.Random(f"same {seed}"))
    classes, batch = made.random.randint(2, 50), made.pick(1, 2, 2, 3, 3, 4, 5)
    statements = made.random.randint(1, limits.statements)
    lines = made.settings()
    if made.chance(0.15):
        lines += made.streams(statements, classes)
    else:
        text, x = made.input()
        inner, x = made.body(x, statements)
        lines += [text, *inner, *made.head(x, classes)]
    return Spec("".join(made.definitions) + f"network random_{seed} {{\n" + indent(lines) + "}\n", batch, classes)


if __name__ == "__main__":
    import sys
    for number in sys.argv[1:]:
        spec = draw(int(number))
        print(f"# batch {spec.batch}, {spec.classes} classes\n{spec.text}")
