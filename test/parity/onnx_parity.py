"""Runs exported networks in onnxruntime and compares their scores with Kinema's, on random weights and clips.

usage: onnx_parity.py KINEMA ONNXRUNTIME MODELS core              a network for each operation
       onnx_parity.py KINEMA ONNXRUNTIME MODELS others [NAME ...] all networks of MODELS, and random ones; or those of these names

ONNXRUNTIME is the folder that scripts/onnxruntime fills. The exit status is 77 where it has none.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy
import onnx

import random_specs
import safetensors
from comparison import distance
from fusion_ladder import weights

BOUND = 1e-5  # norm of the difference over the norm
DEEP_BOUND = 3e-5  # of whole networks, through dozens of layers
BATCH = 2
INPUT = "input rgb 3x5x13x11"
END = "pool avg global -> fc 7"

CASES = {
    "conv": f"""network net {{ {INPUT}
  a: conv 3x3x3 ch=10 stride=1x2x1 pad=same
  b: conv 2x4x3 ch=12 groups=2 stride=2x1x2 pad=same act=none
  e: conv 1x3x3 ch=12 groups=12 dilate=1x2x2 bias=on
  d: conv 3x1x1 ch=5 pad=0x1x2 bn=off act=sigmoid
  {END} }}""",
    "batch_norm": f"""network net {{ {INPUT}
  set bn.eps=1e-2
  conv3d ch=6
  bn eps=0.5 -> relu
  {END} }}""",
    "relu6": f"network net {{ {INPUT} -> conv3d ch=6 act=none -> relu6 -> {END} }}",
    "max_pool": f"""network net {{ {INPUT} -> conv3d ch=6
  pool max 1x3x3 stride=1x2x2 pad=0x1x1
  pool max 3 stride=2 pad=same
  pool max 2 ceil=on
  pool max global -> fc 7 }}""",
    "avg_pool": f"""network net {{ {INPUT} -> conv3d ch=6
  pool avg 2x3x3 stride=1x2x2 pad=1x1x1
  pool avg 3 stride=2 pad=same
  pool avg 2 ceil=on
  {END} }}""",
    "pool_space_time": f"""network net {{ {INPUT} -> conv3d ch=6
  pool avg time -> pool max space -> fc 7 }}""",
    "add": f"""network net {{ {INPUT}
  a: conv3d ch=6 -> b: conv3d ch=6 act=none
  add a act=relu -> residual {{ e: conv3d ch=6 }} -> {END} }}""",
    "mul": f"""network net {{ {INPUT}
  a: conv3d ch=6
  mul {{ identity
    pool avg global -> conv 1x1x1 ch=6 bn=off act=sigmoid
    one: conv 1x1x1 ch=1 act=none }}
  mul {{ pool avg space
    identity }}
  {END} }}""",
    "acts": f"""act far(a, b, by=2) = log(1 + abs(a - b) / by) + min(tanh(a), erf(-b))
