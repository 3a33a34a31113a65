// Represents a machine that packages are made for as one object: what it prefers, how kernels are scheduled,
// lowered and compiled for it, and what is known of their time.
#ifndef KINEMA_COMPILER_TARGET_COMMON_TARGET_H
#define KINEMA_COMPILER_TARGET_COMMON_TARGET_H

#include "compiler/Target/Common/CodeForm.h"
#include "compiler/Target/Common/Machine.h"
#include "dialects/Kernel/Kernel.h"
#include "runtime/Support/BoxMap.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kinema {

/// Says whether a package for a GPU has code for the emulator, on which it runs without a GPU.
enum class EmulatorCode { None, Beside, Alone };

struct TargetOptions {
  bool reference = false;   // use the reference lowering for every kernel
  bool pairs = true;        // allow kernel.pair: two convs in a row as one launch
  std::string toolkit = {}; // the folder of a CUDA toolkit; empty: where one usually is
  bool text = true;         // keep a GPU's kernels as text too, beside machine code
  EmulatorCode emulator = EmulatorCode::None;
  bool twins = false;    // give each launch a twin that computes the same by the plain lowering
  bool watchdog = false; // kernels that wait for ever say where, and end
  int64_t choice = -1;   // rank by the model of the schedule that each kernel gets; -1: the best known
  std::string measurements = {}; // a file of measured schedules; empty: the model chooses
  bool noteCandidates = false;   // kernels note the schedules that theirs was chosen from (kernel.candidates)
};

/// Holds what a target has made of a module's kernels, as files of the package.
struct MachineCode {
  struct File {
    std::string name; // `code/...`
    std::string bytes;
  };
  std::vector<File> loaded; // the runtime loads all of these
  std::vector<File> beside; // other forms of the same code
  /// Kernels with a watchdog may wait for ever at these places, which have numbers.
  std::optional<std::vector<std::string>> sites = std::nullopt;
  /// The maps that a kernel takes behind its buffers, by its symbol.
  std::map<std::string, std::vector<BoxMap>> maps = {};
  /// Kernels wait by themselves for the launches before theirs, so that the runtime need not.
  bool waitsForLaunches = false;
};

/// Seconds of a launch: by the model of a machine, and the least that its multiply-adds and bytes allow
/// there, where that is known before the runtime measures it.
struct LaunchEstimate {
  double predicted;
  std::optional<double> floor = std::nullopt;
  llvm::StringRef limit = {}; // what the launch waits for most (Prediction::limit)
};

/// States what a machine can do at most, by its model: no launch is quicker than its multiply-adds or its
/// bytes allow at these rates.
struct Peaks {
  double macs;  // a second, in the precision that it multiplies quickest
  double bytes; // of memory, a second
};

/// Holds what the tools that make machine code say of it.
struct CodeReport {
  /// Says how much a kernel takes of the multiprocessor that its block runs on.
  struct Kernel {
    int64_t registers = 0, spillBytes = 0, stackBytes = 0; // of a thread
    int64_t sharedBytes = 0;                               // of a block, besides its scratch
    double occupancy = 0; // share of the threads that can be resident at a time
  };
  std::map<std::string, Kernel> kernels; // by symbol; empty where there was no tool
  std::vector<std::string> warnings;
};

class Target {
public:
  Target(kernel::TargetKind kind, llvm::StringRef name) : kind(kind), name(name) {}
  virtual ~Target() = default;

  const kernel::TargetKind kind;
  const llvm::StringRef name; // as in --target, modules and manifests

  kernel::TargetAttr attribute(mlir::MLIRContext *context) const {
    return kernel::TargetAttr::get(context, kind, name);
  }

  /// Describes the machine as kernels' writers see it; a block of an activation holds as many channels as a
  /// vector.
  virtual const Machine &machine() const = 0;
  /// Returns the precision unless somebody says otherwise.
  virtual kernel::Precision preferredPrecision() const { return kernel::Precision::FP32; }
  /// Returns whether starting a launch takes as long as a small launch runs.
  virtual bool hasCostlyLaunches() const { return false; }

  /// Layouts for the tensors of a module in phase `fused`. Where a target has no kernels for the precision
  /// `bf16x3`, it is `fp32`.
  virtual void addStorage(mlir::OpPassManager &passes, kernel::Precision precision,
                          const TargetOptions &options) const = 0;
  /// Schedules for the kernels of a module in phase `fused`.
  virtual void addSchedules(mlir::OpPassManager &passes, const TargetOptions &options) const = 0;
  /// Succeeds if all kernels of a module in phase `fused` or later have schedules that the target can
  /// carry out; else there are errors on those that have not.
  virtual mlir::LogicalResult verifySchedules(mlir::ModuleOp module) const = 0;

  /// These say whether launches can have twins, and add the pass that gives a planned module's launches
  /// theirs.
  virtual bool hasTwins() const { return false; }
  virtual void addTwins(mlir::OpPassManager &passes) const {}
  /// Returns whether kernels wait for each other's threads, so that a watchdog is of use.
  virtual bool hasWatchdog() const { return false; }

  /// Adds the passes from phase `planned` to phase `target`.
  virtual void addLowering(mlir::OpPassManager &passes) const = 0;
  /// Succeeds if each kernel of a module in phase `target` has its function, one that can be launched as the
  /// kernel says; else there are errors on the kernels and functions.
  virtual mlir::LogicalResult verifyFunctions(mlir::ModuleOp lowered) const = 0;
  /// From phase `target`; the functions are used up, and all else stays as it is.
  virtual mlir::FailureOr<MachineCode> makeCode(mlir::ModuleOp lowered,
                                                const TargetOptions &options) const = 0;

  /// Returns the code of all kernels of a module in phase `target` as text; its functions are used up.
  virtual mlir::FailureOr<std::string> codeText(mlir::ModuleOp lowered, CodeForm form) const = 0;

  /// Estimates a launch of a kernel; returns nothing where there is no model of the machine.
  virtual std::optional<LaunchEstimate> estimate(kernel::LaunchOp launch, mlir::Operation *kernel) const {
    return std::nullopt;
  }
  /// Returns the peaks that floors are computed with; nothing where floors are not known.
  virtual std::optional<Peaks> peaks() const { return std::nullopt; }
  /// Whether there is a report on machine code, and that of a module in phase `target`, whose functions are
  /// used up.
  virtual bool reportsCode() const { return false; }
  virtual mlir::FailureOr<CodeReport> reportCode(mlir::ModuleOp lowered, const TargetOptions &options) const {
    return CodeReport();
  }
};

} // namespace kinema

#endif
