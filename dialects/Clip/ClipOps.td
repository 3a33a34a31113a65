#ifndef KINEMA_DIALECTS_CLIP_CLIPOPS
#define KINEMA_DIALECTS_CLIP_CLIPOPS

include "dialects/Clip/ClipDialect.td"
include "dialects/Clip/ClipInterfaces.td"

class Static<Type tensor> : Type<And<[tensor.predicate, HasStaticShapePred]>, tensor.summary # " with static sizes",
                                 "::mlir::RankedTensorType">;
def Activation : Static<TensorRankOf<[F32], [5]>>; // N, C, T, H, W
def ChannelVector : Static<TensorRankOf<[F32], [1]>>; // C
def ConvWeight : Static<TensorRankOf<[F32], [5]>>; // O, I / groups, T, H, W
def LinearWeight : Static<TensorRankOf<[F32], [2]>>; // n, C * T * H * W
def AnyF32Tensor : Static<RankedTensorOf<[F32]>>;
def StoredParameter : Static<RankedTensorOf<[F32, BF16, F16]>>; // halves once storage is assigned, for derived weights alone
def Scalar : Static<TensorRankOf<[F32], [0]>>;
def Labels : Static<TensorRankOf<[I32], [1]>>;
def Targets : Static<TensorRankOf<[F32], [2]>>; // N, classes
def Shares : Static<TensorRankOf<[F32], [1]>>; // N

class ClipOp<string mnemonic, list<Trait> traits = []> : Op<ClipDialect, mnemonic, traits>;
class PureClipOp<string mnemonic, list<Trait> traits = []> : ClipOp<mnemonic, traits # [Pure]>;
/// Result types follow from the operands (ShapeRules); the verifier compares them.
class InferredClipOp<string mnemonic, list<Trait> traits = []>
    : PureClipOp<mnemonic, traits # [InferTypeOpAdaptor]> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
def Differentiable : DeclareOpInterfaceMethods<DifferentiableOp>;
def Pointwise : DeclareOpInterfaceMethods<PointwiseOp>;
def Contraction : DeclareOpInterfaceMethods<ContractionOp>;
def Channelwise : DeclareOpInterfaceMethods<ChannelwiseOp>;
def ChannelReduction : DeclareOpInterfaceMethods<ChannelReductionOp>;

//===-- Parameters --------------------------------------------------------===//

