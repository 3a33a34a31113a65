// From the syntax tree to the arch dialect: one operation a statement, nothing resolved.
#ifndef KINEMA_COMPILER_IMPORT_IMPORT_H
#define KINEMA_COMPILER_IMPORT_IMPORT_H

#include "dialects/Arch/Arch.h"
#include "dsl/Load.h"

#include "mlir/IR/OwningOpRef.h"

namespace kinema {

/// The module of a checked program: a file each, the spec first. Attributes of the module:
/// `kinema.network = {name}` and `kinema.recipe` (keys: docs/package.md, Recipe).
mlir::OwningOpRef<mlir::ModuleOp> importProgram(const dsl::Program &program, mlir::MLIRContext &context);

/// An expression of the language as the arch dialect has it.
mlir::Attribute importExpression(const dsl::Expr &expression, mlir::MLIRContext &context);
/// An argument with its cycle.
arch::ArgumentAttr importArgument(const dsl::Argument &argument, mlir::MLIRContext &context);

/// `line:column to :end` of the file; unknown where nobody wrote it.
mlir::Location importLocation(dsl::Location location, const dsl::Sources &sources,
                              mlir::MLIRContext &context);

mlir::DictionaryAttr importRecipe(const Recipe &recipe, mlir::MLIRContext &context);

} // namespace kinema

#endif