act own(x) = sqrt(relu(x)) * sigmoid(x) + max(exp(min(x, 1)), 2 * x)
act same(x) = x
network net {{ {INPUT}
  a: conv3d ch=6 act=own -> b: conv 1x1x1 ch=6 act=gelu -> far a by=3 -> same -> hard_swish
  add {{ identity
    pool avg space
    pool max time }}
  maximum {{ pool avg space
    one: conv 1x1x1 ch=1 -> pool avg time }}
  pool avg global -> d: fc 7 act=swish -> e: fc 7 act=leaky_relu }}""",
    "arrange": f"""network net {{ {INPUT}
  x: conv3d ch=12
  let g = 3 -> let frames = x.t
  arrange [n [g c] t h w] [n [c g] t h w]
  arrange [n c frames h w] [[n frames] c 1 h w]
  a: conv 3x3x3 ch=8
  arrange [[n frames] c 1 h w] [n c frames h w]
  slice 2 ch=6
  arrange [n [2 c] t h w] [n c t [h 2] [3 w]]
  fold time
  b: conv 1x3x3 ch=5 pad=[0x2x1 0x0x1] -> {END} }}""",
    "norm": f"""network net {{ {INPUT}
  conv 3x3x3 ch=12 pad=causal
  a: norm [c] -> b: norm [c t h w] groups=4 -> d: norm [t h w] eps=1e-3 -> norm [c w] affine=off
  {END} }}""",
    "learned": f"""network net {{ {INPUT}
  conv3d ch=12
  add {{ identity
    p: param 12x5x1x11 init=normal }}
  concat {{ identity
    q: param 2x5x13x11 init=normal }}
  mul {{ identity
    concat {{ pool avg channels
      pool max channels }} -> m: conv 1x1x1 ch=1 act=none }}
  {END} }}""",
    "shared": f"""network net {{ {INPUT}
  a: conv 1x3x3 ch=6 -> b: conv 1x3x3 ch=6 -> arrange [n c t h w] [n c h t w]
  again: conv 1x3x3 ch=6 same=b
  add {{ identity
    p: param 6x1x1x1 init=normal }}
  kept: conv 1x3x3 ch=6 same=b stride=2 bn=off bias=off -> bn -> {END} }}""",
    "patches": f"network net {{ {INPUT} -> slice 1 ch=2 -> pool max 1x2x2 -> embed: conv 5x6x5 ch=24 stride=5x6x5 bn=off act=none -> {END} }}",
    "heads": f"""network net {{ {INPUT}
  pool avg 1x3x3
  x: conv 1x1x1 ch=12 -> q: conv 1x1x1 ch=8 act=none
  from x -> k: conv 1x1x1 ch=8 act=none
  attention q k x heads=4 scale=rsqrt
  y: conv 1x1x1 ch=5
  product x y turned=second scale=0.1
  {END} }}""",
    "average": f"""network net {{ {INPUT}
  average {{ a: conv3d ch=6
    b: conv 1x1x1 ch=6
    e: conv2d ch=6 }} -> {END} }}""",
    "concat": f"""network net {{ {INPUT}
  concat {{ a: conv3d ch=6
    identity
    b: conv 1x1x1 ch=2 }} -> conv3d ch=4 -> {END} }}""",
    "softmax": f"network net {{ {INPUT} -> conv3d ch=6 -> softmax -> b: conv3d ch=4 -> {END} }}",
    "attention": f"""network net {{ {INPUT}
  a: conv3d ch=6
  residual act=none {{
    q: conv 1x1x1 ch=4 act=none
    from a -> small: pool max 1x2x2
    from small -> k: conv 1x1x1 ch=4 act=none
    from small -> v: conv 1x1x1 ch=5 act=none
    attention q k v -> out: conv 1x1x1 ch=6 act=none
  }}
  {END} }}""",
    "shift": f"""network net {{ {INPUT}
  a: conv3d ch=9 -> shift 4 -> b: conv2d ch=6 -> shift 2 -> e: conv2d ch=3 stride=1x2x2
  pool avg time -> shift 3 -> {END} }}""",
    "fold": f"network net {{ {INPUT} -> fold time -> conv2d ch=6 -> {END} }}",
    "fc": f"""network net {{ {INPUT} -> conv3d ch=2 stride=2
  a: fc 20 act=relu -> dropout 0.5 -> b: fc 9 act=sigmoid -> dropout 0.5
  mul {{ identity
    e: fc 9 }}
  d: fc 7 }}""",
    "probabilities": f"""network net {{ {INPUT}
  average {{ a: conv3d ch=2 -> b: fc 7 -> softmax
    e: conv2d ch=3 -> {END} -> softmax }} }}""",
    "position": f"network net {{ {INPUT} -> {END} -> last: conv 1x1x1 ch=7 bn=off act=none }}",
    "inputs": f"""network net {{
  stream fast {{ {INPUT} -> conv3d ch=6 -> pool avg global }}
  stream slow {{ input rgb 3x2x9x7 every=4 -> conv2d ch=5 -> pool avg global }}
  stream moving {{ input flow 4x1x8x8 -> conv2d ch=4 -> pool avg global }}
  from fast -> concat slow moving -> fc 7 }}""",
    "losses": f"""network net {{ {INPUT}
  trunk: conv3d ch=6
  near: pool avg global
  aside: fc 7
  from trunk -> b: conv3d ch=4 -> pool avg global -> last: fc 7 }}
