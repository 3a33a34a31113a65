#include "dialects/Kernel/WidenedWeights.h"

#include "dialects/Kernel/Attributes.h"

using namespace mlir;
using namespace kinema;

int64_t kernel::groupsTogether(ConvOp op) {
  bool forward = op.getDirection() == Direction::Forward;
  int64_t inputs = (forward ? op.getSourceType() : op.getResultType()).getDimSize(1), groups = op.getGroups();
  int64_t shared = tensorOf(op.getWeight()).getShape().take_back(4)[0] * groups;
  return shared % inputs == 0 && groups % (shared / inputs) == 0 ? shared / inputs : 0;
}

SmallVector<int64_t> kernel::widenedGroups(ConvertOp op) {
  auto groups = op->getAttrOfType<DenseI64ArrayAttr>(widenedAttribute);
  return groups ? SmallVector<int64_t>(groups.asArrayRef()) : SmallVector<int64_t>(op.getNumOperands(), 1);
}

void kernel::setWidenedGroups(ConvertOp op, ArrayRef<int64_t> groups) {
  if (llvm::any_of(groups, [](int64_t ofOne) { return ofOne > 1; }))
    op->setAttr(widenedAttribute, DenseI64ArrayAttr::get(op.getContext(), groups));
}
