#ifndef KINEMA_COMPILER_TARGET_CPU_PASSES
#define KINEMA_COMPILER_TARGET_CPU_PASSES

include "mlir/Pass/PassBase.td"

def AssignCPUSchedules : Pass<"assign-cpu-schedules", "::mlir::ModuleOp"> {
  let summary = "choose how each kernel is carried out on a CPU";
  let description = [{
    Why: the number of partials that a kernel leaves for the next one is its schedule's, so schedules come before the
    memory plan. Convs and their weight gradients get a register-tiled schedule where one applies, everything else the
    reference lowering; `reference` gives it to all.

    Before: `%z, %m = kernel.conv forward ... -> tensor<2x64x8x56x56xf32, ...>, tensor<?x3x64xf32, ...>`

    After: `... {schedule = #kernel.schedule<"cpu.tile", grid = 32, scratch = 131072, {...}>} -> ..., tensor<32x3x64xf32, ...>`
  }];
  let dependentDialects = ["::kinema::kernel::KernelDialect"];
  let options = [Option<"reference", "reference", "bool", "false", "the reference lowering for every kernel">];
  let statistics = [
    Statistic<"tiled", "tiled", "kernels with a register-tiled schedule">,
    Statistic<"plain", "reference", "kernels with the reference lowering">
  ];
}

#endif
