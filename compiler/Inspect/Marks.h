// Numbers the operations of a phase in their locations, so that a later phase tells which of them its own
// were made of.
#ifndef KINEMA_COMPILER_INSPECT_MARKS_H
#define KINEMA_COMPILER_INSPECT_MARKS_H

#include "mlir/IR/Operation.h"

#include <vector>

namespace kinema::inspect {

/// Numbers operations from 0 in their order. Marks of other phases stay, and so do the names in locations.
/// Where passes keep locations, as they must for errors, the numbers arrive in the phases behind this one.
void mark(llvm::ArrayRef<mlir::Operation *> operations, llvm::StringRef phase);

/// Returns the numbers of the phase's operations that a location comes from, in ascending order.
std::vector<int64_t> marksIn(mlir::Location location, llvm::StringRef phase);
/// Returns the same of an operation and of what is in its regions.
std::vector<int64_t> marksIn(mlir::Operation *operation, llvm::StringRef phase);

} // namespace kinema::inspect

#endif
