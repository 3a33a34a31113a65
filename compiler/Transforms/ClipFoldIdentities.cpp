#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPFOLDIDENTITIES
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct ClipFoldIdentitiesPass : kinema::impl::ClipFoldIdentitiesBase<ClipFoldIdentitiesPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        fold(function);
  }

  void fold(func::FuncOp function) {
    SmallVector<Value> kept = featuredValues(function);
    for (Operation &op : llvm::make_early_inc_range(function.front())) {
      SmallVector<OpFoldResult> same;
      if (op.getNumResults() != 1 || llvm::is_contained(kept, op.getResult(0)) || failed(op.fold(same)) ||
          same.empty())
        continue;
      op.getResult(0).replaceAllUsesWith(cast<Value>(same.front()));
      op.erase();
      ++folded;
    }
  }
};
} // namespace
