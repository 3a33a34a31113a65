#include "compiler/Conversion/ArchToClip/Expander.h"
#include "compiler/Conversion/Passes.h"

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
    expansion::Options options{batch, frames, height, width};
    expansion::Expander expander(getOperation(), options);
    if (failed(expander.run()))
      signalPassFailure();
    numCalls += expander.calls();
  }
};

} // namespace
