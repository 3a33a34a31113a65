#ifndef KINEMA_DIALECTS_CLIP_CLIPINTERFACES
#define KINEMA_DIALECTS_CLIP_CLIPINTERFACES

include "mlir/IR/OpBase.td"

def DifferentiableOp : OpInterface<"DifferentiableOp"> {
  let description = [{
    An operation that can say the gradients of its operands. Implemented beside the operation's definition, used by
    the pass `clip-differentiate`.
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
    An operation with one result, an activation, each element of which is computed from the operands' elements at the same
    place: of an activation of the result's shape its own, of a channel vector the channel's, of an activation with sizes
    of 1 the one that is repeated there.

    `fuse-kernels` writes the formula into the regions of the kernels that read or make the value; the interpreter, which
    those kernels are compared with, takes the number. The two say the same and share no code: where one is wrong they
    differ.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<[{
      Whether this operation is of that kind. One that is so for some windows or shapes alone says which.
    }], "bool", "isPointwise", (ins), [{}], [{ return true; }]>,
    InterfaceMethod<"Writes the result's element in f32 arithmetic.",
    "::mlir::Value", "formula", (ins "::kinema::clip::Formula &":$f)>,
    InterfaceMethod<"The result's element in double, for these of the operands, as the operation's definition says.",
    "double", "number", (ins "::llvm::ArrayRef<double>":$x)>
  ];
}

def ChannelwiseOp : OpInterface<"ChannelwiseOp"> {
  let description = [{
    An operation whose operands and results are channel vectors, computed channel by channel: `fuse-kernels` puts it into
    the kernel that merges the sums it depends on.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<"Writes the elements of the results in f32 arithmetic.",
    "::llvm::SmallVector<::mlir::Value>", "formulas", (ins "::kinema::clip::Formula &":$f)>
  ];
}

def ChannelReductionOp : OpInterface<"ChannelReductionOp"> {
  let description = [{
    An operation whose results are sums over N, T, H and W, or the moments, of the first operand or of what is computed
    with it: they are taken where that operand is stored.
  }];
  let cppNamespace = "::kinema::clip";
  let methods = [
    InterfaceMethod<"Whether the results are mean and biased variance of the operand, merged as such, and not sums.",
    "bool", "takesMoments", (ins), [{}], [{ return false; }]>,
    InterfaceMethod<"Writes, for each result, what is summed, in f32 arithmetic; none for moments.",
    "::llvm::SmallVector<::mlir::Value>", "summands", (ins "::kinema::clip::Formula &":$f)>
  ];
}

def ContractionOp : OpInterface<"ContractionOp"> {
  let description = "An operation whose result is sums of products: what the work of a network is counted in.";
  let cppNamespace = "::kinema::clip";
  let methods = [InterfaceMethod<"The multiply-adds, of all clips.", "int64_t", "getMacs">];
}

/// The result is an activation that is kept, not computed again by each operation that reads it: such a pointwise
/// operation is not put into prologues, and `inspect` counts the memory.
def KeepsResult : NativeOpTrait<"KeepsResult"> {
  let cppNamespace = "::kinema::clip";
}

#endif
