#ifndef KINEMA_DIALECTS_CLIP_CLIPINTERFACES
#define KINEMA_DIALECTS_CLIP_CLIPINTERFACES

include "mlir/IR/OpBase.td"

def DifferentiableOp : OpInterface<"DifferentiableOp"> {
  let description = [{
    The operation can build the gradients of its operands. The interface is implemented beside the operation's
    definition and used by the pass `clip-differentiate`.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<[{
      Builds the gradients of the loss with respect to the operands. `resultGradients` has one value a result, null
      where the loss does not depend on it. Returns one value an operand, null where none is defined or `needed`
      is false for that operand.
    }], "::llvm::SmallVector<::mlir::Value>", "gradients",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$resultGradients, "::llvm::ArrayRef<bool>":$needed)>
  ];
}

def PointwiseOp : OpInterface<"PointwiseOp"> {
  let description = [{
    The operation has one result, an activation, each element of which is computed from the operands' elements at the
    same place: for an activation of the result's shape, the element itself; for a channel vector, the channel's element;
    for an activation with sizes of 1, the element that is repeated there.

    `fuse-kernels` writes the formula into the regions of the kernels that read or make the value; the interpreter, with
    which those kernels are compared, takes the number. The two say the same and share no code, so that they differ
    where one is wrong.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<[{
      Returns whether this operation is pointwise. One that is so only for some windows or shapes decides by them.
    }], "bool", "isPointwise", (ins), [{}], [{ return true; }]>,
    InterfaceMethod<"Writes the result's element in f32 arithmetic.",
    "::mlir::Value", "formula", (ins "::kinema::clip::Formula &":$f)>,
    InterfaceMethod<"Returns the result's element in double, for these elements of the operands, as its definition says.",
    "double", "number", (ins "::llvm::ArrayRef<double>":$x)>
  ];
}

def ChannelwiseOp : OpInterface<"ChannelwiseOp"> {
  let description = [{
    The operation's operands and results are channel vectors, computed channel by channel: `fuse-kernels` puts it into the
    kernel that merges the sums it depends on.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<"Writes the elements of the results in f32 arithmetic.",
    "::llvm::SmallVector<::mlir::Value>", "formulas", (ins "::kinema::clip::Formula &":$f)>
  ];
}

def ChannelReductionOp : OpInterface<"ChannelReductionOp"> {
  let description = [{
    The operation's results are sums over N, T, H and W, or the moments, of the first operand or of what is computed with
    it: they are taken where that operand is stored.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<"Returns whether the results are the operand's mean and biased variance, merged as such, not sums.",
    "bool", "takesMoments", (ins), [{}], [{ return false; }]>,
    InterfaceMethod<"Writes, for each result, what is summed, in f32 arithmetic; none for moments.",
    "::llvm::SmallVector<::mlir::Value>", "summands", (ins "::kinema::clip::Formula &":$f)>
  ];
}

def ContractionOp : OpInterface<"ContractionOp"> {
  let description = "The operation's result is sums of products, in which the work of a network is counted.";
  let cppNamespace = "::kinema::clip";
  let methods = [InterfaceMethod<"Returns the multiply-adds of all clips.", "int64_t", "getMacs">];
}

/// The result is an activation that is kept, not computed again by each operation that reads it: such a pointwise
/// operation is not put into prologues, and `inspect` counts the memory. `keepsResult` asks for it.
def KeepsResult : NativeOpTrait<"KeepsResult"> {
  let cppNamespace = "::kinema::clip";
}

/// What the result has at a number along N is computed from what the activations have there, the same way at each number.
/// Pointwise operations are so too; `worksClipByClip` asks for both.
def ClipByClip : NativeOpTrait<"ClipByClip"> {
  let cppNamespace = "::kinema::clip";
}

#endif
