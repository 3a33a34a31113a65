#ifndef KINEMA_TEST_COMPILER_OPERATION_TOYOPS
#define KINEMA_TEST_COMPILER_OPERATION_TOYOPS

include "dialects/Clip/ClipInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ToyDialect : Dialect {
  let name = "toy";
  let cppNamespace = "::kinema::toy";
}

def SiluOp : Op<ToyDialect, "silu", [Pure, SameOperandsAndResultType, DeclareOpInterfaceMethods<PointwiseOp>,
                                     DeclareOpInterfaceMethods<DifferentiableOp>]> {
  let summary = "x / (1 + exp(-x))";
  let arguments = (ins TensorRankOf<[F32], [5]>:$x);
  let results = (outs TensorRankOf<[F32], [5]>:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def CosineOp : Op<ToyDialect, "cosine", [Pure, SameOperandsAndResultType, DeclareOpInterfaceMethods<PointwiseOp>]> {
  let summary = "cos(x), of which not even the formula's arithmetic is known";
  let arguments = (ins TensorRankOf<[F32], [5]>:$x);
  let results = (outs TensorRankOf<[F32], [5]>:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

#endif
