// Converts places of the spec to locations of operations and back, and later phases' diagnostics to the front
// end's form.
#ifndef KINEMA_COMPILER_EXPAND_SOURCELOCATIONS_H
#define KINEMA_COMPILER_EXPAND_SOURCELOCATIONS_H

#include "dsl/Diagnostics.h"

#include "mlir/IR/Diagnostics.h"

namespace kinema {

/// Returns `line:column to :end` of the file; an unknown location where nobody wrote the text.
mlir::Location locationOf(dsl::Location location, const dsl::Sources &sources, mlir::MLIRContext &context);

/// Returns the place in the spec behind a location of any kind; an unknown one (line 0) where there is none.
dsl::Location sourceLocation(mlir::LocationAttr location, const dsl::Sources &sources);

/// Adds an error or warning to `diagnostics`. Its notes become lines below the excerpt; "hint: TEXT" stands
/// behind the caret.
void addDiagnostic(mlir::Diagnostic &diagnostic, const dsl::Sources &sources, dsl::Diagnostics &diagnostics);

} // namespace kinema

#endif
