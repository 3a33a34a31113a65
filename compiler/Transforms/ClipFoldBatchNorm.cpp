#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Clip.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPFOLDBATCHNORM
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct ClipFoldBatchNormPass : kinema::impl::ClipFoldBatchNormBase<ClipFoldBatchNormPass> {
  using Base::Base;
  void runOnOperation() override {}
};
} // namespace
