#ifndef KINEMA_DIALECTS_KERNEL_KERNELOPS
#define KINEMA_DIALECTS_KERNEL_KERNELOPS

include "dialects/Clip/ClipDialect.td"
include "dialects/Kernel/KernelDialect.td"
include "dialects/Kernel/KernelInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class KernelOp<string mnemonic, list<Trait> traits = []> : Op<KernelDialect, mnemonic, traits>;
/// A LaunchableOp becomes one launch. `facts` lists the methods of the interface that it implements itself.
class LaunchableOp<string mnemonic, list<Trait> traits = [], list<string> facts = []>
    : KernelOp<mnemonic, traits # [Pure, DeclareOpInterfaceMethods<LaunchableOpInterface, facts>]>;
def StoredTensor : Type<And<[AnyRankedTensor.predicate, CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() <= 26">]>,
                       "ranked tensor of at most 26 axes, the letters of a layout", "::mlir::RankedTensorType">;
def Tensors : Variadic<StoredTensor>;

//===-- Contractions ------------------------------------------------------===//

def ConvOp : LaunchableOp<"conv", [AttrSizedOperandSegments, MakesActivations],
                          ["getMacs", "getBytesRead", "getForm", "getDepth"]> {
  let summary = "convolution, forward or transposed (the data gradient), with prologue and epilogue";
  let description = [{
    Gathers from the prologue's value: `forward`, result y at q from source x at q * stride + tap - pad; `transposed`,
    result dx from source dz, the same relation solved the other way (`shape::gather`). Outside the source, the
    prologue's *result* is zero.

    The prologue's arguments are its operands; it yields one `value`. The epilogue's are the accumulator and its
    operands; it yields `store`s (tensors of the result's shape), then at most one `moments` (of a stored value: count,
    mean and sum of squared deviations of each block, `tensor<?x3xC>`), then `sum`s (together one `tensor<?xKxC>`).
    The results come in that order.

    The weight is [O, I / groups, T, H, W], with the window's taps along T, H and W. In groups it may be widened (a convert
    does that): [O, n * I / groups, T, H, W], where n groups side by side share their inputs, as if there were n times fewer. Where windows have 3 taps in steps
    of 1 along T, or along H and W, it may be that of a `kernel.winograd` for tiles of m results, m = 2 or 4, along these axes:
    there it has m + 2 points.

    With `bf16x3`, what is multiplied is the prologue's value and the weight by their terms (`#kernel.precision`). The weight
    is then [2, O, I / groups, T, H, W] in bfloat16, first the rounded numbers and then the rest, as a convert makes it.

    Example: `z = conv(relu(affine(x)))` with moments of z:
    ```mlir
    %z2, %m = kernel.conv forward %w window <3x1x1 stride 2x1x1 pad 1x0x0>
      prologue(pixel %z1, channel %s, channel %o) : (!z1, !c, !c) {
      ^bb0(%z: f32, %scale: f32, %offset: f32):
        %n = math.fma %z, %scale, %offset : f32
        %a = arith.maximumf %n, %zero : f32
        kernel.yield value %a
      }
      epilogue() : () {
      ^bb0(%acc: f32):
        kernel.yield store %acc, moments %acc
      } : !w -> (!z2, tensor<?x3x128xf32>)
    ```
  }];
  let arguments = (ins StoredTensor:$weight, Tensors:$prologue_operands, Tensors:$epilogue_operands, Direction:$direction,
                       WindowAttr:$window, DefaultValuedAttr<I64Attr, "1">:$groups,
                       AccessKinds:$prologue_access, AccessKinds:$epilogue_access, OptionalAttr<ScheduleAttr>:$schedule,
                       UnitAttr:$bf16x3);
  let results = (outs Tensors:$results);
  let regions = (region SizedRegion<1>:$prologue, SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $direction $weight `window` $window (`bf16x3` $bf16x3^)?
    `prologue` custom<AccessRegion>($prologue_operands, type($prologue_operands), $prologue_access, $prologue)
    `epilogue` custom<AccessRegion>($epilogue_operands, type($epilogue_operands), $epilogue_access, $epilogue)
    attr-dict `:` type($weight) `->` type($results)
  }];
  let extraClassDeclaration = [{
    AccessRegion prologue() { return {getPrologue(), getPrologueOperands(), getPrologueAccess()}; }
    AccessRegion epilogue() { return {getEpilogue(), getEpilogueOperands(), getEpilogueAccess()}; }
    /// Returns the type of the tensor that the window slides over (forward: x; transposed: dz).
    ::mlir::RankedTensorType getSourceType();
    /// Returns the type of the value that the contraction makes, before the epilogue.
    ::mlir::RankedTensorType getResultType();
    ::kinema::shape::Gather getGather();
    /// Returns how many results a Winograd tile has along T, H and W, told by the points of the weight; 1 along an axis
    /// where the weight has taps.
    ::kinema::shape::Size3 getWinogradTile();
    /// Returns whether the weight has points in place of taps along any axis.
    bool readsPoints();
  }];
  let hasVerifier = 1;
}

