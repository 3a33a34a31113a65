// The arch dialect: the spec as written, definitions and calls. See ArchDialect.td.
#ifndef KINEMA_DIALECTS_ARCH_ARCH_H
#define KINEMA_DIALECTS_ARCH_ARCH_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"

#include "dialects/Arch/ArchDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Arch/ArchAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/Arch/ArchOps.h.inc"

namespace kinema::arch {

/// An expression as the language would write it.
void printExpression(mlir::Attribute expression, llvm::raw_ostream &os);
/// Null, with an error reported, where there is none.
mlir::Attribute parseExpression(mlir::AsmParser &parser);
/// Whether `attribute` is an expression (a cycle only if `orCycle`).
bool isExpression(mlir::Attribute attribute, bool orCycle = false);

/// Where the parts of a statement stand in the text.
struct Places {
  mlir::Location statement; // where it starts: at its label, if it has one
  mlir::Location head;      // of the head; of the path in `from`, the value in `let` and `set`
  struct Argument {
    mlir::Location name, value; // the same where it is positional
  };
  llvm::SmallVector<Argument> arguments;

  /// One location that holds them all; `of` finds them again.
  mlir::Location fuse() const;
  /// Of a statement. One without fused places (read from a file of IR) stands in one place as a whole, with
  /// as many arguments as it has.
  static Places of(mlir::Operation *statement);
};

} // namespace kinema::arch

#endif
