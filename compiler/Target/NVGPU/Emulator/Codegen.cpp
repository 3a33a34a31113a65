#include "compiler/Target/NVGPU/Emulator/Codegen.h"

#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/NVGPU/Emulator/Passes.h"
#include "compiler/Target/NVGPU/LowerKernels.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace kinema;

FailureOr<std::string> nvidia::compileForEmulator(ModuleOp planned) {
  OwningOpRef<ModuleOp> copy = planned.clone();
  PassManager passes(planned.getContext());
  buildLoweringPipeline(passes);
  passes.addPass(createNVVMToEmulator());
  if (failed(passes.run(*copy)))
    return failure();
  return generateHostCode(*copy, leastProcessor);
}
