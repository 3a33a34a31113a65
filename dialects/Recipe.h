// The recipe that a module carries from its spec: the attribute `clip.recipe` (docs/package.md, Recipe).
#ifndef KINEMA_DIALECTS_RECIPE_H
#define KINEMA_DIALECTS_RECIPE_H

#include "dialects/Clip/Attributes.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// SECTION.FIELD of the module's recipe; null where it has none.
inline mlir::Attribute recipeField(mlir::ModuleOp module, llvm::StringRef section, llvm::StringRef field) {
  auto recipe = module->getAttrOfType<mlir::DictionaryAttr>(clip::recipeAttribute);
  auto fields = recipe ? recipe.getAs<mlir::DictionaryAttr>(section) : mlir::DictionaryAttr();
  return fields ? fields.get(field) : mlir::Attribute();
}

} // namespace kinema

#endif
