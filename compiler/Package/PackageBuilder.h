// Turns a module in phase `target` into a package: its manifest, and the archive that carries the manifest
// with the machine code.
#ifndef KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H
#define KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H

#include "compiler/Target/Common/Target.h"
#include "dialects/Clip/Clip.h"
#include "runtime/Package/Package.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema {

/// Succeeds if a package can take over what a module says about its network and its recipe (`clip.network`,
/// `clip.recipe`) in the form that the runtime reads; otherwise reports an error at the module.
mlir::LogicalResult verifyDescription(mlir::ModuleOp module);

/// Returns a module's recipe as a manifest holds it; nothing where the module has no recipe, or one that JSON
/// cannot express.
std::optional<std::string> recipeText(mlir::ModuleOp module);

/// Returns how a parameter is initialised as a manifest says it; nothing where it has no initialisation.
std::optional<std::string> initialisationText(clip::ParamOp param);

/// Builds manifest.json (docs/package.md) of a module in phase `planned` or later, which must have
/// `clip.network`, `clip.recipe`, an arena, kernels and entries. Fails, with an error at the module, where
/// one of these is missing or holds what JSON cannot express.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp lowered, const Target &target,
                                           const MachineCode &code);

/// Adds a target's manifest and code to a package, which the caller writes; with the first target, also adds
/// the text that the package was compiled from.
mlir::LogicalResult addToPackage(PackageWriter &package, mlir::ModuleOp lowered, const Target &target,
                                 MachineCode code, std::string spec);

} // namespace kinema

#endif
