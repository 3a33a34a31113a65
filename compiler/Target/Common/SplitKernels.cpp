#include "compiler/Target/Common/SplitKernels.h"

#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"

using namespace mlir;
using namespace kinema;

void kinema::splitKernels(ModuleOp module, int64_t perModule, function_ref<Block *(OpBuilder &)> makePart) {
  SmallVector<kernel::DefOp> defs(module.getOps<kernel::DefOp>());
  for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
    if (!isa<kernel::DefOp>(op))
      op.erase();
  for (NamedAttribute attribute : llvm::to_vector(module->getDiscardableAttrs()))
    if (attribute.getName() != kernel::targetAttribute)
      module->removeDiscardableAttr(attribute.getName());
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Block *part = nullptr;
  for (auto [i, def] : llvm::enumerate(defs)) {
    if (i % perModule == 0)
      part = makePart(builder);
    def->moveBefore(part, part->end());
  }
}
