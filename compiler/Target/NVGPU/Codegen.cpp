#include "compiler/Target/NVGPU/Codegen.h"

#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/PTX.h"

using namespace mlir;
using namespace kinema;

FailureOr<nvidia::Code> nvidia::compileKernels(ModuleOp planned, StringRef toolkit,
                                               const Processor &processor) {
  OwningOpRef<ModuleOp> copy = planned.clone();
  PassManager passes(planned.getContext());
  buildLoweringPipeline(passes);
  if (failed(passes.run(*copy)))
    return failure();
  auto parts = generatePTX(*copy, processor);
  if (failed(parts))
    return failure();
  Code code{joinPTX(*parts), std::nullopt};
  auto ptxas = findAssembler(toolkit);
  if (!ptxas)
    return code;
  code.assembly = assemble(*ptxas, code.ptx, processor);
  if (!code.assembly->error.empty())
    return planned.emitError(code.assembly->error);
  return code;
}