def ParamOp : ClipOp<"param", [Symbol]> {
  let summary = "a parameter of the network: a trained tensor or running statistics";
  let description = [{
    `role` is `weight`, `bias`, `gamma`, `beta`, `running_mean` or `running_var`; of what an update keeps about a
    parameter, `momentum`, `mean`, `square`, `gradient` or `average`; or `prepared` (computed by @prepare from the
    others). `init` says how training starts: `{kind = "he_normal", fan = "out"}`, `{kind = "normal", std = 0.01}`, `{kind = "constant", value = 0.0}`
    or `{kind = "identity"}`. `file_shape` is the shape in weights files where it differs (a fully connected layer's
    weight is a conv's here). Updates leave a `frozen` parameter as it is.

    Example:
    ```mlir
    clip.param @stem.weight : tensor<64x3x3x7x7xf32> {role = "weight", init = {kind = "he_normal", fan = "out"}}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyF32Tensor>:$type, StrAttr:$role,
                       OptionalAttr<DictionaryAttr>:$init, OptionalAttr<DenseI64ArrayAttr>:$file_shape,
                       UnitAttr:$frozen);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
    /// Weights, biases, gammas and betas are changed by updates; statistics are not.
    bool isTrained();
    /// Returns whether it is what updates keep about a parameter.
    bool isState();
  }];
  let hasVerifier = 1;
}

def ReadOp : PureClipOp<"read", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter at the function's entry";
  let arguments = (ins FlatSymbolRefAttr:$param);
  let results = (outs StoredParameter:$value);
  let assemblyFormat = "$param attr-dict `:` type($value)";
}

def WriteOp : ClipOp<"write", [MemoryEffects<[MemWrite]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter after the function; at most one a parameter, after its reads";
  let arguments = (ins FlatSymbolRefAttr:$param, StoredParameter:$value);
  let assemblyFormat = "$param `,` $value attr-dict `:` type($value)";
}

def PreparedOp : PureClipOp<"prepared", [AllTypesMatch<["value", "result"]>]> {
  let summary = "a value that is made of parameters alone: computed once, for all runs of the function";
  let description = [{
    The identity. `outline-prepared` makes a parameter `name` of it, which @prepare writes.

    Example: `%wf = clip.prepared "conv.weight.folded", %f : tensor<64x64x1x3x3xf32>`
  }];
  let arguments = (ins StrAttr:$name, StoredParameter:$value);
  let results = (outs StoredParameter:$result);
  let assemblyFormat = "$name `,` $value attr-dict `:` type($value)";
}

//===-- Forward -----------------------------------------------------------===//

def ConvOp : PureClipOp<"conv", [InferTypeOpAdaptor, Differentiable, Contraction, KeepsResult, ClipByClip]> {
  let summary = "convolution over T, H and W";
  let description = [{
    x: [N, C, T, H, W], weight: [O, C / groups, kernel], bias: [O]. The window's kernel is the weight's.

    Example:
    ```mlir
    %z = clip.conv %x, %w window <1x3x3 stride 1x2x2 pad 0x1x1> : (tensor<2x64x16x56x56xf32>, tensor<230x64x1x3x3xf32>) -> tensor<2x230x16x28x28xf32>
    ```
  }];
  let arguments = (ins Activation:$x, ConvWeight:$weight, Optional<ChannelVector>:$bias, WindowAttr:$window,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x `,` $weight (`bias` $bias^)? `window` $window attr-dict `:` functional-type(operands, results)";
}

def LinearOp : InferredClipOp<"linear", [Contraction, KeepsResult]> {
  let summary = "fully connected layer: flattens C, T, H, W in that order";
  let description = "x: [N, C, T, H, W], weight: [n, C*T*H*W], bias: [n], result: [N, n, 1, 1, 1]. It is lowered to `clip.conv` before differentiation.";
  let arguments = (ins Activation:$x, LinearWeight:$weight, Optional<ChannelVector>:$bias);
  let results = (outs Activation:$result);
}

def BatchNormOp : PureClipOp<"batch_norm", [InferTypeOpAdaptor, Differentiable, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "batch normalisation over N, T, H and W";
  let description = [{
    In training (`training` set) it normalises by the batch's statistics and moves the running ones by
    `momentum` (`unbiased`: with the variance over M - 1, PyTorch's rule); otherwise by the running ones. `mean` and
    `rstd` are what it normalised by. `synced` has it take the statistics of all ranks' clips.
    `clip-decompose-batch-norm` decomposes it.
  }];
  let arguments = (ins Activation:$x, ChannelVector:$gamma, ChannelVector:$beta, FlatSymbolRefAttr:$running_mean,
                       FlatSymbolRefAttr:$running_var, F64Attr:$eps, F64Attr:$momentum, UnitAttr:$unbiased, UnitAttr:$training,
                       UnitAttr:$synced);
  let results = (outs Activation:$result, ChannelVector:$mean, ChannelVector:$rstd);
  let assemblyFormat = "operands `running` `(` $running_mean `,` $running_var `)` attr-dict `:` functional-type(operands, results)";
}

class UnaryOp<string mnemonic, list<Trait> traits> : InferredClipOp<mnemonic, [Differentiable] # traits> {
  let arguments = (ins Activation:$x);
  let results = (outs Activation:$result);
}
def ReluOp : UnaryOp<"relu", [Pointwise]> { let summary = "max(x, 0); passes NaN on"; }
def SigmoidOp : UnaryOp<"sigmoid", [Pointwise]> { let summary = "1 / (1 + exp(-x))"; }
def ScaleOp : InferredClipOp<"scale", [Differentiable, Pointwise]> {
  let summary = "x times a constant (the mean of several values is their scaled sum)";
  let arguments = (ins Activation:$x, F64Attr:$factor);
  let results = (outs Activation:$result);
}

def AddOp : InferredClipOp<"add", [Differentiable, Commutative, Pointwise, KeepsResult]> {
  let summary = "sum of two values of one shape";
  let arguments = (ins Activation:$lhs, Activation:$rhs);
  let results = (outs Activation:$result);
}
def MulOp : InferredClipOp<"mul", [Differentiable, Pointwise, KeepsResult]> {
  let summary = "product; a size of 1 on the right is spread";
  let arguments = (ins Activation:$lhs, Activation:$rhs);
  let results = (outs Activation:$result);
}

def MapOp : PureClipOp<"map", [Differentiable, Pointwise, IsolatedFromAbove]> {
  let summary = "a formula of one or several values, element by element";
  let description = [{
    The region computes an element of the result from those of the operands at the same place, in arithmetic on f32: the
    operations of arith and math that dialects/Clip/Scalars.h lists, and `clip.expit`. An operand has the result's
    sizes, or 1 where it is spread, or is a channel vector. `kept` says that the result is stored once, as that of a join
    is, and not computed again by each operation that reads it.

    `clip-differentiate` makes the gradient of it from the derivatives of its region: another `clip.map`.

    Example:
    ```mlir
    %y = clip.map %x : (tensor<2x8x4x7x7xf32>) -> tensor<2x8x4x7x7xf32> {
    ^bb0(%a: f32):
      %s = clip.expit %a : f32
      %p = arith.mulf %a, %s : f32
      clip.yield %p : f32
    }
    ```
  }];
  let arguments = (ins Variadic<AnyTypeOf<[Activation, ChannelVector]>>:$inputs, UnitAttr:$kept);
  let results = (outs Activation:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`kept` $kept^)? $inputs attr-dict `:` functional-type($inputs, $result) $body";
  let extraClassDeclaration = [{
    /// Returns whether the result varies with an operand; with one that is multiplied by zero it does not.
    bool variesWith(unsigned operand);
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}
def ExpitOp : PureClipOp<"expit", [AllTypesMatch<["x", "result"]>]> {
  let summary = "1 / (1 + exp(-x)), a number in the region of a `clip.map`";
  let description = "It is an operation of its own, since the derivative of the quotient would overflow where exp(-x) does.";
  let arguments = (ins F32:$x);
  let results = (outs F32:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
def YieldOp : PureClipOp<"yield", [Terminator, HasParent<"MapOp">]> {
  let summary = "the result's element, at the end of a `clip.map`";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

class Pool<string mnemonic> : PureClipOp<mnemonic, [InferTypeOpAdaptor, Differentiable, KeepsResult, ClipByClip]> {
  let arguments = (ins Activation:$x, WindowAttr:$window, UnitAttr:$ceil);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x `window` $window attr-dict `:` functional-type(operands, results)";
}
def MaxPoolOp : Pool<"max_pool"> { let summary = "maximum of each window; padding counts as -inf"; }
def AvgPoolOp : Pool<"avg_pool"> { let summary = "sum of each window over its full size; padding, and what lies beyond it (`ceil`), counts as zeros"; }

def ConcatOp : InferredClipOp<"concat", [Differentiable, KeepsResult, ClipByClip]> {
  let summary = "concatenation along the channels";
  let arguments = (ins Variadic<Activation>:$inputs);
  let results = (outs Activation:$result);
  let hasFolder = 1;
}
def SliceOp : PureClipOp<"slice", [InferTypeOpAdaptor, Differentiable, ClipByClip]> {
  let summary = "channels [begin, begin + count)";
  let arguments = (ins Activation:$x, I64Attr:$begin, I64Attr:$count);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x `[` $begin `,` $count `]` attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def PadChannelsOp : PureClipOp<"pad_channels", [InferTypeOpAdaptor, Differentiable, ClipByClip]> {
  let summary = "places x at channel `begin` of `channels` channels, zeros elsewhere";
  let arguments = (ins Activation:$x, I64Attr:$begin, I64Attr:$channels);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x `[` $begin `,` $channels `]` attr-dict `:` functional-type(operands, results)";
}
def ShiftOp : InferredClipOp<"shift", [Differentiable, KeepsResult, ClipByClip]> {
  let summary = "the first `channels` channels from the frame `frames` later, the next from as much earlier, the others as they are; zeros outside";
  let description = "`frames` may be negative: the gradient of a shift is the shift by as much the other way.";
  let arguments = (ins Activation:$x, I64Attr:$channels, I64Attr:$frames);
  let results = (outs Activation:$result);
}
def ArrangeOp : PureClipOp<"arrange", [InferTypeOpAdaptor, Differentiable, KeepsResult]> {
  let summary = "axes taken apart and put together in another way, summed over or repeated";
  let description = [{
    Example: frames as channels (R2D)
    `%y = clip.arrange %x #clip.arrangement<0, 1, 2, 3, 4 -> 0, 1 2, _, 3, 4 of 2x3x8x7x7> : (tensor<2x3x8x7x7xf32>) -> tensor<2x24x1x7x7xf32>`
  }];
  let arguments = (ins Activation:$x, ArrangementAttr:$how);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x $how attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}
def StandardiseOp : PureClipOp<"standardise", [InferTypeOpAdaptor, Differentiable, KeepsResult, ClipByClip]> {
  let summary = "(x - mean) / sqrt(var + eps), with the mean and the biased variance over some axes";
  let description = [{
    `over` are axes of [N, C, T, H, W], of 1 (C) to 4 (W). Where C is among them, channels are cut into `groups`, each with
    statistics of its own. With [1] it is the heart of layer norm at each position, with [1, 2, 3, 4] that of group norm,
    with [2, 3, 4] that of instance norm.
  }];
  let arguments = (ins Activation:$x, DenseI64ArrayAttr:$over, DefaultValuedAttr<I64Attr, "1">:$groups, F64Attr:$eps);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x `over` $over attr-dict `:` functional-type(operands, results)";
}
def DropoutOp : PureClipOp<"dropout", [InferTypeOpAdaptor, Differentiable]> {
  let summary = "zeroes elements with probability `rate` and scales the rest by 1 / (1 - rate)";
  let description = [{
    In training it takes `%hyper`, whose fields `seed` and `step` together with `stream`,
    a number of its own for each dropout, decide what is kept; see Dropout.h. Without `%hyper` it is the identity.

    Example: `%y = clip.dropout %x, %hyper {rate = 0.5, stream = 0} : (tensor<2x8x1x1x1xf32>, tensor<2xf32, #clip.hyper<seed, step>>) -> tensor<2x8x1x1x1xf32>`
  }];
  let arguments = (ins Activation:$x, Optional<Hyper>:$hyper, F64Attr:$rate, I64Attr:$stream);
  let results = (outs Activation:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
def SoftmaxOp : UnaryOp<"softmax", [KeepsResult, ClipByClip]> { let summary = "softmax over the channels"; }
def MatmulOp : PureClipOp<"matmul", [Differentiable, Contraction, KeepsResult, ClipByClip]> {
  let summary = "the product of two values seen as matrices of channels by positions, clip by clip";
  let description = [{
    `transpose_lhs` and `transpose_rhs` exchange rows and columns of an operand first. The result's rows are channels, its
    columns are positions; how these lie in T, H and W is part of the type.

    Attention, with queries [N, C, Tq, Hq, Wq], keys [N, C, Tk, Hk, Wk] and values [N, V, Tk, Hk, Wk]:
    ```mlir
    %scores = clip.matmul %k, %q {transpose_lhs} : (tensor<2x4x1x3x3xf32>, tensor<2x4x2x5x5xf32>) -> tensor<2x9x2x5x5xf32>
    %shares = clip.softmax %scores : (tensor<2x9x2x5x5xf32>) -> tensor<2x9x2x5x5xf32>
    %y = clip.matmul %v, %shares : (tensor<2x6x1x3x3xf32>, tensor<2x9x2x5x5xf32>) -> tensor<2x6x2x5x5xf32>
    ```
  }];
  let arguments = (ins Activation:$lhs, Activation:$rhs, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs);
  let results = (outs Activation:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===-- Loss and update ---------------------------------------------------===//

def SoftmaxCrossEntropyOp : InferredClipOp<"softmax_xent", []> {
  let summary = "mean cross entropy of softmax(logits), and its gradient";
  let description = [{
    logits: [N, classes, 1, 1, 1], labels: [N] with -1 for clips that do not count; the mean is over those that do.
    `dlogits` is the gradient of `loss`, times the field `loss_scale` of `%hyper` if there is one. `smoothing` mixes the
    target with the uniform distribution.
  }];
  let arguments = (ins Activation:$logits, Labels:$labels, Optional<Hyper>:$hyper,
                       DefaultValuedAttr<F64Attr, "0.0">:$smoothing);
  let results = (outs Scalar:$loss, Activation:$dlogits);
}

def TargetCrossEntropyOp : InferredClipOp<"target_xent", []> {
  let summary = "cross entropy of softmax(logits), or of sigmoid(logits), with targets, and its gradient";
  let description = [{
    logits: [N, classes, 1, 1, 1], targets: [N, classes], shares: [N]. The loss is the sum over the clips of
    share * entropy(clip), where the entropy is -sum of target * log(softmax(logits)) over the classes, or, with
    `sigmoid`, -sum of target * log(sigmoid(logits)) + (1 - target) * log(1 - sigmoid(logits)). A clip of share 0 does
    not count, whatever its logits are. `dlogits` is the gradient of `loss`, times the field `loss_scale` of `%hyper` if
    there is one.

    Whoever makes the targets decides what they mean: mixed clips, smoothed labels, classes of different weights,
    several labels.
  }];
  let arguments = (ins Activation:$logits, Targets:$targets, Shares:$shares, Optional<Hyper>:$hyper,
                       UnitAttr:$sigmoid);
  let results = (outs Scalar:$loss, Activation:$dlogits);
}

def NormOp : InferredClipOp<"norm", []> {
  let summary = "the Euclidean norm of all elements of some tensors together";
  let arguments = (ins Variadic<AnyF32Tensor>:$inputs);
  let results = (outs ChannelVector:$result);
}

def UpdateOp : PureClipOp<"update", [InferTypeOpAdaptor]> {
  let summary = "one step of an optimiser on one parameter";
  let description = [{
    The tensors are the weight w; what the rule keeps about it from step to step (its states); the gradient g; and norms,
    where the rule reads any. The results are the new weight and the new states. Update.h says for each rule which states,
    norms and fields of `%hyper` it has. `rate` and `decay` are fields, times `rate_factor` and `decay_factor`.

    - `sgd`, of the state v (momentum): g += decay * w; v' = momentum * v + g;
      w' = w - rate * (nesterov ? g + momentum * v' : v') (PyTorch's rule).
    - `adamw`, of m (mean) and s (square): m' = m + mean_gain * (g - m); s' = s + square_gain * (g * g - s);
      w' = w - rate * decay * w - rate * mean_scale * m' / (sqrt(s') * square_scale + epsilon) (Loshchilov and Hutter, 2019;
      PyTorch's rule, with gains of 1 - beta and scales of 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t)).
    - `lars`, of v (momentum) and the norms |w| and |g|: trust' = trust * |w| / (|g| + decay * |w|), or 1 where a norm is 0
      or decay_factor is 0; v' = momentum * v + rate * trust' * (g + decay * w); w' = w - v' (You, Gitman and Ginsburg, 2017).
    - `sum`, of no state: w' = keep * w + share * g, by which gradients are added up. With a `keep` of 0, w may be anything.

    Before that, with `max_norm`, g is multiplied by min(1, max_norm / (norm + 1e-6)), where norm comes last among the
    tensors (PyTorch's clip_grad_norm_). With `averaged`, the last state is an average of the weight:
    a' = a + average_gain * (w' - a). With `held`, all stays as it is while the field `apply` is 0. With `checked`, which
    goes with both `held` and `max_norm` (which may be infinite), it also does where that norm is not finite.
  }];
  let arguments = (ins UpdateRule:$rule, Variadic<AnyF32Tensor>:$tensors, Hyper:$hyper,
                       DefaultValuedAttr<F64Attr, "1.0">:$rate_factor, DefaultValuedAttr<F64Attr, "1.0">:$decay_factor,
                       OptionalAttr<F64Attr>:$max_norm, UnitAttr:$averaged, UnitAttr:$held,
                       UnitAttr:$checked);
  let results = (outs Variadic<AnyF32Tensor>:$new_tensors);
  let assemblyFormat = "$rule operands attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    UpdateForm form() { return {getRule(), getMaxNorm().has_value(), getAveraged(), getHeld(), getChecked()}; }
    ::mlir::Value getWeight() { return getTensors().front(); }
    ::mlir::OperandRange getStates() { return getTensors().slice(1, form().states().size()); }
    ::mlir::Value getGradient() { return getTensors()[1 + form().states().size()]; }
    ::mlir::OperandRange getNorms() { return getTensors().drop_front(2 + form().states().size()); }
    ::mlir::Value getNewWeight() { return getNewTensors().front(); }
    ::mlir::ResultRange getNewStates() { return getNewTensors().drop_front(); }
  }];
}

//===-- Backward ----------------------------------------------------------===//

def GradientSumOp : InferredClipOp<"gradient_sum"> {
  let summary = "the gradient of a parameter that several layers share: the sum of what each of them has of it";
  let arguments = (ins Variadic<AnyF32Tensor>:$gradients);
  let results = (outs AnyF32Tensor:$result);
}
def ConvDataGradOp : PureClipOp<"conv_dgrad"> {
  let summary = "gradient of a conv with respect to its input";
  let description = "g: [N, O, T', H', W'], result: the shape of the conv's input (several sizes can give the same output: it is part of the type).";
  let arguments = (ins Activation:$g, ConvWeight:$weight, WindowAttr:$window, DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs Activation:$result);
  let assemblyFormat = "$g `,` $weight `window` $window attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def ConvWeightGradOp : PureClipOp<"conv_wgrad"> {
  let summary = "gradient of a conv with respect to its weight";
  let arguments = (ins Activation:$g, Activation:$x, WindowAttr:$window, DefaultValuedAttr<I64Attr, "1">:$groups);
  let results = (outs ConvWeight:$result);
  let assemblyFormat = "$g `,` $x `window` $window attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def ChannelSumOp : InferredClipOp<"channel_sum", [ChannelReduction]> {
  let summary = "sum over N, T, H and W (the gradient of a bias)";
  let arguments = (ins Activation:$x);
  let results = (outs ChannelVector:$result);
}
def ReluGradOp : InferredClipOp<"relu_grad", [Pointwise]> {
  let summary = "g where y > 0, else 0; y is the relu's result or, equally, its input";
  let arguments = (ins Activation:$g, Activation:$y);
  let results = (outs Activation:$result);
}
def StandardiseGradOp : InferredClipOp<"standardise_grad"> {
  let summary = "gradient of a `standardise` of x: (g - mean(g) - y * mean(g * y)) / sqrt(var + eps), with y its result";
  let arguments = (ins Activation:$g, Activation:$x, DenseI64ArrayAttr:$over, DefaultValuedAttr<I64Attr, "1">:$groups, F64Attr:$eps);
  let results = (outs Activation:$result);
  let assemblyFormat = "$g `,` $x `over` $over attr-dict `:` functional-type(operands, results)";
}
def SoftmaxGradOp : InferredClipOp<"softmax_grad"> {
  let summary = "y * (g - sum of g * y over the channels), with y the softmax's result";
  let arguments = (ins Activation:$g, Activation:$y);
  let results = (outs Activation:$result);
}
def SpreadSumOp : PureClipOp<"spread_sum", [Differentiable]> {
  let summary = "sum over the axes along which the result has a size of 1 (the gradient of a spread factor)";
  let arguments = (ins Activation:$x);
  let results = (outs Activation:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def MaxPoolGradOp : PureClipOp<"max_pool_grad"> {
  let summary = "gradient of a max pool: to the first maximum of each window in t, h, w order, found again";
  let arguments = (ins Activation:$g, Activation:$x, WindowAttr:$window, UnitAttr:$ceil);
  let results = (outs Activation:$result);
  let assemblyFormat = "$g `,` $x `window` $window attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def AvgPoolGradOp : PureClipOp<"avg_pool_grad", [DeclareOpInterfaceMethods<PointwiseOp, ["isPointwise"]>]> {
  let summary = "gradient of an average pool; of a global one, a number a clip and channel, pointwise";
  let arguments = (ins Activation:$g, WindowAttr:$window, UnitAttr:$ceil);
  let results = (outs Activation:$result);
  let assemblyFormat = "$g `window` $window attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def BatchNormGradOp : InferredClipOp<"batch_norm_grad"> {
  let summary = "gradients of a training batch_norm";
  let description = [{
    g, z: [N, C, T, H, W]; mean, rstd, gamma: [C]. `synced`: the statistics were those of all ranks' clips.
    `clip-decompose-batch-norm` decomposes it.
  }];
  let arguments = (ins Activation:$g, Activation:$z, ChannelVector:$mean, ChannelVector:$rstd, ChannelVector:$gamma,
                       UnitAttr:$synced);
  let results = (outs Activation:$dz, ChannelVector:$dgamma, ChannelVector:$dbeta);
}
def FrozenNormGradOp : InferredClipOp<"frozen_norm_grad", [Pointwise]> {
  let summary = "gradient of a batch_norm by running statistics, with respect to its source: g * (gamma * rstd)";
  let arguments = (ins Activation:$g, ChannelVector:$rstd, ChannelVector:$gamma);
  let results = (outs Activation:$result);
}

//===-- Batch norm in pieces ----------------------------------------------===//

def MomentsOp : InferredClipOp<"moments", [DeclareOpInterfaceMethods<ChannelReductionOp, ["takesMoments"]>]> {
  let summary = "mean and biased variance over N, T, H and W";
  let arguments = (ins Activation:$x);
  let results = (outs ChannelVector:$mean, ChannelVector:$var);
}
def BatchNormCoeffsOp : InferredClipOp<"bn_coeffs", [Channelwise]> {
  let summary = "rstd = 1 / sqrt(var + eps), scale = gamma * rstd, offset = beta - mean * scale";
  let arguments = (ins ChannelVector:$mean, ChannelVector:$var, ChannelVector:$gamma, ChannelVector:$beta, F64Attr:$eps);
  let results = (outs ChannelVector:$scale, ChannelVector:$offset, ChannelVector:$rstd);
}
def BatchNormRunningOp : InferredClipOp<"bn_running", [Channelwise]> {
  let summary = "running statistics moved by `momentum` towards the batch's";
  let description = [{
    var is biased, over M elements; `unbiased` corrects it by M / (M - 1). M is `count`, or `count` on each of so many
    `ranks`.
  }];
  let arguments = (ins ChannelVector:$running_mean, ChannelVector:$running_var, ChannelVector:$mean, ChannelVector:$var,
                       Optional<ChannelVector>:$ranks, F64Attr:$momentum, I64Attr:$count, UnitAttr:$unbiased);
  let results = (outs ChannelVector:$new_mean, ChannelVector:$new_var);
}
def AffineOp : InferredClipOp<"affine", [Pointwise]> {
  let summary = "x * scale + offset, a channel each, as one fused multiply-add";
  let arguments = (ins Activation:$x, ChannelVector:$scale, ChannelVector:$offset);
  let results = (outs Activation:$result);
}
def BatchNormGradSumsOp : InferredClipOp<"bn_grad_sums", [ChannelReduction]> {
  let summary = "sum of g and of g * (z - mean) * rstd";
  let arguments = (ins Activation:$g, Activation:$z, ChannelVector:$mean, ChannelVector:$rstd);
  let results = (outs ChannelVector:$sum, ChannelVector:$sum_xhat);
}
def BatchNormGradCoeffsOp : InferredClipOp<"bn_grad_coeffs", [Channelwise]> {
  let summary = "coefficients of dz = p * g + q * z + r, and dgamma, dbeta";
  let description = [{
    With M = `count`: p = gamma * rstd, q = -p * rstd * sum_xhat / M, r = -p * sum / M - q * mean, dgamma = sum_xhat, dbeta = sum.
  }];
  let arguments = (ins ChannelVector:$sum, ChannelVector:$sum_xhat, ChannelVector:$mean, ChannelVector:$rstd,
                       ChannelVector:$gamma, I64Attr:$count);
  let results = (outs ChannelVector:$p, ChannelVector:$q, ChannelVector:$r, ChannelVector:$dgamma, ChannelVector:$dbeta);
}
def Affine2Op : InferredClipOp<"affine2", [Pointwise]> {
  let summary = "p * g + (q * z + r), a channel each, as two fused multiply-adds";
  let arguments = (ins Activation:$g, Activation:$z, ChannelVector:$p, ChannelVector:$q, ChannelVector:$r);
  let results = (outs Activation:$result);
}

//===-- Batch norm over ranks ---------------------------------------------===//

def RankSumOp : PureClipOp<"rank_sum", [InferTypeOpAdaptor]> {
  let summary = "sums over the ranks that train together, the same for all of them";
  let description = [{
    `weighted`: each rank's values have the factor of its share of the step's clips, so that the sums are means. A rank
    without clips adds nothing. Of a single rank they are its own values.
  }];
  let arguments = (ins Variadic<ChannelVector>:$values, UnitAttr:$weighted);
  let results = (outs Variadic<ChannelVector>:$sums);
  let assemblyFormat = "(`weighted` $weighted^)? $values attr-dict `:` type($values)";
}
def BatchNormShareOp : InferredClipOp<"bn_share", [Channelwise]> {
  let summary = "what the ranks' moments are merged of: mean - pivot, var + (mean - pivot)^2, and 1, which counts ranks";
  let description = [{
    The weighted sums of the first two over ranks are d and v; the mean of all is pivot + d, their variance v - d^2. The
    nearer the pivot, which all ranks have, is to the mean, the less is lost to rounding.
  }];
  let arguments = (ins ChannelVector:$mean, ChannelVector:$var, ChannelVector:$pivot);
  let results = (outs ChannelVector:$distance, ChannelVector:$spread, ChannelVector:$one);
}
def BatchNormJointOp : InferredClipOp<"bn_joint", [Channelwise]> {
  let summary = "the mean and variance of all ranks' elements: pivot + distance, spread - distance^2";
  let arguments = (ins ChannelVector:$distance, ChannelVector:$spread, ChannelVector:$pivot);
  let results = (outs ChannelVector:$mean, ChannelVector:$var);
}
def BatchNormGradMeansOp : InferredClipOp<"bn_grad_means", [Channelwise]> {
  let summary = "sum / count and sum_xhat / count, whose means over ranks `bn_grad_coeffs` takes";
  let arguments = (ins ChannelVector:$sum, ChannelVector:$sum_xhat, I64Attr:$count);
  let results = (outs ChannelVector:$mean_g, ChannelVector:$mean_xhat);
}

//===-- Folding for inference ---------------------------------------------===//

def FoldWeightOp : InferredClipOp<"fold_weight"> {
  let summary = "weight * scale, a factor for each output channel (batch norm folded into a conv)";
  let arguments = (ins ConvWeight:$weight, ChannelVector:$scale);
  let results = (outs ConvWeight:$result);
}
def FoldBiasOp : InferredClipOp<"fold_bias", [Channelwise]> {
  let summary = "bias * scale + offset: the bias of a conv that a batch norm is folded into";
  let arguments = (ins ChannelVector:$bias, ChannelVector:$scale, ChannelVector:$offset);
  let results = (outs ChannelVector:$result);
}

#endif
