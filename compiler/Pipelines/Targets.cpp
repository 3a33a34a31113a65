#include "compiler/Pipelines/Targets.h"

#include "compiler/Target/CPU/Codegen.h"
#include "compiler/Target/CPU/LowerKernels.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/NVGPU/Codegen.h"
#include "compiler/Target/NVGPU/Emulator/Codegen.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "compiler/Target/NVGPU/Strategies.h"

using namespace mlir;
using namespace kinema;

template <size_t number> static void addCPUSchedules(OpPassManager &passes, const TargetOptions &options) {
  std::string level = cpu::levels[number].name.str();
  if (!options.reference)
    passes.addPass(createUseWinograd(UseWinogradOptions{level, options.choice, options.measurements}));
  passes.addPass(createAssignCPUSchedules(
      AssignCPUSchedulesOptions{level, options.reference, options.choice, options.measurements}));
}

template <size_t number> static void addCPULowering(OpPassManager &passes) {
  cpu::buildLoweringPipeline(passes, cpu::levels[number]);
}

template <size_t number> static FailureOr<MachineCode> makeCPUCode(ModuleOp planned, const TargetOptions &) {
  const cpu::Level &level = cpu::levels[number];
  auto code = cpu::compileKernels(planned, level);
  if (failed(code))
    return failure();
  std::string name = level.name.str();
  return MachineCode{name, {{"code/" + name + ".so", std::move(*code)}}, {}};
}

template <size_t number> static constexpr TargetInfo cpuLevel() {
  constexpr const cpu::Level &level = cpu::levels[number];
  return {level.name,
          /*channels=*/level.lanes(),
          /*bfloat16=*/false,
          level.machine.multipliesPairs ? BFloat16Products::Pairs : BFloat16Products::Single,
          /*costlyLaunches=*/false,
          addCPUSchedules<number>,
          [](ModuleOp module) { return cpu::verifySchedules(module, cpu::levels[number]); },
          /*addTwins=*/nullptr,
          addCPULowering<number>,
          makeCPUCode<number>};
}

template <size_t number> static void addNVGPUSchedules(OpPassManager &passes, const TargetOptions &options) {
  bool reference = options.reference || !nvidia::processors[number].warpgroups;
  if (options.pairs && !reference)
    passes.addPass(createPairNVGPUConvs());
  passes.addPass(createAssignNVGPUSchedules(
      AssignNVGPUSchedulesOptions{reference, options.choice, options.measurements}));
  if (options.pairs)
    passes.addPass(createFoldNVGPUMerges());
}

/// Adds what runs on a GPU.
static LogicalResult addNVGPUCode(ModuleOp planned, const nvidia::Processor &processor,
                                  const TargetOptions &options, MachineCode &machineCode) {
  auto code = nvidia::compileKernels(planned, options.toolkit, processor, options.watchdog);
  if (failed(code))
    return failure();
  if (options.watchdog)
    machineCode.sites = std::move(code->sites);
  std::string stem = "code/" + processor.name.str();
  for (auto [number, part] : llvm::enumerate(code->parts))
    machineCode.loaded.push_back({stem + "." + std::to_string(number) + ".cubin", std::move(part.cubin)});
  if (code->parts.empty())
    planned.emitWarning("found no ptxas: the package holds PTX alone, which the driver compiles when it is "
                        "loaded; install the CUDA toolkit, or say where it is with --cuda-path");
  auto &place = code->parts.empty() ? machineCode.loaded : machineCode.beside;
  place.push_back({stem + ".ptx", std::move(code->ptx)});
  return success();
}

/// By the model of time, which is a Hopper's.
static std::optional<LaunchEstimate> estimateOnHopper(kernel::LaunchOp launch, Operation *kernel) {
  auto predicted = nvidia::predictedSeconds(kernel);
  if (!predicted)
    return std::nullopt;
  return LaunchEstimate{*predicted, nvidia::floorOf({int64_t(launch.getReads()), int64_t(launch.getWrites()),
                                                     int64_t(launch.getMacs())})};
}

template <size_t number>
static FailureOr<MachineCode> makeNVGPUCode(ModuleOp planned, const TargetOptions &options) {
  const nvidia::Processor &processor = nvidia::processors[number];
  MachineCode machineCode{processor.name.str(), {}, {}};
  if (processor.name == nvidia::hopper.name)
    machineCode.estimate = estimateOnHopper;
  if (options.emulator != EmulatorCode::Alone &&
      failed(addNVGPUCode(planned, processor, options, machineCode)))
    return failure();
  if (options.emulator != EmulatorCode::None) {
    auto code = nvidia::compileForEmulator(planned);
    if (failed(code))
      return failure();
    auto &place = machineCode.loaded.empty() ? machineCode.loaded : machineCode.beside;
    place.push_back({"code/emulator.so", std::move(*code)});
  }
  return machineCode;
}

template <size_t number> static constexpr TargetInfo nvgpu() {
  constexpr const nvidia::Processor &processor = nvidia::processors[number];
  return {processor.name,
          /*channels=*/8,
          /*bfloat16=*/true,
          processor.warpgroups ? BFloat16Products::TensorCores : BFloat16Products::Single,
          /*costlyLaunches=*/true,
          addNVGPUSchedules<number>,
          [](ModuleOp module) { return nvidia::verifySchedules(module, nvidia::processors[number]); },
          [](OpPassManager &passes) { passes.addPass(createAddNVGPUTwins()); },
          nvidia::buildLoweringPipeline,
          makeNVGPUCode<number>};
}

static constexpr TargetInfo table[] = {
    cpuLevel<0>(), cpuLevel<1>(), cpuLevel<2>(), cpuLevel<3>(),
    nvgpu<0>(),    nvgpu<1>(),    nvgpu<2>(),    nvgpu<3>(),
};
static_assert(std::size(table) == std::size(cpu::levels) + std::size(nvidia::processors));

ArrayRef<TargetInfo> kinema::targets() { return table; }

const TargetInfo *kinema::targetNamed(StringRef name) {
  for (const TargetInfo &info : table)
    if (info.name == name)
      return &info;
  return nullptr;
}
