#include "compiler/Conversion/ArchToClip/Expander.h"
#include "compiler/Conversion/Passes.h"
#include "dialects/Recipe.h"

namespace kinema {
#define GEN_PASS_DEF_ARCHTOCLIP
#include "compiler/Conversion/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

struct ArchToClipPass : kinema::impl::ArchToClipBase<ArchToClipPass> {
  using Base::Base;

  void runOnOperation() override {
    auto trained = llvm::dyn_cast_or_null<IntegerAttr>(recipeField(getOperation(), "train", "batch"));
    int64_t clips = batch != 0 ? int64_t(batch) : trained ? trained.getInt() : 1;
    expansion::Expander expander(getOperation(), {clips, frames, height, width});
    if (failed(expander.run()))
      signalPassFailure();
    numCalls += expander.calls();
  }
};

} // namespace
