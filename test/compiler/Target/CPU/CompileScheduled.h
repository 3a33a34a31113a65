// Makes machine code of scheduled kernels, without the road around it.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_COMPILESCHEDULED_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_COMPILESCHEDULED_H

#include "compiler/Target/CPU/Codegen.h"
#include "compiler/Target/CPU/LowerKernels.h"

namespace kinema::testing {

/// A shared object with the kernels of the module, which stays as it is.
inline mlir::FailureOr<std::string> compileForCPU(mlir::ModuleOp scheduled) {
  mlir::OwningOpRef<mlir::ModuleOp> lowered = scheduled.clone();
  mlir::PassManager passes(scheduled.getContext());
  cpu::buildLoweringPipeline(passes);
  if (mlir::failed(passes.run(*lowered)) || mlir::failed(cpu::verifyFunctions(*lowered)))
    return mlir::failure();
  return cpu::compileKernels(*lowered);
}

} // namespace kinema::testing

#endif
