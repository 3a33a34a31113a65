#include "compiler/Pipelines/Frontend.h"

#include "compiler/Import/Import.h"
#include "compiler/Import/SourceDiagnostics.h"
#include "dialects/Recipe.h"
#include "runtime/Package/RecipeFields.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

static dsl::LoadOptions loadOptions(const FrontendOptions &options) {
  dsl::LoadOptions load;
  load.libraryPaths = options.libraryPaths;
  load.fromVideos = options.fromVideos;
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

/// The size that frames are scaled to follows a size that the caller replaced, unless the spec says it.
static void fitResize(ModuleOp module, const FrontendOptions &options, const dsl::Program &program) {
  const auto &places = program.recipe.places;
  if (!options.height || places.contains("data.resize") || places.contains("data.short"))
    return;
  auto recipe = module->getAttrOfType<DictionaryAttr>(recipeAttribute);
  auto resize = Builder(module.getContext()).getI64ArrayAttr(usualResize(options.height, options.width));
  module->setAttr(recipeAttribute,
                  with(recipe, "data", with(recipe.getAs<DictionaryAttr>("data"), "resize", resize)));
}

OwningOpRef<ModuleOp> kinema::importSpec(MLIRContext &context, const FrontendOptions &options,
                                         const Spec &spec) {
  OwningOpRef<ModuleOp> module = importProgram(spec.program, context);
  NamedAttrList network(module->getOperation()->getAttrOfType<DictionaryAttr>("kinema.network"));
  const std::pair<const char *, int64_t> sizes[] = {{"batch", options.batch},
                                                    {"frames", options.frames},
                                                    {"height", options.height},
                                                    {"width", options.width}};
  for (auto [name, size] : sizes)
    if (size)
      network.set(name, Builder(&context).getI64IntegerAttr(size));
  module->getOperation()->setAttr("kinema.network", network.getDictionary(&context));
  fitResize(*module, options, spec.program);
  return module;
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
  OwningOpRef<ModuleOp> module = importSpec(context, options, spec);
  if (stop == Phase::Arch)
    return module;

  SourceDiagnostics forward(context, spec.program.sources, spec.diagnostics);
  PassManager passes(&context);
  passes.addPass(createArchToClip());
  if (failed(passes.run(*module)))
    return {};
  return module;
}
