#include "compiler/Pipelines/Register.h"

#include "compiler/Pipelines/Step.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Clip.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

void kinema::registerAllKinema(mlir::DialectRegistry &registry) {
  registry.insert<clip::ClipDialect>();
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
}

void kinema::registerKinemaPasses() {
  registerTransformsPasses();
  registerStepPipeline();
}