train {{ loss cross_entropy last aside }}""",
}
LAYERS = {"add": "a,b,add", "fc": "a,d", "losses": "trunk,last"}  # whose features are compared, too
# What softmaxes, gates, products and squares of whole networks are made of: in deep ones their values would be far apart, or overflow.
MILD = (".nonlocal.q.", ".conv2.fc", ".where.", ".which.", "fc.", ".excite.", ".projection.", ".state.", ".relation.bn.")
SIZES = {"frames": "16", "size": "32"}  # of whole networks
OTHER_SIZES = {
    "c3d": {"frames": "16", "size": "112"},  # its fc has the weights of this size alone
    **{name: {"frames": "16", "size": "224"} for name in ("i3d", "s3d_g", "s3d")},
    "st_resnet_50": {"size": "64"}, "stm_resnet_50": {"size": "64"}, "slowfast_50_4x16": {"frames": "32", "size": "64"},
    "videomae_b": {"frames": "4", "size": "32"}, "timesformer_b": {"frames": "3", "size": "32"}, "x3d_l": {"frames": "4", "size": "32"},
    "ltc": {"frames": "16", "size": "32"}, "slow_fusion": {"frames": "10", "size": "50"}, "f_stcn": {"frames": "5", "size": "76"},
    "video_swin_t": {"frames": "8", "size": "64", "set": "window=2x2x2"}, "mvit_b_16x4": {"frames": "4", "size": "32"}, "mvit_v2_s": {"frames": "4", "size": "32"},
    "resnet152_frames": {"frames": "4", "size": "64"}, "two_stream_r2plus1d_34": {"frames": "16", "size": "32"},
    "tdn_50": {"frames": "20", "size": "64"}, "timeception_i3d": {"frames": "32", "size": "32", "set": "layers=2"},
}


RANDOM = range(1, 41)  # seeds


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}")


def compare(onnxruntime, kinema, spec, folder, more=(), layers="", mild=False):
    """Returns the largest distance of the outputs in onnxruntime from those of `kinema run`. With `mild` weights no softmax or
    gate has scores that are far apart: a large network's are so far apart that rounding decides, or that they are 0 and 1."""
    files = {name: os.path.join(folder, name) for name in ("package", "weights", "input", "output", "model.onnx")}
    more = [*more, *(["--layers", layers] if layers else [])]
    call(kinema, "compile", spec, "--mode", "infer", "--batch", str(BATCH), *more, "-o", files["package"])
    random = numpy.random.default_rng(1)
    tensors = weights(files["package"], random)
    for name in tensors:
        if mild and any(part in name for part in MILD):
            tensors[name] *= 1e-3
    safetensors.save(files["weights"], tensors)
    call(kinema, "export", spec, *more, "--weights", files["weights"], "--onnx", files["model.onnx"])
    model = onnx.load(files["model.onnx"])
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(files["model.onnx"], options, providers=["CPUExecutionProvider"])
    clips = {value.name: random.normal(0, 1, [BATCH, *value.shape[1:]]).astype(numpy.float32) for value in session.get_inputs()}
    safetensors.save(files["input"], clips if len(clips) > 1 else {"input": list(clips.values())[0]})
    call(kinema, "run", files["package"], "--weights", files["weights"], "--input", files["input"], "--output", files["output"],
         *more[len(more) - 2 * bool(layers):])
    wanted = safetensors.load(files["output"])
    found = dict(zip([value.name for value in session.get_outputs()], session.run(None, clips)))
    if found.keys() != wanted.keys() or any(found[name].shape != wanted[name].shape for name in found):
        sys.exit(f"{spec}: outputs are { {name: v.shape for name, v in found.items()} }, not { {name: v.shape for name, v in wanted.items()} }")
    one = session.run(None, {name: clip[:1] for name, clip in clips.items()})[0]
    scores = next(iter(found.values()))
    if distance(one, scores[:1]) > BOUND:
        sys.exit(f"{spec}: the scores of a clip depend on how many there are")
    return max(distance(found[name], wanted[name]) for name in wanted)


