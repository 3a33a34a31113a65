// Kernels for a GPU, in the emulator.
#include "test/compiler/Target/NVGPU/reference_backend.h"
#include "test/compiler/Target/Common/reference_harness.h"
#include "test/compiler/Target/NVGPU/Emulator/EmulatorTesting.h"

#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/Machine.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {
class EmulatedKernel : public CompiledKernel {
public:
  EmulatedKernel(ModuleOp module, int64_t shared) : module(module), shared(shared) {}

  void run(ArrayRef<Buffer> buffers, int64_t grid, unsigned attempt) override {
    std::vector<void *> arguments;
    std::vector<emulator::MemoryRange> memory;
    for (const Buffer &buffer : buffers) {
      auto *begin = static_cast<std::byte *>(buffer.data);
      bool known = llvm::is_contained(arguments, buffer.data); // an operand that a result is written over
      arguments.push_back(buffer.data);
      if (!known)
        memory.push_back({begin, buffer.bytes, buffer.written});
    }
    emulator::LaunchShape shape;
    shape.grid = grid;
    shape.dynamicShared = shared;
    auto violation = module.run("k", shape, attempt * 7, arguments, memory);
    EXPECT_FALSE(violation) << violation->what;
  }

private:
  emulator::EmulatedModule module;
  int64_t shared; // bytes
};
} // namespace

std::function<OwningOpRef<ModuleOp>(ModuleOp)> kinema::testing::changeKernel;

const Machine &kinema::testing::machineUnderTest() { return nvidia::machine; }

void kinema::testing::registerUnderTest(DialectRegistry &registry) {
  registry.insert<DLTIDialect, gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  registerHostCode(registry);
}

std::unique_ptr<CompiledKernel> kinema::testing::compileUnderTest(ModuleOp scheduled) {
  OwningOpRef<ModuleOp> copy = scheduled.clone();
  PassManager passes(scheduled.getContext());
  nvidia::buildLoweringPipeline(passes);
  int64_t shared = 0;
  scheduled.walk([&](Operation *op) {
    if (auto schedule = op->getAttrOfType<kernel::ScheduleAttr>("schedule"))
      shared = schedule.getScratch();
  });
  if (failed(passes.run(*copy)))
    return nullptr;
  if (changeKernel)
    copy = changeKernel(*copy);
  return std::make_unique<EmulatedKernel>(*copy, shared);
}
