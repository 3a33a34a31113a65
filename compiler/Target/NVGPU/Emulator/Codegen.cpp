#include "compiler/Target/NVGPU/Emulator/Codegen.h"

#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/NVGPU/Emulator/Passes.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace kinema;

FailureOr<std::string> nvidia::compileForEmulator(ModuleOp lowered) {
  PassManager passes(lowered.getContext());
  passes.addPass(createNVVMToEmulator());
  if (failed(passes.run(lowered)))
    return failure();
  return generateHostCode(lowered, leastProcessor);
}
