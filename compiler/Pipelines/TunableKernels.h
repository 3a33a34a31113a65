// Finds the kernels of a network that have several schedules to choose from by measuring, and prepares each
// to run alone.
#ifndef KINEMA_COMPILER_PIPELINES_TUNABLEKERNELS_H
#define KINEMA_COMPILER_PIPELINES_TUNABLEKERNELS_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>
#include <vector>

namespace kinema {

/// A KernelAlternative is one way to carry a kernel out.
struct KernelAlternative {
  kernel::DefOp def;
  /// Brings the conv's weight to the form that its tiles read, in each step; null where no such kernel is
  /// needed. Its time counts as part of the alternative's.
  kernel::DefOp weight;

  kernel::ScheduleAttr schedule() const;
};

/// A TunableKernel is a kernel with several alternatives.
struct TunableKernel {
  std::string signature; // dialects/Kernel/Signature.h
  std::string op;        // "conv", "conv transposed", "wgrad"
  std::vector<std::string> layers;
  std::map<std::string, int64_t> launches;     // number of launches in each entry
  int64_t macs = 0;                            // multiply-adds of all launches together
  std::vector<KernelAlternative> alternatives; // the model's choice first
};

/// Returns the tunable kernels of a network, those with most multiply-adds first. `planned` holds the network
/// in phase `planned` once for each rank of the model's choices, from 0 on (TargetOptions::choice). These
/// modules must outlive the result.
std::vector<TunableKernel> tunableKernels(llvm::ArrayRef<mlir::ModuleOp> planned);

/// A SoloLaunch is a launch that runs by itself. `args` are byte offsets into an arena.
struct SoloLaunch {
  std::string symbol;
  int64_t grid, threads, scratch; // as in the manifest; threads 0: no GPU kernel
  llvm::SmallVector<int64_t> args;
};

/// A SoloAlternative holds the launches of an alternative, in order, and says which bytes of the arena must
/// be zero before the first one: the counters by which blocks tell who comes last.
struct SoloAlternative {
  std::vector<SoloLaunch> launches;
  int64_t countersAt = 0, counterBytes = 0;
};

/// A SoloKernel holds the alternatives of a kernel in one module in phase `planned`, without entries.
struct SoloKernel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<SoloAlternative> alternatives;
  int64_t operandBytes = 0, bytes = 0; // of the arena, which begins with the operands
};
SoloKernel soloKernel(const TunableKernel &kernel);

} // namespace kinema

#endif
