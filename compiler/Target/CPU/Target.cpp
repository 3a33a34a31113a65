#include "compiler/Target/CPU/Target.h"

#include "compiler/Target/CPU/Codegen.h"
#include "compiler/Target/CPU/LowerKernels.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Strategies.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

namespace {
class CPUTarget final : public Target {
public:
  explicit CPUTarget(const Level &level)
      : Target(kernel::TargetKind::CPU, level.name), level(level), strategies(cpu::strategies(level)) {}

  const Machine &machine() const override { return level.machine; }
  void addStorage(OpPassManager &passes, kernel::Precision precision,
                  const TargetOptions &options) const override {
    bool bfloat16 = precision == kernel::Precision::BF16;
    passes.addPass(createAssignCPUStorage(AssignCPUStorageOptions{bfloat16, options.reference}));
  }
  void addSchedules(OpPassManager &passes, const TargetOptions &options) const override {
    passes.addPass(createAssignCPUSchedules(AssignCPUSchedulesOptions{
        options.reference, options.choice, options.measurements, options.noteCandidates}));
  }
  LogicalResult verifySchedules(ModuleOp module) const override {
    return cpu::verifySchedules(module, level);
  }
  void addLowering(OpPassManager &passes) const override { buildLoweringPipeline(passes); }
  LogicalResult verifyFunctions(ModuleOp lowered) const override { return cpu::verifyFunctions(lowered); }
  FailureOr<MachineCode> makeCode(ModuleOp lowered, const TargetOptions &) const override {
    auto code = compileKernels(lowered);
    if (failed(code))
      return failure();
    return MachineCode{{{"code/" + name.str() + ".so", std::move(*code)}}, {}};
  }

  FailureOr<std::string> codeText(ModuleOp lowered, CodeForm form) const override {
    return cpu::codeText(lowered, form);
  }

  std::optional<LaunchEstimate> estimate(kernel::LaunchOp, Operation *kernel) const override {
    auto predicted = predictionOf(kernel, strategies);
    return predicted ? std::optional(LaunchEstimate{predicted->seconds}) : std::nullopt;
  }

private:
  const Level &level;
  SmallVector<Strategy> strategies;
};
} // namespace

ArrayRef<const Target *> cpu::targets() {
  static const auto made = llvm::map_to_vector(levels, [](const Level &level) { return CPUTarget(level); });
  static const auto found =
      llvm::map_to_vector(made, [](const CPUTarget &target) -> const Target * { return &target; });
  return found;
}
