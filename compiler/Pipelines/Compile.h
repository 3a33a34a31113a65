// Compiles a spec all the way to a package.
#ifndef KINEMA_COMPILER_PIPELINES_COMPILE_H
#define KINEMA_COMPILER_PIPELINES_COMPILE_H

#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Frontend.h"

namespace kinema {

/// A Compilation holds the context, the spec, and the module in the phase that it has reached.
class Compilation {
public:
  /// `threads` is the number of threads; 0 stands for all cores.
  Compilation(const CompileOptions &options, const FrontendOptions &frontend, int threads,
              llvm::raw_ostream &errors);
  ~Compilation();

  /// Compiles a spec up to phase `stop`, which may be any but `package`.
  Outcome fromSpec(llvm::StringRef path, Phase stop);
  /// Goes on from phase `clip`, where `fromSpec` stopped, to `stop`.
  Outcome proceedTo(Phase stop);
  /// Goes on from a module in a file of text, which is in phase `phase`, to `stop`. If the options name no
  /// target, a module in phase `fused` or later is compiled for the target that it was made for.
  Outcome fromModule(llvm::StringRef path, Phase phase, Phase stop);
  /// Adds the module's code to a package, which may hold other targets already. A module in phase `step` or
  /// before is left in phase `step`, so that it can be added again with the options of another target; a
  /// module in a later phase is used up.
  Outcome addTo(PackageWriter &package, const CompileOptions &forTarget);
  Outcome addTo(PackageWriter &package) { return addTo(package, options); }

  mlir::ModuleOp module() { return *current; }
  const dsl::Program &program() const { return spec->program; }
  /// Returns where in the spec the operation was written; line 0 if that is not known.
  dsl::Location placeOf(mlir::Operation &op) const;

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
  Phase reached = Phase::Ast; // phase of the current module
};

} // namespace kinema

#endif