def check_metadata(kinema, folder):
    """Compares what a model says of its inputs and classes with the spec and the weights."""
    spec, file = os.path.join(folder, "net.arch"), os.path.join(folder, "model.onnx")
    with open(spec, "w", encoding="utf-8") as out:
        out.write(CASES["inputs"] + "\ndata { normalise mean=[1 2 3] std=[4 5 6] }\n")
    call(kinema, "export", spec, "--onnx", file)
    model = onnx.load(file)
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert told["inputs"] == [{"every": 1, "kind": "rgb", "name": "rgb"}, {"every": 4, "kind": "rgb", "name": "slow.rgb"},
                              {"every": 1, "kind": "flow", "name": "flow"}], told
    assert told["data"]["mean"] == [1, 2, 3] and told["data"]["std"] == [4, 5, 6] and told["data"]["frames"] == 5, told
    assert [value.name for value in model.graph.input] == ["rgb", "slow.rgb", "flow"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert {"fast.conv", "fast.conv/conv", "logits"} <= {name for node in model.graph.node for name in node.output}
    assert {"fast.conv.weight", "fast.conv.bn.running_mean", "fc.bias"} <= {tensor.name for tensor in model.graph.initializer}


def check_page(kinema, folder):
    """Runs what docs/onnx.md has for Python, on a clip that is normalised to zeros, whose scores are zeros before training."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "onnx.md"), encoding="utf-8") as page:
        code = page.read().split("```python\n")[1].split("```")[0]
    spec = os.path.join(folder, "net.arch")
    with open(spec, "w", encoding="utf-8") as out:
        out.write(CASES["add"] + "\ndata { normalise mean=[3 4 5] std=[1 2 3] }\n")
    call(kinema, "export", spec, "--onnx", os.path.join(folder, "r2plus1d_18.onnx"))
    names = {"frames": numpy.full([5, 13, 11, 3], [3, 4, 5])}
    exec(code.replace('"r2plus1d_18.onnx"', repr(os.path.join(folder, "r2plus1d_18.onnx"))), names)
    assert names["clips"].shape == (1, 3, 5, 13, 11) and not names["clips"].any()
    assert names["scores"].shape == (1, 7) and not names["scores"].any()  # biases begin with 0


def core(onnxruntime, kinema, folder):
    for name, text in CASES.items():
        spec = os.path.join(folder, name + ".arch")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(text)
        yield name, BOUND, compare(onnxruntime, kinema, spec, folder, layers=LAYERS.get(name, ""))
    check_metadata(kinema, folder)
    check_page(kinema, folder)


def others(onnxruntime, kinema, models, folder, names):
    specs = {os.path.relpath(os.path.join(place, name), models)[:-5]: os.path.join(place, name)
             for place in (models, os.path.join(models, "torchvision")) for name in sorted(os.listdir(place)) if name.endswith(".arch")}
    for seed in RANDOM:
        specs[f"random-{seed}"] = os.path.join(folder, f"{seed}.arch")
        with open(specs[f"random-{seed}"], "w", encoding="utf-8") as file:
            file.write(random_specs.draw(seed).text)
    for name in names or specs:
        sizes = OTHER_SIZES.get(os.path.basename(name), {} if name.startswith("random") else SIZES)
        more = [word for size, value in sizes.items() for word in ("--" + size, value)]
        yield name, DEEP_BOUND, compare(onnxruntime, kinema, specs[name], folder, more, mild=True)


def main():
    kinema, place, models, which, *names = sys.argv[1:]
    sys.path.insert(0, place)
    try:
        import onnxruntime
    except ImportError as missing:
        print(f"skipped: {missing}; scripts/onnxruntime {place} brings it")
        sys.exit(77)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        cases = core(onnxruntime, kinema, folder) if which == "core" else others(onnxruntime, kinema, models, folder, names)
        for name, bound, far in cases:
            print(f"{name}: {far:.1e}", flush=True)
            if not far <= bound:
                wrong.append(name)
    sys.exit(f"too far: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
