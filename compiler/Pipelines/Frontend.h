// Turns the text of a spec into the network in clip operations.
#ifndef KINEMA_COMPILER_PIPELINES_FRONTEND_H
#define KINEMA_COMPILER_PIPELINES_FRONTEND_H

#include "compiler/Expand/Trace.h"
#include "compiler/Pipelines/Phases.h"
#include "dsl/Load.h"

#include "mlir/IR/OwningOpRef.h"

namespace kinema {

struct FrontendOptions {
  int64_t batch = 0; // clips; 0: the recipe's
  /// These replace what the spec says; 0 keeps it. Where the network has no parameter `frames`, `height`,
  /// `width` (or `size`), the size of its inputs is replaced instead. `classes` must be a parameter.
  int64_t frames = 0, height = 0, width = 0, classes = 0;
  std::vector<std::string> layers;       // whose features inference gives
  std::vector<std::string> libraryPaths; // dsl::LoadOptions
  std::vector<std::string> overrides;
  bool fromVideos = false; // dsl::LoadOptions
  Trace *trace = nullptr;  // ExpandOptions
};

/// A Spec is a loaded program with the errors and warnings about it.
struct Spec {
  dsl::Program program;
  dsl::Diagnostics diagnostics{program.sources};
};

/// Reads, checks and expands a spec, up to the phase `stop` (ast or clip). `spec` must be new. Returns null
/// in phase `ast`, whose result is `spec.program`, and after errors, which are in `spec.diagnostics`.
mlir::OwningOpRef<mlir::ModuleOp> loadAndExpand(mlir::MLIRContext &context, llvm::StringRef path,
                                                const FrontendOptions &options, Phase stop, Spec &spec);

/// Expands a spec that is loaded already. Options about parameters of the network, libraries and overrides
/// are not read: loading has applied them.
mlir::OwningOpRef<mlir::ModuleOp> expandLoaded(mlir::MLIRContext &context, const FrontendOptions &options,
                                               Spec &spec);

/// Adds an error or warning about the module of a spec to those about its text.
void addModuleDiagnostic(mlir::Diagnostic &diagnostic, Spec &spec);

} // namespace kinema

#endif
