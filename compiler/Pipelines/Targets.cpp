#include "compiler/Pipelines/Targets.h"

#include "compiler/Target/CPU/Codegen.h"
#include "compiler/Target/CPU/LowerKernels.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/NVGPU/Codegen.h"
#include "compiler/Target/NVGPU/Emulator/Codegen.h"
#include "compiler/Target/NVGPU/LowerKernels.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Passes.h"

using namespace mlir;
using namespace kinema;

static void addCPUSchedules(OpPassManager &passes, const TargetOptions &options) {
  passes.addPass(createAssignCPUSchedules(AssignCPUSchedulesOptions{options.reference}));
}

static FailureOr<MachineCode> makeCPUCode(ModuleOp planned, const TargetOptions &) {
  auto code = cpu::compileKernels(planned);
  if (failed(code))
    return failure();
  return MachineCode{cpu::targetName, {{std::string("code/") + cpu::targetName + ".so", std::move(*code)}}};
}

static void addNVGPUSchedules(OpPassManager &passes, const TargetOptions &options) {
  if (options.pairs && !options.reference)
    passes.addPass(createPairNVGPUConvs());
  passes.addPass(createAssignNVGPUSchedules(AssignNVGPUSchedulesOptions{options.reference}));
}

/// Adds what runs on a GPU.
static LogicalResult addNVGPUCode(ModuleOp planned, const TargetOptions &options, MachineCode &machineCode) {
  auto code = nvidia::compileKernels(planned, options.toolkit);
  if (failed(code))
    return failure();
  std::string stem = std::string("code/") + nvidia::targetName;
  if (code->assembly)
    machineCode.files.push_back({stem + ".cubin", std::move(code->assembly->cubin)});
  else
    planned.emitWarning("found no ptxas: the package holds PTX alone, which the driver compiles when it is "
                        "loaded; install the CUDA toolkit, or say where it is with --cuda-path");
  machineCode.files.push_back({stem + ".ptx", std::move(code->ptx)});
  return success();
}

static FailureOr<MachineCode> makeNVGPUCode(ModuleOp planned, const TargetOptions &options) {
  MachineCode machineCode{nvidia::targetName, {}};
  if (options.emulator != EmulatorCode::Alone && failed(addNVGPUCode(planned, options, machineCode)))
    return failure();
  if (options.emulator != EmulatorCode::None) {
    auto code = nvidia::compileForEmulator(planned);
    if (failed(code))
      return failure();
    machineCode.files.push_back({"code/emulator.so", std::move(*code)});
  }
  return machineCode;
}

static constexpr TargetInfo table[] = {
    {"cpu", false, false, addCPUSchedules, cpu::buildLoweringPipeline, makeCPUCode},
    {nvidia::targetName, true, true, addNVGPUSchedules, nvidia::buildLoweringPipeline, makeNVGPUCode},
};

ArrayRef<TargetInfo> kinema::targets() { return table; }

const TargetInfo *kinema::targetNamed(StringRef name) {
  for (const TargetInfo &info : table)
    if (info.name == name)
      return &info;
  return nullptr;
}