def PairOp : LaunchableOp<"pair", [AttrSizedOperandSegments], ["getMacs"]> {
  let summary = "two forward convolutions in a row, the first one's result never stored";
  let description = [{
    The first conv slides over the prologue's value, as in `kernel.conv`; the middle region makes of its accumulator what
    the second conv slides over; the epilogue makes of the second accumulator the one value that is stored. The middle's
    operands are read by channel. Outside its positions the middle's *result* is zero.

    Example: `y = relu(temporal(relu(spatial(x) + b)) + c)`
    ```mlir
    %y = kernel.pair %w1 window <1x3x3 pad 0x1x1> then %w2 window <3x1x1 pad 1x0x0>
      prologue(pixel %x) : (!x) {
      ^bb0(%v: f32):
        kernel.yield value %v
      }
      middle(channel %b) : (!cm) {
      ^bb0(%acc: f32, %bias: f32):
        %m = arith.addf %acc, %bias : f32
        %a = arith.maximumf %m, %zero : f32
        kernel.yield value %a
      }
      epilogue(channel %c) : (!cy) {
      ^bb0(%acc: f32, %bias: f32):
        %n = arith.addf %acc, %bias : f32
        %r = arith.maximumf %n, %zero : f32
        kernel.yield store %r
      } : !w1, !w2 -> !y
    ```
  }];
  let arguments = (ins StoredTensor:$first_weight, StoredTensor:$second_weight, Tensors:$prologue_operands,
                       Tensors:$middle_operands, Tensors:$epilogue_operands, WindowAttr:$first_window, WindowAttr:$second_window,
                       AccessKinds:$prologue_access, AccessKinds:$middle_access, AccessKinds:$epilogue_access,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let regions = (region SizedRegion<1>:$prologue, SizedRegion<1>:$middle, SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $first_weight `window` $first_window `then` $second_weight `window` $second_window
    `prologue` custom<AccessRegion>($prologue_operands, type($prologue_operands), $prologue_access, $prologue)
    `middle` custom<AccessRegion>($middle_operands, type($middle_operands), $middle_access, $middle)
    `epilogue` custom<AccessRegion>($epilogue_operands, type($epilogue_operands), $epilogue_access, $epilogue)
    attr-dict `:` type($first_weight) `,` type($second_weight) `->` type($result)
  }];
  let extraClassDeclaration = [{
    AccessRegion prologue() { return {getPrologue(), getPrologueOperands(), getPrologueAccess()}; }
    AccessRegion middle() { return {getMiddle(), getMiddleOperands(), getMiddleAccess()}; }
    AccessRegion epilogue() { return {getEpilogue(), getEpilogueOperands(), getEpilogueAccess()}; }
    ::mlir::RankedTensorType getSourceType();
    /// Returns the type of what lies between the convs: f32 in the shape of the first one's result.
    ::mlir::RankedTensorType getMiddleType();
    ::mlir::RankedTensorType getResultType();
  }];
  let hasVerifier = 1;
}

