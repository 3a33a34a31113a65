// Numbers the operations of a phase in their locations, so that a later phase tells which of them its own
// were made of.
#ifndef KINEMA_COMPILER_INSPECT_MARKS_H
#define KINEMA_COMPILER_INSPECT_MARKS_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Operation.h"

#include <map>
#include <string>
#include <vector>

namespace kinema::inspect {

/// Numbers operations from 0 in their order. Marks of other phases stay, and so do the names in locations.
/// Where passes keep locations, as they must for errors, the numbers arrive in the phases behind this one.
void mark(llvm::ArrayRef<mlir::Operation *> operations, llvm::StringRef phase);

/// Returns the numbers of the phase's operations that a location comes from, in ascending order.
std::vector<int64_t> marksIn(mlir::Location location, llvm::StringRef phase);
/// Returns the same of an operation and of what is in its regions.
std::vector<int64_t> marksIn(mlir::Operation *operation, llvm::StringRef phase);

/// For lines of a text, from 0, the numbers of a phase's operations that they compute something of.
using MarkedLines = std::map<size_t, std::vector<int64_t>>;

/// Returns the lines of an operation's text on which operations stand, which `printed` has the places of. The
/// first is that of the operation itself, without what is in its regions.
MarkedLines markedLines(mlir::Operation *operation, const mlir::AsmState::LocationMap &printed,
                        llvm::StringRef phase);

/// Makes the marks of a module in phase `target` the places of its debug info, by which the code generator
/// tells what its lines come from: line N + 1 stands for the operation N. Code stays as it is.
mlir::LogicalResult placeMarks(mlir::ModuleOp lowered, llvm::StringRef phase);
/// Takes the directives of such debug info out of the code of a function, and returns the lines that they
/// speak of, each until the next one that is listed; no numbers: they come from no operation.
MarkedLines takePlaces(std::string &code);

} // namespace kinema::inspect

#endif
