// From a module in phase `target` to a package: its manifest, and the archive that carries it with the
// machine code.
#ifndef KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H
#define KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H

#include "compiler/Target/Common/Target.h"
#include "runtime/Package/Package.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema {

/// Whether a package can take over what a module says of its network and its recipe (`clip.network`,
/// `clip.recipe`), as the runtime reads it; else with an error at the module.
mlir::LogicalResult verifyDescription(mlir::ModuleOp module);

/// A module's recipe as a manifest has it; null where there is none that JSON can say.
std::optional<std::string> recipeText(mlir::ModuleOp module);

/// manifest.json (docs/package.md) of a module in phase `planned` or later, with `clip.network`,
/// `clip.recipe`, an arena, kernels and entries. Fails, with an error at the module, where one of these is
/// missing or says what JSON cannot.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp lowered, const Target &target,
                                           const MachineCode &code);

/// Adds a target to a package, for the caller to write: manifest and code, and with the first one the text
/// that it was compiled from.
mlir::LogicalResult addToPackage(PackageWriter &package, mlir::ModuleOp lowered, const Target &target,
                                 MachineCode code, std::string spec);

} // namespace kinema

#endif