def WeightGradOp : LaunchableOp<"wgrad", [AttrSizedOperandSegments], ["getMacs", "getBytesRead", "getForm"]> {
  let summary = "gradient of a conv's weight, as partials in the parameter's own order";
  let description = [{
    Contracts, over clips and positions, the gradient dz (first prologue) with the activation x (second prologue).
    The result is `tensor<?xOxIxTxHxW>`: one partial a chunk of positions. With `bf16x3`, both values are multiplied by
    their terms (`#kernel.precision`).
  }];
  let arguments = (ins Tensors:$gradient_operands, Tensors:$activation_operands, WindowAttr:$window,
                       DefaultValuedAttr<I64Attr, "1">:$groups, AccessKinds:$gradient_access, AccessKinds:$activation_access,
                       OptionalAttr<ScheduleAttr>:$schedule, UnitAttr:$bf16x3);
  let results = (outs StoredTensor:$result);
  let regions = (region SizedRegion<1>:$gradient, SizedRegion<1>:$activation);
  let assemblyFormat = [{
    `window` $window (`bf16x3` $bf16x3^)?
    `gradient` custom<AccessRegion>($gradient_operands, type($gradient_operands), $gradient_access, $gradient)
    `activation` custom<AccessRegion>($activation_operands, type($activation_operands), $activation_access, $activation)
    attr-dict `:` type($result)
  }];
  let extraClassDeclaration = [{
    AccessRegion gradient() { return {getGradient(), getGradientOperands(), getGradientAccess()}; }
    AccessRegion activation() { return {getActivation(), getActivationOperands(), getActivationAccess()}; }
    ::mlir::RankedTensorType getGradientType();   // dz: [N, O, T', H', W']
    ::mlir::RankedTensorType getActivationType(); // x: [N, I * groups, T, H, W]
  }];
  let hasVerifier = 1;
}

//===-- Pointwise and pools -----------------------------------------------===//

