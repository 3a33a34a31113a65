// From a planned module to a package: its manifest, and the archive that carries it with the machine code.
#ifndef KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H
#define KINEMA_COMPILER_PACKAGE_PACKAGEBUILDER_H

#include "runtime/Package.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace kinema {

/// What a target has made of a module's kernels: files of the package, of which the first is what the runtime
/// loads.
struct MachineCode {
  struct File {
    std::string name; // `code/...`
    std::string bytes;
  };
  std::string target; // as LLVM spells it
  std::vector<File> files;
};

/// manifest.json (docs/package.md) of a module with `kernel.plan`, `kinema.network`, `kinema.recipe`, kernels
/// and entries. Fails, with an error at the module, where one of these is missing or says what JSON cannot.
mlir::FailureOr<std::string> buildManifest(mlir::ModuleOp planned, const MachineCode &code);

/// Adds a target to a package, for the caller to write: manifest and code, and with the first one the text
/// that it was compiled from.
mlir::LogicalResult addToPackage(PackageWriter &package, mlir::ModuleOp planned, MachineCode code,
                                 std::string spec);

} // namespace kinema

#endif
