// Expands a checked spec to the network in clip operations.
#ifndef KINEMA_COMPILER_EXPAND_EXPAND_H
#define KINEMA_COMPILER_EXPAND_EXPAND_H

#include "compiler/Expand/Trace.h"
#include "dsl/Load.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace kinema {

struct ExpandOptions {
  int64_t batch = 1;
  int64_t frames = 0;              // of a clip, of which an input takes its share; 0: as written
  int64_t height = 0, width = 0;   // of every input; 0: as written
  std::vector<std::string> layers; // whose features inference gives
  Trace *trace = nullptr;          // gets the steps; null: nobody asks for them
};

/// Calls the network of a checked program: units, blocks, stages, copies and streams become one function
/// `@forward` of clip operations with all shapes known, and its weights become `clip.param` symbols. The
/// module gets the attributes `clip.network` (name, batch, classes, inputs), `clip.layers` and, where
/// features are asked for, `clip.features`. Returns null after errors.
mlir::OwningOpRef<mlir::ModuleOp> expandNetwork(const dsl::Program &program, const ExpandOptions &options,
                                                dsl::Diagnostics &diagnostics, mlir::MLIRContext &context);

/// Returns the recipe as the attribute `clip.recipe`: a dictionary of sections (keys: docs/package.md,
/// Recipe).
mlir::DictionaryAttr recipeAttributeOf(const Recipe &recipe, mlir::MLIRContext &context);

} // namespace kinema

#endif
