#include "dialects/Kernel/Terms.h"

#include "dialects/Kernel/Halves.h"

using namespace mlir;
using namespace kinema;

bool kernel::multipliesTerms(Operation *kernel) {
  if (auto conv = dyn_cast<ConvOp>(kernel))
    return conv.getBf16x3();
  auto wgrad = dyn_cast<WeightGradOp>(kernel);
  return wgrad && wgrad.getBf16x3();
}

int64_t kernel::productsOfMac(Operation *kernel) {
  // The product of two rests is left out.
  return multipliesTerms(kernel) ? terms * terms - 1 : 1;
}

bool kernel::makesTerms(RankedTensorType from, RankedTensorType to) {
  return from.getElementType().isF32() && to.getElementType().isBF16() && from.getRank() == 5 &&
         to.getRank() == 6 && to.getDimSize(0) == terms;
}

bool kernel::readsNarrow(Operation *kernel) {
  return !multipliesTerms(kernel) &&
         llvm::any_of(kernel->getOperandTypes(), [](Type type) { return isHalf(type); });
}
