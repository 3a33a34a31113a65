// Kernels for a GPU, in the emulator.
#include "test/compiler/Target/NVGPU/ReferenceBackend.h"
#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/NVGPU/Emulator/EmulatedKernel.h"

#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

std::function<OwningOpRef<ModuleOp>(ModuleOp)> kinema::testing::changeKernel;
emulator::Profile *kinema::testing::profileOfKernels = nullptr;

const Machine &kinema::testing::machineUnderTest() { return nvidia::plainMachine; }

void kinema::testing::registerUnderTest(DialectRegistry &registry) {
  registry.insert<DLTIDialect, gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  registerHostCode(registry);
}

std::unique_ptr<CompiledKernel> kinema::testing::compileUnderTest(ModuleOp scheduled) {
  return compileForEmulator(scheduled, changeKernel, profileOfKernels);
}
