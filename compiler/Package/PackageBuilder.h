// From a planned module to a package: its manifest, and the archive that carries it with the machine code.
#ifndef KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H
#define KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H

#include "runtime/Package/Package.h"

#include "dialects/Kernel/Kernel.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema {

/// Seconds of a launch: by the model of a machine, and the least that its multiply-adds and bytes allow
/// there.
struct LaunchEstimate {
  double predicted, floor;
};

/// What a target has made of a module's kernels: files of the package.
struct MachineCode {
  struct File {
    std::string name; // `code/...`
    std::string bytes;
  };
  std::string target;       // as LLVM spells it
  std::vector<File> loaded; // by the runtime, all of them
  std::vector<File> beside; // other forms of the same
  /// Of kernels with a watchdog: where they may wait for ever, by number.
  std::optional<std::vector<std::string>> sites = std::nullopt;
  /// Of a launch of a kernel; null where there is no model of the machine.
  std::optional<LaunchEstimate> (*estimate)(kernel::LaunchOp launch, mlir::Operation *kernel) = nullptr;
};

/// Whether a package can take over what a module says of its network, its recipe and, once it has one, its
/// plan (`kinema.network`, `kinema.recipe`, `kernel.plan`), as the runtime reads it; else with an error at
/// the module.
mlir::LogicalResult verifyDescription(mlir::ModuleOp module);

/// A module's recipe as a manifest has it; null where there is none that JSON can say.
std::optional<std::string> recipeText(mlir::ModuleOp module);

/// manifest.json (docs/package.md) of a module with `kernel.plan`, `kinema.network`, `kinema.recipe`, kernels
/// and entries. Fails, with an error at the module, where one of these is missing or says what JSON cannot.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp planned, const MachineCode &code);

/// Adds a target to a package, for the caller to write: manifest and code, and with the first one the text
/// that it was compiled from.
mlir::LogicalResult addToPackage(PackageWriter &package, mlir::ModuleOp planned, MachineCode code,
                                 std::string spec);

} // namespace kinema

#endif
