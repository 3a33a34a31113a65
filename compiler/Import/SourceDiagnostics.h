// MLIR's diagnostics about places of the spec, in the front end's form: excerpt, caret, hint, calls.
#ifndef KINEMA_COMPILER_IMPORT_SOURCEDIAGNOSTICS_H
#define KINEMA_COMPILER_IMPORT_SOURCEDIAGNOSTICS_H

#include "dsl/Diagnostics.h"

#include "mlir/IR/Diagnostics.h"

namespace kinema {

/// Adds an error or warning to `diagnostics`. A phase writes its further parts as notes:
///   "hint: TEXT"                     behind the caret
///   "called from here", at the call  a line "called from", innermost call first
///   TEXT, at another place           a line, with that place and what stands there
///   TEXT, without a place            a line
void addDiagnostic(mlir::Diagnostic &diagnostic, const dsl::Sources &sources, dsl::Diagnostics &diagnostics);

/// While it lives, errors and warnings of its context go to `diagnostics`.
class SourceDiagnostics {
public:
  SourceDiagnostics(mlir::MLIRContext &context, const dsl::Sources &sources, dsl::Diagnostics &diagnostics);

private:
  mlir::ScopedDiagnosticHandler handler;
};

/// The place in the spec behind a location of any kind; unknown (line 0) where there is none.
dsl::Location sourceLocation(mlir::LocationAttr location, const dsl::Sources &sources);

} // namespace kinema

#endif
