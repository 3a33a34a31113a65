// Places of the spec as locations of operations, and back: later phases' diagnostics in the front end's form.
#ifndef KINEMA_COMPILER_EXPAND_SOURCELOCATIONS_H
#define KINEMA_COMPILER_EXPAND_SOURCELOCATIONS_H

#include "dsl/Diagnostics.h"

#include "mlir/IR/Diagnostics.h"

namespace kinema {

/// `line:column to :end` of the file; unknown where nobody wrote it.
mlir::Location locationOf(dsl::Location location, const dsl::Sources &sources, mlir::MLIRContext &context);

/// The place in the spec behind a location of any kind; unknown (line 0) where there is none.
dsl::Location sourceLocation(mlir::LocationAttr location, const dsl::Sources &sources);

/// Adds an error or warning to `diagnostics`. Its notes are lines below the excerpt; "hint: TEXT" stands
/// behind the caret.
void addDiagnostic(mlir::Diagnostic &diagnostic, const dsl::Sources &sources, dsl::Diagnostics &diagnostics);

} // namespace kinema

#endif
