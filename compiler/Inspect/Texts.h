// Prints single operations as reports show them.
#ifndef KINEMA_COMPILER_INSPECT_TEXTS_H
#define KINEMA_COMPILER_INSPECT_TEXTS_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Operation.h"

#include <string>

namespace kinema::inspect {

/// How reports print: values are named after the author's layers.
inline mlir::OpPrintingFlags textFlags() { return mlir::OpPrintingFlags().printNameLocAsPrefix(); }

/// Prints an operation with the names that it has in its module, of which `state` knows.
std::string textOf(mlir::Operation *op, mlir::AsmState &state);
/// Prints an operation by itself.
std::string textOf(mlir::Operation *op, mlir::OpPrintingFlags flags);

} // namespace kinema::inspect

#endif
