#include "test/compiler/Target/NVGPU/Emulator/EmulatedKernel.h"
#include "test/compiler/Target/Common/TargetUnderTest.h"

#include "compiler/Target/NVGPU/LowerKernels.h"
#include "test/compiler/Target/NVGPU/Emulator/EmulatorTesting.h"

#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {
class EmulatedKernel : public CompiledKernel {
public:
  EmulatedKernel(ModuleOp module, int64_t shared, emulator::Profile *profile)
      : module(module), shared(shared), profile(profile) {}

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
    shape.profile = profile;
    auto violation = module.run("k", shape, attempt * 7, arguments, memory);
    EXPECT_FALSE(violation) << violation->what;
  }

private:
  emulator::EmulatedModule module;
  int64_t shared; // bytes
  emulator::Profile *profile;
};
} // namespace

std::unique_ptr<CompiledKernel>
kinema::testing::compileForEmulator(ModuleOp scheduled,
                                    const std::function<OwningOpRef<ModuleOp>(ModuleOp)> &change,
                                    emulator::Profile *profile) {
  OwningOpRef<ModuleOp> copy = scheduled.clone();
  if (!kernel::TargetAttr::of(*copy))
    setTarget(*copy, kernel::TargetKind::CUDA, hopper);
  PassManager passes(scheduled.getContext());
  nvidia::buildLoweringPipeline(passes);
  int64_t shared = 0;
  scheduled.walk([&](Operation *op) {
    if (auto schedule = kernel::scheduleOf(op))
      shared = schedule.getScratch();
  });
  if (failed(passes.run(*copy)))
    return nullptr;
  if (change)
    copy = change(*copy);
  return std::make_unique<EmulatedKernel>(*copy, shared, profile);
}
