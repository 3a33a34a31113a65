// Finds what a spec says of its network before any code is made, as far as the runtime's commands check it.
#pragma once

#include "runtime/Package/Manifest.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Describes a module in phase `clip`: name, digest, batch, classes, inputs, the parameters' names, shapes
/// and initialisations, the recipe. Nothing has a place in an arena.
Manifest outlineOf(mlir::ModuleOp module, bool train);

} // namespace kinema
