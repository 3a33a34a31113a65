// The whole road, from a spec to a package.
#ifndef KINEMA_COMPILER_PIPELINES_COMPILE_H
#define KINEMA_COMPILER_PIPELINES_COMPILE_H

#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Frontend.h"

namespace kinema {

/// One compilation: a context, the spec, the module as far as it has come.
class Compilation {
public:
  /// `threads` 0: all cores.
  Compilation(const CompileOptions &options, const FrontendOptions &frontend, int threads,
              llvm::raw_ostream &errors);
  ~Compilation();

  /// From a spec to `stop` (not `package`).
  Outcome fromSpec(llvm::StringRef path, Phase stop);
  /// From phase `clip`, where `fromSpec` stopped.
  Outcome proceedTo(Phase stop);
  /// From a module in text, which is in phase `phase`, to `stop`. If the options have no target, one in phase
  /// `fused` or later goes on for the target that it was made for.
  Outcome fromModule(llvm::StringRef path, Phase phase, Phase stop);
  /// Adds the module's code to a package, which may hold other targets already. A module in phase `step` or
  /// before stays in phase `step`, and can be added for further targets, of the options given; a later one is
  /// used up.
  Outcome addTo(PackageWriter &package, const CompileOptions &forTarget);
  Outcome addTo(PackageWriter &package) { return addTo(package, options); }

  mlir::ModuleOp module() { return *current; }
  const dsl::Program &program() const { return spec->program; }

private:
  Outcome advanceTo(Phase stop);
  mlir::LogicalResult dumpSource();

  CompileOptions options;
  FrontendOptions frontend;
  llvm::raw_ostream &errors;
  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<Spec> spec;
  std::string specText;
  mlir::OwningOpRef<mlir::ModuleOp> current;
  Phase reached = Phase::Ast; // by the current module
};

} // namespace kinema

#endif
