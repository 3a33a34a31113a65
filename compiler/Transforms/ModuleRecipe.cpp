#include "compiler/Transforms/ModuleRecipe.h"

#include "dialects/Recipe.h"

using namespace mlir;
using namespace kinema;

static void read(Attribute value, int64_t &field) {
  if (auto number = dyn_cast<IntegerAttr>(value))
    field = number.getInt();
}
static void read(Attribute value, double &field) {
  if (auto number = dyn_cast<FloatAttr>(value))
    field = number.getValueAsDouble();
}
static void read(Attribute value, bool &field) {
  if (auto flag = dyn_cast<BoolAttr>(value))
    field = flag.getValue();
}
static void read(Attribute value, std::string &field) {
  if (auto word = dyn_cast<StringAttr>(value))
    field = word.str();
}

/// Reads an array, of which the members of a size are there already.
template <typename List> static void readList(Attribute value, List &field) {
  auto array = dyn_cast<ArrayAttr>(value);
  if (!array)
    return;
  if constexpr (!std::is_same_v<List, RecipeSize>)
    field.resize(array.size());
  for (auto [attribute, member] : llvm::zip(array, field))
    read(attribute, member);
}
static void read(Attribute value, RecipeSize &field) { readList(value, field); }
static void read(Attribute value, RecipeNumbers &field) { readList(value, field); }
static void read(Attribute value, RecipeWords &field) { readList(value, field); }

Recipe kinema::recipeOf(ModuleOp module) {
  Recipe recipe;
  visitFields(recipe, [&](const RecipeField &row, auto &field) {
    if (Attribute value = recipeField(module, row.section, row.name))
      read(value, field);
  });
  return recipe;
}
