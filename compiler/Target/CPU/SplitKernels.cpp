#include "compiler/Target/Common/SplitKernels.h"
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
    splitKernels(getOperation(), kernelsPerModule, [&](OpBuilder &builder) {
      return ModuleOp::create(builder, getOperation().getLoc()).getBody();
    });
  }
};
} // namespace
