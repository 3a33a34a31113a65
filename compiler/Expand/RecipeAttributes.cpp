// Writes the recipe as a dictionary of sections, with the keys of docs/package.md.
#include "compiler/Expand/Expand.h"

#include "runtime/Package/RecipeFields.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

static Attribute attributeOf(Builder &builder, int64_t value) { return builder.getI64IntegerAttr(value); }
static Attribute attributeOf(Builder &builder, double value) { return builder.getF64FloatAttr(value); }
static Attribute attributeOf(Builder &builder, bool value) { return builder.getBoolAttr(value); }
static Attribute attributeOf(Builder &builder, const std::string &value) {
  return builder.getStringAttr(value);
}
static Attribute attributeOf(Builder &builder, const RecipeSize &value) {
  return builder.getI64ArrayAttr(value);
}
static Attribute attributeOf(Builder &builder, const RecipeNumbers &values) {
  return builder.getF64ArrayAttr(values);
}
static Attribute attributeOf(Builder &builder, const RecipeWords &values) {
  return builder.getStrArrayAttr(SmallVector<StringRef>(values.begin(), values.end()));
}

DictionaryAttr kinema::recipeAttributeOf(const Recipe &recipe, MLIRContext &context) {
  Builder builder(&context);
  std::map<std::string_view, NamedAttrList> sections;
  visitFields(recipe, [&](const RecipeField &field, const auto &value) {
    sections[field.section].set(field.name, attributeOf(builder, value));
  });
  NamedAttrList all;
  for (auto &[section, fields] : sections)
    all.set(section, fields.getDictionary(&context));
  return all.getDictionary(&context);
}
