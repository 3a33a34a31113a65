// The kernels of a network that measuring may choose a schedule for, and what it takes to run each alone.
#ifndef KINEMA_COMPILER_PIPELINES_TUNABLEKERNELS_H
#define KINEMA_COMPILER_PIPELINES_TUNABLEKERNELS_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>
#include <vector>

namespace kinema {

/// One way to carry a kernel out.
struct KernelAlternative {
  kernel::DefOp def;
  /// Brings the conv's weight to the form that its tiles read, in each step; null where nothing has to. Its
  /// time is part of the alternative's.
  kernel::DefOp weight;

  kernel::ScheduleAttr schedule() const;
};

/// A kernel that has several.
struct TunableKernel {
  std::string signature; // dialects/Kernel/Signature.h
  std::string op;        // "conv", "conv transposed", "wgrad"
  std::vector<std::string> layers;
  std::map<std::string, int64_t> launches;     // in each entry
  int64_t macs = 0;                            // of all launches
  std::vector<KernelAlternative> alternatives; // the model's choice first
};

/// Of a network in phase `planned`, once for each rank of the model's choices, from 0
/// (TargetOptions::choice). What has most multiply-adds first. The modules must outlive what is returned.
std::vector<TunableKernel> tunableKernels(llvm::ArrayRef<mlir::ModuleOp> planned);

/// A launch by itself. `args`: bytes of an arena.
struct SoloLaunch {
  std::string symbol;
  int64_t grid, threads, scratch; // as in the manifest; threads 0: not on a GPU
  llvm::SmallVector<int64_t> args;
};

/// The launches of an alternative, in order, and the bytes of the arena that are zero before the first one:
/// what blocks count themselves with.
struct SoloAlternative {
  std::vector<SoloLaunch> launches;
  int64_t countersAt = 0, counterBytes = 0;
};

/// The alternatives of a kernel in one module in phase `planned`, without entries.
struct SoloKernel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<SoloAlternative> alternatives;
  int64_t operandBytes = 0, bytes = 0; // of the arena, which begins with what is read
};
SoloKernel soloKernel(const TunableKernel &kernel);

} // namespace kinema

#endif
