#include "dialects/Kernel/Partials.h"

using namespace mlir;
using namespace kinema;

kernel::Form kernel::formOf(Operation *op, unsigned result) {
  if (isa<WeightGradOp>(op))
    return Form::Sums;
  Form form = Form::Whole;
  op->walk([&](YieldOp yield) {
    unsigned stores = yield.countOf(Yield::Store), moments = yield.countOf(Yield::Moments);
    if (moments + yield.countOf(Yield::Sum) > 0 && result >= stores)
      form = result < stores + moments ? Form::Moments : Form::Sums;
  });
  return form;
}

void kernel::forgetPartials(Operation *op) {
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (formOf(op, i) != Form::Whole) {
      auto type = cast<RankedTensorType>(result.getType());
      SmallVector<int64_t> shape(type.getShape());
      shape[0] = ShapedType::kDynamic;
      result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
    }
}

int64_t kernel::depthOf(Operation *op) {
  auto elements = [](Value value) { return cast<RankedTensorType>(value.getType()).getNumElements(); };
  if (auto conv = dyn_cast<ConvOp>(op))
    return elements(conv.getWeight()) / cast<RankedTensorType>(conv.getWeight().getType()).getDimSize(0) *
           (conv.getDirection() == Direction::Forward ? 1 : 4);
  int64_t largest = 1;
  for (Value operand : op->getOperands())
    largest = std::max(largest, elements(operand));
  return largest;
}
