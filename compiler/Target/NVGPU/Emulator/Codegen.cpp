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
  // The emulator spends little of its time in the kernels' own code.
  return generateHostCode(lowered, leastProcessor, Quick::Compiling);
}
