#include "dialects/Kernel/Halves.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace kinema;

bool kernel::isHalf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isBF16() || element.isF16();
}

FloatType kernel::halfOf(Precision precision, MLIRContext *context) {
  switch (precision) {
  case Precision::BF16:
    return BFloat16Type::get(context);
  case Precision::FP16:
    return Float16Type::get(context);
  case Precision::FP32:
  case Precision::BF16x3:
    return {};
  }
  llvm_unreachable("unknown precision");
}

FloatType kernel::halfOf(const AccessRegion &prologue) {
  Value yielded = cast<YieldOp>(prologue.getRegion().front().getTerminator()).getValues().front();
  Type element = Float32Type::get(yielded.getContext());
  if (Value operand = prologue.operandOf(yielded))
    element = getElementTypeOrSelf(operand);
  else if (auto widened = yielded.getDefiningOp<arith::ExtFOp>())
    element = widened.getIn().getType();
  return isHalf(element) ? cast<FloatType>(element) : BFloat16Type::get(yielded.getContext());
}
