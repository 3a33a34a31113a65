#include "dialects/Kernel/Partials.h"

using namespace mlir;
using namespace kinema;

/// Returns the form of a result of an operation that yields. Behind the stored results, moments come first.
static kernel::Form formBehindStores(kernel::YieldOp yield, unsigned result) {
  unsigned stores = yield.countOf(kernel::Yield::Store), moments = yield.countOf(kernel::Yield::Moments);
  if (result < stores)
    return kernel::Form::Whole;
  return result < stores + moments ? kernel::Form::Moments : kernel::Form::Sums;
}

static kernel::YieldOp yieldOf(Region &region) {
  return cast<kernel::YieldOp>(region.front().getTerminator());
}

kernel::Form kernel::ConvOp::getForm(unsigned result) {
  return formBehindStores(yieldOf(getEpilogue()), result);
}
kernel::Form kernel::MapOp::getForm(unsigned result) { return formBehindStores(yieldOf(getBody()), result); }
kernel::Form kernel::WeightGradOp::getForm(unsigned) { return Form::Sums; }

void kernel::forgetPartials(Operation *op) {
  auto kernel = cast<LaunchableOp>(op);
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (kernel.getForm(i) != Form::Whole) {
      auto type = tensorOf(result);
      SmallVector<int64_t> shape(type.getShape());
      shape[0] = ShapedType::kDynamic;
      result.setType(RankedTensorType::get(shape, type.getElementType(), type.getEncoding()));
    }
}
