// Errors about the author's text, with the calls that led to the place (see
// compiler/Import/SourceDiagnostics.h).
#ifndef KINEMA_COMPILER_CONVERSION_ARCHTOCLIP_REPORT_H
#define KINEMA_COMPILER_CONVERSION_ARCHTOCLIP_REPORT_H

#include "compiler/Conversion/ArchToClip/Values.h"

namespace kinema::expansion {

/// An error at `where`, met in `frame`. Further notes may be attached before the result goes out of scope.
mlir::InFlightDiagnostic report(mlir::Location where, const Frame *frame, const llvm::Twine &message,
                                const llvm::Twine &hint = "");

/// "T 8 and 16, H 28 and 56": the axes along which two values differ; `C` among them on wish.
std::string differences(const Activation &a, const Activation &b, bool channels);

/// "T is 1: 16 at the input, halved at lines 4, 6, 7, 8".
std::string historyOf(const Activation &value, int axis);

/// The line that a location stands in; 0 where none is known.
unsigned lineOf(mlir::Location location);

} // namespace kinema::expansion

#endif
