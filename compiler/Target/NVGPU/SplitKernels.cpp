// Implements the pass split-nvgpu-kernels.
#include "compiler/Target/Common/SplitKernels.h"
#include "compiler/Target/NVGPU/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_SPLITNVGPUKERNELS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct SplitNVGPUKernelsPass : kinema::impl::SplitNVGPUKernelsBase<SplitNVGPUKernelsPass> {
  using Base::Base;
  void runOnOperation() override {
    int64_t parts = 0;
    splitKernels(getOperation(), kernelsPerModule, [&](OpBuilder &builder) {
      std::string name = "part" + std::to_string(parts++);
      return gpu::GPUModuleOp::create(builder, getOperation().getLoc(), name).getBody();
    });
  }
};
} // namespace
