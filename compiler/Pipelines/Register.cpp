#include "compiler/Pipelines/Register.h"

#include "compiler/Conversion/Passes.h"
#include "compiler/Pipelines/Step.h"
#include "compiler/Target/CPU/LowerKernels.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/NVGPU/Emulator/Passes.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/PTX.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Clip.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

void kinema::registerAllKinema(mlir::DialectRegistry &registry) {
  registry.insert<clip::ClipDialect, kernel::KernelDialect>();
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerHostCode(registry);
  nvidia::registerPTX(registry);
}

void kinema::registerKinemaPasses() {
  registerTransformsPasses();
  registerFuseKernels();
  registerCPUPasses();
  registerEmulatorPasses();
  cpu::registerLoweringPipeline();
  registerNVGPUPasses();
  nvidia::registerLoweringPipeline();
  registerStepPipeline();
}
