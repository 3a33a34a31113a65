// Implements the pass set-target.
#include "compiler/Transforms/Passes.h"
#include "dialects/Kernel/Attributes.h"

namespace kinema {
#define GEN_PASS_DEF_SETTARGET
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct SetTarget : kinema::impl::SetTargetBase<SetTarget> {
  using Base::Base;
  void runOnOperation() override {
    getOperation()->setAttr(kernel::targetAttribute, kernel::TargetAttr::get(&getContext(), kind, name));
  }
};
} // namespace
