// The machines that packages are made for: what each does on the road from fused kernels to machine code,
// declared once. Drives --target.
#ifndef KINEMA_COMPILER_PIPELINES_TARGETS_H
#define KINEMA_COMPILER_PIPELINES_TARGETS_H

#include "compiler/Package/PackageBuilder.h"

#include "mlir/Pass/PassManager.h"

namespace kinema {

/// Whether a package for a GPU has code for the emulator, on which it runs without one.
enum class EmulatorCode { None, Beside, Alone };

struct TargetOptions {
  bool reference = false;   // the reference lowering for every kernel
  bool pairs = true;        // two operations may become one kernel, where the target can do that
  std::string toolkit = {}; // the folder of a CUDA toolkit; empty: where one usually is
  EmulatorCode emulator = EmulatorCode::None;
  bool twins =
      false; // each launch has one that computes the same by the plain lowering, where the target can
  bool watchdog = false; // GPU kernels that wait for ever say where, and end
  int64_t choice =
      -1; // of each kernel's schedules that of this rank by the model; -1: the best that is known
  std::string measurements = {}; // a file of measured schedules; empty: those that Kinema was built with
};

/// What multiplies bfloat16; weights lie as it reads them. f32's arithmetic; an instruction for two pairs of
/// them; tensor cores.
enum class BFloat16Products { Single, Pairs, TensorCores };

struct TargetInfo {
  llvm::StringRef name;
  int64_t channels; // in a block of an activation
  bool bfloat16;    // how activations are stored unless somebody says otherwise
  BFloat16Products products;
  bool costlyLaunches; // each takes as long as what a small one does
  void (*addSchedules)(mlir::OpPassManager &passes, const TargetOptions &options);
  /// Succeeds if all kernels of a module in phase `fused` or `planned` have schedules that the target can
  /// carry out; else there are errors on those that have not.
  mlir::LogicalResult (*verifySchedules)(mlir::ModuleOp module);
  void (*addTwins)(mlir::OpPassManager &passes); // null: the target has none
  void (*addLowering)(mlir::OpPassManager &passes);
  /// From phase `planned`; the module stays as it is.
  mlir::FailureOr<MachineCode> (*makeCode)(mlir::ModuleOp planned, const TargetOptions &options);
};
llvm::ArrayRef<TargetInfo> targets();
/// Null where there is none of this name.
const TargetInfo *targetNamed(llvm::StringRef name);

} // namespace kinema

#endif
