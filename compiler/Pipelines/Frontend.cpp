#include "compiler/Pipelines/Frontend.h"

#include "compiler/Import/Import.h"
#include "compiler/Import/SourceDiagnostics.h"
#include "dialects/Recipe.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

static dsl::LoadOptions loadOptions(const FrontendOptions &options) {
  dsl::LoadOptions load;
  load.libraryPaths = options.libraryPaths;
  auto set = [](std::vector<std::string> &settings, const char *name, int64_t value) {
    if (value)
      settings.push_back(std::string(name) + "=" + std::to_string(value));
  };
  set(load.sizes, "frames", options.frames);
  set(load.sizes, "height", options.height);
  set(load.sizes, "width", options.width);
  if (options.height == options.width)
    set(load.sizes, "size", options.height);
  set(load.overrides, "classes", options.classes);
  llvm::append_range(load.overrides, options.overrides);
  return load;
}

static DictionaryAttr with(DictionaryAttr dictionary, StringRef key, Attribute value) {
  NamedAttrList entries(dictionary);
  entries.set(key, value);
  return entries.getDictionary(dictionary.getContext());
}

/// Clips are cut as the network's first input wants them, also where the caller replaced its size.
static void fitRecipe(ModuleOp module) {
  auto recipe = module->getAttrOfType<DictionaryAttr>(recipeAttribute);
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

OwningOpRef<ModuleOp> kinema::importAndExpand(MLIRContext &context, StringRef path,
                                              const FrontendOptions &options, Phase stop, Spec &spec) {
  if (!dsl::loadFile(path, loadOptions(options), spec.program, spec.diagnostics))
    return {};
  return expandLoaded(context, options, stop, spec);
}

OwningOpRef<ModuleOp> kinema::expandLoaded(MLIRContext &context, const FrontendOptions &options, Phase stop,
                                           Spec &spec) {
  if (stop == Phase::Ast)
    return {};
  OwningOpRef<ModuleOp> module = importProgram(spec.program, context);
  if (stop == Phase::Arch)
    return module;

  SourceDiagnostics forward(context, spec.program.sources, spec.diagnostics);
  PassManager passes(&context);
  ArchToClipOptions expand;
  expand.batch = options.batch;
  expand.frames = options.frames;
  expand.height = options.height;
  expand.width = options.width;
  passes.addPass(createArchToClip(expand));
  if (failed(passes.run(*module)))
    return {};
  if (options.frames || options.height || options.width)
    fitRecipe(*module);
  return module;
}
