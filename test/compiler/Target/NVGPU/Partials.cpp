#include "test/compiler/Target/NVGPU/Partials.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

Form kinema::testing::formOf(Operation *op, unsigned result) {
  if (isa<kernel::WeightGradOp>(op))
    return Form::Sums;
  Form form = Form::Whole;
  op->walk([&](kernel::YieldOp yield) {
    unsigned stores = yield.countOf(kernel::Yield::Store);
    if (yield.countOf(kernel::Yield::Moments) + yield.countOf(kernel::Yield::Sum) > 0 && result >= stores)
      form = result < stores + yield.countOf(kernel::Yield::Moments) ? Form::Moments : Form::Sums;
  });
  return form;
}

void kinema::testing::forgetPartials(Operation *op) {
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (formOf(op, i) != Form::Whole) {
      auto type = cast<RankedTensorType>(result.getType());
      SmallVector<int64_t> shape(type.getShape());
      shape[0] = ShapedType::kDynamic;
      result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
    }
}
