// Expands specs for tests.
#ifndef KINEMA_TEST_COMPILER_EXPAND_EXPAND_H
#define KINEMA_TEST_COMPILER_EXPAND_EXPAND_H

#include "compiler/Inspect/LayerTable.h"
#include "compiler/Pipelines/Frontend.h"
#include "dialects/Clip/Clip.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

namespace kinema::test {

struct Expanded {
  std::unique_ptr<mlir::MLIRContext> context =
      std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  std::unique_ptr<Spec> spec = std::make_unique<Spec>();
  mlir::OwningOpRef<mlir::ModuleOp> module;

  std::string errors() const { return spec->diagnostics.render(); }
  inspect::LayerTable table() { return *inspect::describeNetwork(*module); }
  mlir::DictionaryAttr fact(llvm::StringRef name) {
    return (*module)->getAttrOfType<mlir::DictionaryAttr>(name);
  }
};

/// Expands a network of models/, such as "torchvision/r3d_18".
inline Expanded expandModel(const std::string &name, const FrontendOptions &options = {}) {
  Expanded result;
  std::string path = KINEMA_SOURCE_DIR "/models/" + name + ".arch";
  result.module = loadAndExpand(*result.context, path, options, Phase::Clip, *result.spec);
  EXPECT_TRUE(result.module) << result.errors();
  return result;
}

/// Expands a text, which errors call net.arch.
inline Expanded expandText(const std::string &text, const FrontendOptions &options = {}) {
  Expanded result;
  if (dsl::loadText("net.arch", text, {}, result.spec->program, result.spec->diagnostics))
    result.module = expandLoaded(*result.context, options, *result.spec);
  return result;
}

} // namespace kinema::test

#endif