def MapOp : LaunchableOp<"map", [MemoryBound, MakesActivations], ["getForm"]> {
  let summary = "a pointwise expression, stored and/or summed";
  let description = "The region yields as a conv's epilogue does. The domain is the shape of the first `pixel` operand, or of the result where there is none.";
  let arguments = (ins Tensors:$inputs, AccessKinds:$access, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Tensors:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "custom<AccessRegion>($inputs, type($inputs), $access, $body) attr-dict `->` type($results)";
  let extraClassDeclaration = [{
    AccessRegion body() { return {getBody(), getInputs(), getAccess()}; }
    ::mlir::RankedTensorType getDomainType();
  }];
  let hasVerifier = 1;
}

def PoolOp : LaunchableOp<"pool", [MemoryBound, MakesActivations]> {
  let summary = "pool over a window, with a prologue; `average` divides by the whole window";
  let arguments = (ins PoolKind:$kind, Tensors:$inputs, WindowAttr:$window, AccessKinds:$access, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let regions = (region SizedRegion<1>:$prologue);
  let assemblyFormat = [{
    $kind `window` $window `prologue` custom<AccessRegion>($inputs, type($inputs), $access, $prologue)
    attr-dict `->` type($result)
  }];
  let extraClassDeclaration = [{
    AccessRegion prologue() { return {getPrologue(), getInputs(), getAccess()}; }
    ::mlir::RankedTensorType getSourceType();
  }];
  let hasVerifier = 1;
}

def PoolGradOp : LaunchableOp<"pool_grad"> {
  let summary = "gradient of a pool; of a max pool, to the first maximum of each window of the prologue's value";
  let description = "`average` takes no prologue operands.";
  let arguments = (ins PoolKind:$kind, StoredTensor:$g, Tensors:$inputs, WindowAttr:$window, AccessKinds:$access,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let regions = (region SizedRegion<1>:$prologue);
  let assemblyFormat = [{
    $kind $g `window` $window `prologue` custom<AccessRegion>($inputs, type($inputs), $access, $prologue)
    attr-dict `:` type($g) `->` type($result)
  }];
  let extraClassDeclaration = [{
    AccessRegion prologue() { return {getPrologue(), getInputs(), getAccess()}; }
  }];
  let hasVerifier = 1;
}

//===-- Channels ----------------------------------------------------------===//

def Pieces : TypedArrayAttrBase<PieceAttr, "pieces">;
def PlaceOp : LaunchableOp<"place", [MemoryBound, MakesActivations]> {
  let summary = "puts channels of its operands side by side: `clip.concat`, `slice`, `pad_channels`, `shift`";
  let description = "Channels that no piece covers are zero.";
  let arguments = (ins Tensors:$inputs, Pieces:$pieces, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "$inputs $pieces attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def DropoutOp : LaunchableOp<"dropout", [MemoryBound, MakesActivations]> {
  let summary = "see `clip.dropout`";
  let arguments = (ins StoredTensor:$x, Hyper:$hyper, F64Attr:$rate, I64Attr:$stream, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def SoftmaxOp : LaunchableOp<"softmax", [MemoryBound, MakesActivations]> {
  let summary = "softmax over the channels of each position";
  let arguments = (ins StoredTensor:$x, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def SoftmaxGradOp : LaunchableOp<"softmax_grad", [MemoryBound, MakesActivations]> {
  let summary = "see `clip.softmax_grad`";
  let arguments = (ins StoredTensor:$g, StoredTensor:$y, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def ArrangeOp : LaunchableOp<"arrange", [MemoryBound, MakesActivations]> {
  let summary = "see `clip.arrange`";
  let arguments = (ins StoredTensor:$x, ArrangementAttr:$how, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "$x $how attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def StandardiseOp : LaunchableOp<"standardise", [MemoryBound, MakesActivations]> {
  let summary = "see `clip.standardise`";
  let arguments = (ins StoredTensor:$x, DenseI64ArrayAttr:$over, I64Attr:$groups, F64Attr:$eps,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "$x `over` $over attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def StandardiseGradOp : LaunchableOp<"standardise_grad", [MemoryBound, MakesActivations]> {
  let summary = "see `clip.standardise_grad`";
  let arguments = (ins StoredTensor:$g, StoredTensor:$x, DenseI64ArrayAttr:$over, I64Attr:$groups, F64Attr:$eps,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "$g `,` $x `over` $over attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def MatmulOp : LaunchableOp<"matmul", [MakesActivations], ["getMacs"]> {
  let summary = "see `clip.matmul`";
  let arguments = (ins StoredTensor:$lhs, StoredTensor:$rhs, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def SpreadSumOp : LaunchableOp<"spread_sum", [MemoryBound]> {
  let summary = "sum of the prologue's values over the axes along which the result has a size of 1";
  let arguments = (ins Tensors:$inputs, AccessKinds:$access, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let regions = (region SizedRegion<1>:$prologue);
  let assemblyFormat = [{
    `prologue` custom<AccessRegion>($inputs, type($inputs), $access, $prologue) attr-dict `->` type($result)
  }];
  let extraClassDeclaration = [{
    AccessRegion prologue() { return {getPrologue(), getInputs(), getAccess()}; }
    ::mlir::RankedTensorType getSourceType();
  }];
  let hasVerifier = 1;
}

//===-- Merging, loss, update ---------------------------------------------===//

def FinalizeOp : LaunchableOp<"finalize", [AttrSizedOperandSegments, MemoryBound, UpdatesInPlace], ["getDepth"]> {
  let summary = "merges partials in block order, then computes vectors channel by channel";
  let description = [{
    The region's arguments are the merged statistics (of `moments`: mean and biased variance; of `sum`s: one each), if
    there are partials, then the channel operands. It yields one `value` a result.

    `attached`: the kernel that leaves the partials goes on with it, in the block that comes last; it is no launch then.
  }];
  let arguments = (ins Optional<StoredTensor>:$partials, Tensors:$inputs, UnitAttr:$moments, UnitAttr:$attached,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Tensors:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "($partials^ `:` type($partials))? `(` ($inputs^ `:` type($inputs))? `)` $body attr-dict `->` type($results)";
  let hasVerifier = 1;
}

def ReduceOp : LaunchableOp<"reduce", [MemoryBound], ["getCopies"]> {
  let summary = "the sum of partials, in block order: of one tensor's, or of several tensors' one after another";
  let description = [{
    Each operand has the shape of the result, or that behind the number of its partials.
  }];
  let arguments = (ins Tensors:$inputs, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

def RankSumOp : KernelOp<"rank_sum", [Pure]> {
  let summary = "see `clip.rank_sum`: no launch, but what the runtime does between two of them";
  let description = [{
    It is done in place: each operand is made by a launch, and nothing else reads it.
  }];
  let arguments = (ins Tensors:$values, UnitAttr:$weighted);
  let results = (outs Tensors:$sums);
  let assemblyFormat = "(`weighted` $weighted^)? $values attr-dict `:` type($values) `->` type($sums)";
  let hasVerifier = 1;
}

def SoftmaxCrossEntropyOp : LaunchableOp<"softmax_xent", [MemoryBound]> {
  let summary = "see `clip.softmax_xent`";
  let arguments = (ins StoredTensor:$logits, StoredTensor:$labels, Optional<Hyper>:$hyper, F64Attr:$smoothing,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$loss, StoredTensor:$dlogits);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def TargetCrossEntropyOp : LaunchableOp<"target_xent", [MemoryBound]> {
  let summary = "see `clip.target_xent`";
  let arguments = (ins StoredTensor:$logits, StoredTensor:$targets, StoredTensor:$shares, Optional<Hyper>:$hyper,
                       UnitAttr:$sigmoid,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$loss, StoredTensor:$dlogits);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def NormsOp : LaunchableOp<"norms", [MemoryBound]> {
  let summary = "Euclidean norms of tensors";
  let description = [{
    Each tensor's elements are cut into as many pieces as its result has elements, which are the norms of the pieces: the
    norm of a tensor is the norm of that result. `together` takes all tensors as one, and has one result of one element.
  }];
  let arguments = (ins Tensors:$inputs, UnitAttr:$together, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Tensors:$results);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($results)";
  let hasVerifier = 1;
}

def UpdateOp : LaunchableOp<"update", [MemoryBound, UpdatesInPlace], ["getCopies"]> {
  let summary = "see `clip.update`, of one or several parameters; a gradient is a tensor, or partials that are added in order";
  let description = [{
    The operands are all weights, then each state of all parameters, all gradients, each norm of all parameters, the norm
    that all are clipped by, and `hyper`; the results all new weights, then each new state of all parameters.
    `rate_factors` and `decay_factors` have a number for each parameter; without them these are 1.
  }];
  let arguments = (ins UpdateRule:$rule, Tensors:$tensors, Hyper:$hyper, OptionalAttr<DenseF64ArrayAttr>:$rate_factors,
                       OptionalAttr<DenseF64ArrayAttr>:$decay_factors, OptionalAttr<F64Attr>:$max_norm, UnitAttr:$averaged,
                       UnitAttr:$held, UnitAttr:$checked, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Tensors:$new_tensors);
  let assemblyFormat = "$rule operands attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    ::kinema::clip::UpdateForm form() { return {getRule(), getMaxNorm().has_value(), getAveraged(), getHeld(), getChecked()}; }
    /// Counts the parameters.
    int64_t getParameters() { return getNumResults() / (1 + form().states().size()); }
    /// Counts the tensors that each parameter has of its own among the operands: old values, gradient and norms.
    int64_t getTensorsEach() { return 2 + form().states().size() + form().norms(); }
    /// Returns tensor number `which` of each parameter: 0 are the weights, then come the states, and so on.
    ::mlir::OperandRange getOfEach(int64_t which) { return getTensors().slice(which * getParameters(), getParameters()); }
    ::mlir::OperandRange getWeights() { return getOfEach(0); }
    ::mlir::OperandRange getGradients() { return getOfEach(1 + form().states().size()); }
    /// Returns what the new values are written over: the weights and the states.
    ::mlir::OperandRange getOldValues() { return getTensors().take_front(getNumResults()); }
    /// Returns the norm that all gradients are clipped by; null where they are not.
    ::mlir::Value getClippedNorm() { return getMaxNorm() ? getTensors().back() : ::mlir::Value(); }
    double getRateFactor(int64_t parameter) { return getRateFactors() ? (*getRateFactors())[parameter] : 1.0; }
    double getDecayFactor(int64_t parameter) { return getDecayFactors() ? (*getDecayFactors())[parameter] : 1.0; }
  }];
  let hasVerifier = 1;
}

def FoldOp : LaunchableOp<"fold", [MemoryBound]> {
  let summary = "weight * scale, a factor an output channel";
  let arguments = (ins StoredTensor:$weight, StoredTensor:$scale, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def ConvertOp : LaunchableOp<"convert", [MemoryBound, MakesActivations]> {
  let summary = "tensors in other layouts, or of other shapes with the same row-major elements";
  let description = [{
    One result an operand. The attribute `kernel.widened` says for each of them of how many groups the conv is for which
    its weight is widened, 1 where none is. Where a weight in f32 becomes one of bfloat16 with an axis of 2 in front,
    these are the terms of its numbers (`#kernel.precision`), for a conv that says `bf16x3`.

    Example: 16 groups of 4 channels, of which 4 share their 16 inputs
    ```mlir
    %wide = kernel.convert %w {kernel.widened = array<i64: 16>} : tensor<64x4x3x3x3xf32> -> tensor<64x16x3x3x3xbf16>
    ```
  }];
  let arguments = (ins Tensors:$inputs, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Tensors:$results);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `->` type($results)";
  let hasVerifier = 1;
}

def WinogradOp : LaunchableOp<"winograd"> {
  let summary = "the weight of a conv in Winograd's form";
  let description = [{
    Brings the 3 taps of each window along T, or along H and W, or along all three, to the m + 2 points of tiles of m results
    (Lavin and Gray, 2015): to G g G^T along H and W. The types say along which axes, and how many points. With `turned`,
    the windows are turned round along these axes first, as the data gradient needs them.

    Examples, with tiles of 1 x 4 x 4 and of 2 x 1 x 1 results:
    ```mlir
    %u = kernel.winograd %w : tensor<64x64x3x3x3xf32, #ABcde8b8a> -> tensor<64x64x3x6x6xf32, #deABc8b8a>
    %v = kernel.winograd %t : tensor<64x64x3x1x1xf32, #ABcde8b8a> -> tensor<64x64x4x1x1xf32, #cABde8b8a>
    ```
  }];
  let arguments = (ins StoredTensor:$weight, UnitAttr:$turned, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs StoredTensor:$result);
  let assemblyFormat = "$weight (`turned` $turned^)? attr-dict `:` type($weight) `->` type($result)";
  let extraClassDeclaration = [{
    /// Returns how many results a tile has along T, H and W; 1 along an axis whose taps stay.
    ::kinema::shape::Size3 getTile();
  }];
  let hasVerifier = 1;
}

//===-- Regions and programs ----------------------------------------------===//

def YieldOp : KernelOp<"yield", [Pure, Terminator]> {
  let summary = "ends a region: what becomes of each value";
  let arguments = (ins Variadic<F32>:$values, YieldKinds:$kinds);
  let assemblyFormat = "custom<Yields>($values, $kinds) attr-dict";
  let extraClassDeclaration = [{
    Yield getKind(unsigned i) { return getKinds()[i]; }
    int64_t countOf(Yield kind);
  }];
}

def DefOp : KernelOp<"def", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "a kernel: one operation, shared by all launches that are equal but for their buffers";
  let description = [{
    The block's arguments are the operation's operands; `kernel.return` gives its results. An attached `kernel.finalize` of
    its partials may follow: then come that one's inputs and a tensor of zeros, which blocks count themselves with and
    leave as it was, and the results of both.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$layers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    /// Returns the one launchable operation.
    ::mlir::Operation *getKernel() { return &getBody().front().front(); }
    /// Returns what is attached to it, or null.
    FinalizeOp getAttached();
    ::mlir::TypeRange getOperandTypes() { return getBody().front().getArgumentTypes(); }
    ::mlir::TypeRange getResultTypes() { return getBody().front().getTerminator()->getOperandTypes(); }
  }];
}

def ReturnOp : KernelOp<"return", [Pure, Terminator, HasParent<"DefOp">]> {
  let summary = "the results of a kernel";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "$values `:` type($values) attr-dict";
}

def EntryOp : KernelOp<"entry", [Symbol, SingleBlock, NoTerminator]> {
  let summary = "an entry point: launches in order, what ranks add up between them, and which tensors they leave for the caller";
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def LaunchOp : KernelOp<"launch", [HasParent<"EntryOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel on buffers of the arena";
  let description = [{
    `args` are byte offsets: the kernel's operands, then its results. `reads` and `writes` are bytes, `macs`
    multiply-adds: the ideal traffic and work.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, DenseI64ArrayAttr:$args, I64Attr:$reads, I64Attr:$writes, I64Attr:$macs, StrAttr:$layer);
  let assemblyFormat = "$kernel $args attr-dict";
}

def AddUpOp : KernelOp<"add_up", [HasParent<"EntryOp">]> {
  let summary = "has the ranks add up tensors of the arena before the next launch, in place";
  let description = [{
    `weighted`: as `clip.rank_sum`.

    Example: `kernel.add_up weighted [4096, 4352] : [tensor<64xf32, #blocked8>, tensor<64xf32, #blocked8>] {layer = "stem.bn"}`
  }];
  let arguments = (ins DenseI64ArrayAttr:$offsets, TypeArrayAttr:$types, UnitAttr:$weighted, StrAttr:$layer);
  let assemblyFormat = "(`weighted` $weighted^)? $offsets `:` $types attr-dict";
  let hasVerifier = 1;
}

def OutputOp : KernelOp<"output", [HasParent<"EntryOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a tensor that the entry leaves for its caller";
  let description = [{
    An output `of` a parameter is the parameter's gradient and has its shape. One of a `layer` is the features of that
    layer of the network. Other outputs are scores or a loss. Sizes of 1 behind the channels mean nothing, but in gradients.

    Example: `kernel.output "logits" at 4096 : tensor<2x400x1x1x1xf32, #blocked8>`
  }];
  let arguments = (ins StrAttr:$name, OptionalAttr<FlatSymbolRefAttr>:$of, OptionalAttr<StrAttr>:$layer, I64Attr:$offset,
                       TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$name (`of` $of^)? (`layer` $layer^)? `at` $offset `:` $type attr-dict";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
  }];
  let hasVerifier = 1;
}

//===-- The arena ---------------------------------------------------------===//

def ArenaOp : KernelOp<"arena", [SymbolTable, SingleBlock, NoTerminator, HasParent<"::mlir::ModuleOp">,
                                 DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the memory of a program: what keeps its place from one launch to the next";
  let description = [{
    The arena has so many bytes. `kernel.buffer`s have places of their own in it; what launches leave for each other and for
    the caller lies elsewhere in it. All offsets are multiples of 64 bytes. `kernel.segment`s say, for the runtime and for
    reports, what the parts of the arena are for. `activations` are the bytes of all that lives between launches, `separate`
    those that it would take if no two tensors shared memory.

    Example:
    ```mlir
    kernel.arena 448 activations 128 separate 192 {
      kernel.buffer parameter @w at 0 : tensor<16xf32, #blocked8>
      kernel.buffer state @w.momentum of @w at 64 : tensor<16xf32, #blocked8>
      kernel.segment parameters at 0 bytes 128
      kernel.buffer input @rgb kind "rgb" at 128 : tensor<1x3x1x2x2xf32>
      kernel.segment "inputs and outputs" at 128 bytes 192
      kernel.segment activations at 320 bytes 128
    }
    ```
  }];
  let arguments = (ins I64Attr:$bytes, I64Attr:$activations, I64Attr:$separate_activations);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$bytes `activations` $activations `separate` $separate_activations attr-dict-with-keyword $body";
  let extraClassDeclaration = [{
    /// Returns the arena of a planned module; reports an error at the module where there is none, or several.
    static ::mlir::FailureOr<ArenaOp> of(::mlir::ModuleOp module);
    /// Returns the segment of this kind; null where there is none.
    SegmentOp segment(SegmentKind kind);
    /// Returns the one buffer of this role; null where there is none.
    BufferOp buffer(BufferRole role);
  }];
  let hasRegionVerifier = 1;
}

def SegmentOp : KernelOp<"segment", [HasParent<"ArenaOp">]> {
  let summary = "what a part of the arena is for";
  let arguments = (ins SegmentKind:$kind, I64Attr:$offset, I64Attr:$bytes);
  let assemblyFormat = "$kind `at` $offset `bytes` $bytes attr-dict";
}

def BufferOp : KernelOp<"buffer", [Symbol, HasParent<"ArenaOp">]> {
  let summary = "a tensor that has a place of its own in the arena";
  let description = [{
    - `parameter` holds the `clip.param` of the same name, which says the rest about it; `state` holds what updates keep
      about a parameter (`of` it), such as its momentum.
    - `prepared` holds what @prepare makes of parameters for @infer, a `clip.param` too. A training step has its activations
      there.
    - `input` holds an input of the network, of a `kind`; `labels` the labels of the clips, `targets` how true each class
      is of each clip and `shares` how much each clip counts; `hyper` the numbers that a step is told.
    - `counters` holds the numbers by which the blocks of a launch count themselves. They are zero before and after each
      launch.
  }];
  let arguments = (ins BufferRole:$role, SymbolNameAttr:$sym_name, OptionalAttr<FlatSymbolRefAttr>:$of,
                       OptionalAttr<StrAttr>:$kind, I64Attr:$offset, TypeAttrOf<AnyRankedTensor>:$type);
  let assemblyFormat = "$role $sym_name (`of` $of^)? (`kind` $kind^)? `at` $offset `:` $type attr-dict";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
    /// Returns the bytes that the tensor takes, padding included.
    int64_t getBytes();
  }];
  let hasVerifier = 1;
}

#endif
