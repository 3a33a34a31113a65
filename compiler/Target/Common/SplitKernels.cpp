#include "compiler/Target/Common/SplitKernels.h"

#include "dialects/Kernel/Kernel.h"

using namespace mlir;
using namespace kinema;

void kinema::splitKernels(ModuleOp module, int64_t perModule, function_ref<Block *(OpBuilder &)> makePart) {
  SmallVector<kernel::DefOp> defs(module.getOps<kernel::DefOp>());
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Block *part = nullptr;
  for (auto [i, def] : llvm::enumerate(defs)) {
    if (i % perModule == 0)
      part = makePart(builder);
    OpBuilder::atBlockEnd(part).clone(*def);
  }
}
