#include "compiler/Conversion/ArchToClip/Expander.h"
#include "compiler/Conversion/Passes.h"
#include "dialects/Recipe.h"

namespace kinema {
#define GEN_PASS_DEF_ARCHTOCLIP
#include "compiler/Conversion/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

static DictionaryAttr with(DictionaryAttr dictionary, StringRef key, Attribute value) {
  NamedAttrList entries(dictionary);
  entries.set(key, value);
  return entries.getDictionary(dictionary.getContext());
}

/// Clips are cut as the network's first input wants them, also where the caller replaced its size.
static void fitRecipe(ModuleOp module) {
  auto recipe = module->getAttrOfType<DictionaryAttr>(recipeAttribute);
  if (!recipe || !recipe.getAs<DictionaryAttr>("data") || !recipe.getAs<DictionaryAttr>("eval"))
    return; // of a module that was written by hand
  auto inputs = module->getAttrOfType<DictionaryAttr>("kinema.network").getAs<ArrayAttr>("inputs");
  auto shape = cast<DictionaryAttr>(inputs[0]).getAs<ArrayAttr>("shape").getAsValueRange<IntegerAttr>();
  SmallVector<int64_t> sizes;
  for (const APInt &size : shape)
    sizes.push_back(size.getSExtValue());
  Builder builder(module.getContext());
  auto crop = builder.getI64ArrayAttr({sizes[3], sizes[4]});
  auto data = with(recipe.getAs<DictionaryAttr>("data"), "frames", builder.getI64IntegerAttr(sizes[2]));
  recipe = with(recipe, "data", with(data, "crop", crop));
  recipe = with(recipe, "eval", with(recipe.getAs<DictionaryAttr>("eval"), "crop", crop));
  module->setAttr(recipeAttribute, recipe);
}

namespace {

struct ArchToClipPass : kinema::impl::ArchToClipBase<ArchToClipPass> {
  using Base::Base;

  void runOnOperation() override {
    auto asked = getOperation()->getAttrOfType<DictionaryAttr>("kinema.network");
    auto size = [&](int64_t option, StringRef name) {
      auto value = asked && option == 0 ? asked.getAs<IntegerAttr>(name) : IntegerAttr();
      return value ? std::max<int64_t>(value.getInt(), 0) : option;
    };
    auto trained = llvm::dyn_cast_or_null<IntegerAttr>(recipeField(getOperation(), "train", "batch"));
    int64_t clips = size(batch, "batch");
    if (clips == 0)
      clips = trained ? trained.getInt() : 1;
    std::array sizes = {size(frames, "frames"), size(height, "height"), size(width, "width")};
    expansion::Expander expander(getOperation(), {clips, sizes[0], sizes[1], sizes[2]});
    if (failed(expander.run()))
      return signalPassFailure();
    numCalls += expander.calls();
    if (sizes != std::array<int64_t, 3>{})
      fitRecipe(getOperation());
  }
};

} // namespace
