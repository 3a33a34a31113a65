#include "compiler/Target/NVGPU/Target.h"

#include "compiler/Target/Common/Functions.h"
#include "compiler/Target/NVGPU/Codegen.h"
#include "compiler/Target/NVGPU/Emulator/Codegen.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"
#include "dialects/Kernel/Terms.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {
class NVGPUTarget final : public Target {
public:
  explicit NVGPUTarget(const Processor &processor)
      : Target(kernel::TargetKind::CUDA, processor.name), processor(processor),
        strategies(nvidia::strategies(processor)) {}

  const Machine &machine() const override { return processor.machine; }
  kernel::Precision preferredPrecision() const override { return kernel::Precision::BF16; }
  void addStorage(OpPassManager &passes, kernel::Precision precision,
                  const TargetOptions &options) const override {
    passes.addPass(createAssignNVGPUStorage(AssignNVGPUStorageOptions{precision, options.reference}));
  }
  bool hasCostlyLaunches() const override { return true; }
  void addSchedules(OpPassManager &passes, const TargetOptions &options) const override;
  LogicalResult verifySchedules(ModuleOp module) const override {
    return nvidia::verifySchedules(module, processor);
  }
  bool hasTwins() const override { return true; }
  void addTwins(OpPassManager &passes) const override { passes.addPass(createAddNVGPUTwins()); }
  bool hasWatchdog() const override { return true; }
  void addLowering(OpPassManager &passes) const override { buildLoweringPipeline(passes); }
  LogicalResult verifyFunctions(ModuleOp lowered) const override { return nvidia::verifyFunctions(lowered); }
  FailureOr<MachineCode> makeCode(ModuleOp lowered, const TargetOptions &options) const override;
  FailureOr<std::string> codeText(ModuleOp lowered, CodeForm form) const override {
    return nvidia::codeText(lowered, form);
  }
  std::optional<LaunchEstimate> estimate(kernel::LaunchOp launch, Operation *kernel) const override;
  std::optional<Peaks> peaks() const override {
    return Peaks{processor.rates.products, processor.rates.memory};
  }
  bool reportsCode() const override { return true; }
  FailureOr<CodeReport> reportCode(ModuleOp lowered, const TargetOptions &options) const override;

private:
  LogicalResult addCode(ModuleOp lowered, const TargetOptions &options, MachineCode &machineCode) const;

  const Processor &processor;
  SmallVector<Strategy> strategies;
};
} // namespace

void NVGPUTarget::addSchedules(OpPassManager &passes, const TargetOptions &options) const {
  if (options.pairs && !options.reference) {
    if (readSharedMemory(processor.tensorCores))
      passes.addPass(createPairNVGPUConvs());
    passes.addPass(createStoreNVGPUPrologues());
  }
  passes.addPass(createAssignNVGPUSchedules(AssignNVGPUSchedulesOptions{
      options.reference, options.choice, options.measurements, options.noteCandidates}));
  if (options.pairs)
    passes.addPass(createAttachNVGPUMerges());
}

/// Adds what runs on a GPU.
LogicalResult NVGPUTarget::addCode(ModuleOp lowered, const TargetOptions &options,
                                   MachineCode &machineCode) const {
  auto code = compileKernels(lowered, options.toolkit, options.watchdog);
  if (failed(code))
    return failure();
  if (options.watchdog)
    machineCode.sites = std::move(code->sites);
  machineCode.waitsForLaunches = processor.dependentLaunches();
  std::string stem = "code/" + name.str();
  for (auto [number, part] : llvm::enumerate(code->parts))
    machineCode.loaded.push_back({stem + "." + std::to_string(number) + ".cubin", std::move(part.cubin)});
  if (code->parts.empty())
    lowered.emitWarning("found no ptxas: the package holds PTX alone, which the driver compiles when it is "
                        "loaded; install the CUDA toolkit, or say where it is with --cuda-path");
  auto &place = code->parts.empty() ? machineCode.loaded : machineCode.beside;
  if (code->parts.empty() || options.text)
    place.push_back({stem + ".ptx", std::move(code->ptx)});
  return success();
}

FailureOr<MachineCode> NVGPUTarget::makeCode(ModuleOp lowered, const TargetOptions &options) const {
  MachineCode machineCode;
  (void)forEachFunction<gpu::GPUModuleOp>(lowered, [&](kernel::DefOp def, LLVM::LLVMFuncOp function) {
    if (std::vector<BoxMap> maps = boxMapsOf(function); !maps.empty())
      machineCode.maps[def.getSymName().str()] = std::move(maps);
    return success();
  });
  OwningOpRef<ModuleOp> copy = options.emulator == EmulatorCode::Beside ? lowered.clone() : ModuleOp();
  if (options.emulator != EmulatorCode::Alone && failed(addCode(lowered, options, machineCode)))
    return failure();
  if (options.emulator != EmulatorCode::None) {
    auto code = compileForEmulator(copy ? *copy : lowered);
    if (failed(code))
      return failure();
    auto &place = machineCode.loaded.empty() ? machineCode.loaded : machineCode.beside;
    place.push_back({"code/emulator.so", std::move(*code)});
  }
  return machineCode;
}

std::optional<LaunchEstimate> NVGPUTarget::estimate(kernel::LaunchOp launch, Operation *kernel) const {
  auto predicted = predictionOf(kernel, strategies);
  if (!predicted)
    return std::nullopt;
  kernel::Traffic traffic{int64_t(launch.getReads()), int64_t(launch.getWrites()),
                          int64_t(launch.getMacs()) * kernel::productsOfMac(kernel)};
  return LaunchEstimate{predicted->seconds, floorOf(processor.rates, traffic), predicted->limit};
}

FailureOr<CodeReport> NVGPUTarget::reportCode(ModuleOp lowered, const TargetOptions &options) const {
  auto code = compileKernels(lowered, options.toolkit);
  if (failed(code))
    return failure();
  CodeReport report;
  for (const Assembly &part : code->parts)
    llvm::append_range(report.warnings, part.warnings);
  for (auto def : lowered.getOps<kernel::DefOp>()) {
    const Resources *found = code->resourcesOf(def.getSymName().str());
    if (!found)
      continue;
    auto schedule = def.getKernel()->getAttrOfType<kernel::ScheduleAttr>("schedule");
    double share = occupancy(*found, schedule.getThreads().value_or(1), schedule.getScratch(), processor);
    report.kernels[def.getSymName().str()] = {found->registers, found->spillBytes, found->stackBytes,
                                              found->sharedBytes, share};
  }
  return report;
}

ArrayRef<const Target *> nvidia::targets() {
  static const auto made =
      llvm::map_to_vector(processors, [](const Processor &processor) { return NVGPUTarget(processor); });
  static const auto found =
      llvm::map_to_vector(made, [](const NVGPUTarget &target) -> const Target * { return &target; });
  return found;
}
