// Reads the recipe that a module carries back into the form that Recipe.def gives it.
#ifndef KINEMA_COMPILER_TRANSFORMS_MODULERECIPE_H
#define KINEMA_COMPILER_TRANSFORMS_MODULERECIPE_H

#include "runtime/Package/RecipeFields.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Returns the module's recipe. Fields that it lacks, and all of a module without a recipe, have their
/// defaults.
Recipe recipeOf(mlir::ModuleOp module);

} // namespace kinema

#endif
