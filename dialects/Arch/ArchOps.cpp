// Verifiers of the arch operations: form alone. What names, types and sizes mean is known at expansion.
#include "dialects/Arch/Arch.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace kinema::arch;

/// In ArchExpressions.cpp: the custom parts of assembly formats.
namespace kinema::arch {
ParseResult parseExpression(OpAsmParser &parser, Attribute &expression);
void printExpression(OpAsmPrinter &printer, Operation *, Attribute expression);
ParseResult parseWord(OpAsmParser &parser, StringAttr &word);
void printWord(OpAsmPrinter &printer, Operation *, StringAttr word);
ParseResult parseLabelledHead(OpAsmParser &parser, StringAttr &label, StringAttr &head);
void printLabelledHead(OpAsmPrinter &printer, Operation *, StringAttr label, StringAttr head);
ParseResult parseArguments(OpAsmParser &parser, ArrayAttr &arguments);
void printArguments(OpAsmPrinter &printer, Operation *, ArrayAttr arguments);
ParseResult parseParameters(OpAsmParser &parser, ArrayAttr &parameters);
void printParameters(OpAsmPrinter &printer, Operation *, ArrayAttr parameters);
} // namespace kinema::arch

LogicalResult FileOp::verify() {
  for (Operation &op : getBody().front())
    if (!isa<UnitOp, BlockOp, NetworkOp>(op))
      return op.emitOpError("is no definition: a file holds units, blocks and networks");
  return success();
}

static LogicalResult verifyDefinition(Operation *op, ArrayAttr parameters) {
  llvm::StringSet<> names;
  for (auto parameter : parameters.getAsRange<ParameterAttr>())
    if (!names.insert(parameter.getName()).second)
      return op->emitOpError("has two parameters named '") << parameter.getName().getValue() << "'";
  return success();
}
LogicalResult UnitOp::verify() { return verifyDefinition(*this, getParameters()); }
LogicalResult BlockOp::verify() { return verifyDefinition(*this, getParameters()); }
LogicalResult NetworkOp::verify() { return verifyDefinition(*this, getParameters()); }

static bool takesBranches(StringRef head) {
  return llvm::is_contained({"add", "mul", "average", "concat"}, head);
}

LogicalResult CallOp::verify() {
  for (auto argument : getArgs().getAsRange<ArgumentAttr>())
    if (!isExpression(argument.getValue(), /*orCycle=*/true))
      return emitOpError("has an argument that is no expression");
  if (getTimes() && !isExpression(*getTimes()))
    return emitOpError("has a number of copies that is no expression");
  if (getBody().empty())
    return success();
  if (getHead() != "residual" && !takesBranches(getHead()))
    return emitOpError("has a body: braces may follow residual, add, mul, average and concat alone, not '")
           << getHead() << "'";
  for (Operation &op : getBody().front())
    if (isa<BranchOp>(op) != takesBranches(getHead()))
      return op.emitOpError(takesBranches(getHead()) ? "stands outside an arch.branch"
                                                     : "stands in a residual, which has no branches");
  return success();
}

LogicalResult LetOp::verify() {
  return isExpression(getValue()) ? success() : emitOpError("has a value that is no expression");
}

LogicalResult SetOp::verify() {
  return isExpression(getValue()) ? success() : emitOpError("has a value that is no expression");
}

LogicalResult StreamOp::verify() {
  return isa<CallOp, BranchOp>((*this)->getParentOp())
             ? emitOpError("stands in braces that belong to a call: streams belong to a definition")
             : success();
}

LogicalResult FromOp::verify() { return getPath().empty() ? emitOpError("has an empty path") : success(); }

#define GET_OP_CLASSES
#include "dialects/Arch/ArchOps.cpp.inc"
