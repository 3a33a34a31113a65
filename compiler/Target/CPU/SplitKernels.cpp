#include "compiler/Target/CPU/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_SPLITCPUKERNELS
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct SplitCPUKernels : kinema::impl::SplitCPUKernelsBase<SplitCPUKernels> {
  using Base::Base;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<kernel::DefOp> defs(module.getOps<kernel::DefOp>());
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    ModuleOp part;
    for (auto [i, def] : llvm::enumerate(defs)) {
      if (i % kernelsPerModule == 0)
        part = ModuleOp::create(builder, module.getLoc());
      def->moveBefore(part.getBody(), part.getBody()->end());
    }
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (!isa<ModuleOp>(op))
        op.erase();
    for (NamedAttribute attribute : llvm::to_vector(module->getDiscardableAttrs()))
      module->removeDiscardableAttr(attribute.getName());
  }
};
} // namespace
