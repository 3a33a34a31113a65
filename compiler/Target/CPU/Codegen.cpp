#include "compiler/Target/CPU/Codegen.h"

#include "compiler/Target/CPU/LowerKernels.h"
#include "compiler/Target/Common/HostCode.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace kinema;

FailureOr<std::string> cpu::compileKernels(ModuleOp planned) {
  const Level *level = levelOf(planned);
  if (!level)
    return failure();
  OwningOpRef<ModuleOp> copy = planned.clone();
  PassManager passes(planned.getContext());
  buildLoweringPipeline(passes);
  if (failed(passes.run(*copy)))
    return failure();
  return generateHostCode(*copy, level->processor);
}
