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

#endif
