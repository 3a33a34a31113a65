#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Clip.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPDIFFERENTIATE
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct ClipDifferentiatePass : kinema::impl::ClipDifferentiateBase<ClipDifferentiatePass> {
  using Base::Base;
  void runOnOperation() override {}
};
} // namespace
