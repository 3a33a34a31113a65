// From a planned module to a package: its manifest, and the archive that carries it with the machine code.
#ifndef KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H
#define KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H

#include "runtime/Package.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema {

/// What a target has made of a module's kernels.
struct MachineCode {
  std::string target; // as LLVM spells it; the package's entry is `code/TARGET.so`
  std::string bytes;
};

/// manifest.json (docs/package.md) of a module with `kernel.plan`, `kinema.network`, `kinema.recipe`, kernels
/// and entries. Fails, with an error at the module, where one of these is missing or says what JSON cannot.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp planned, llvm::StringRef target);

/// The package, for the caller to write: manifest, code and the text that it was compiled from.
mlir::FailureOr<PackageWriter> buildPackage(mlir::ModuleOp planned, MachineCode code, std::string spec);

} // namespace kinema

#endif
