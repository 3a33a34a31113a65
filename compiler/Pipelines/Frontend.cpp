#include "compiler/Pipelines/Frontend.h"

#include "compiler/Import/Import.h"
#include "compiler/Import/SourceDiagnostics.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

/// The network's parameters, by a look at the spec that keeps no errors.
static std::vector<std::string> parametersOf(StringRef path, const FrontendOptions &options) {
  dsl::Program program;
  dsl::Diagnostics diagnostics(program.sources);
  dsl::LoadOptions load;
  load.libraryPaths = options.libraryPaths;
  std::vector<std::string> names;
  if (dsl::loadFile(path, load, program, diagnostics))
    for (const dsl::Parameter &parameter : program.network->parameters)
      names.push_back(parameter.name.text);
  return names;
}

/// Sizes and classes as settings of the network's parameters, before those of the caller.
static std::vector<std::string> settings(StringRef path, const FrontendOptions &options) {
  std::vector<std::string> result;
  auto set = [&](const char *name, int64_t value) {
    result.push_back(std::string(name) + "=" + std::to_string(value));
  };
  if (options.frames || options.height || options.width) {
    std::vector<std::string> names = parametersOf(path, options);
    auto setIfThere = [&](const char *name, int64_t value) {
      if (value && llvm::is_contained(names, name))
        set(name, value);
    };
    setIfThere("frames", options.frames);
    setIfThere("height", options.height);
    setIfThere("width", options.width);
    if (options.height == options.width)
      setIfThere("size", options.height);
  }
  if (options.classes)
    set("classes", options.classes);
  llvm::append_range(result, options.overrides);
  return result;
}

static DictionaryAttr with(DictionaryAttr dictionary, StringRef key, Attribute value) {
  NamedAttrList entries(dictionary);
  entries.set(key, value);
  return entries.getDictionary(dictionary.getContext());
}

/// Clips are cut as the network's first input wants them, also where the caller replaced its size.
static void fitRecipe(ModuleOp module) {
  auto recipe = module->getAttrOfType<DictionaryAttr>("kinema.recipe");
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
  module->setAttr("kinema.recipe", recipe);
}

OwningOpRef<ModuleOp> kinema::importAndExpand(MLIRContext &context, StringRef path,
                                              const FrontendOptions &options, Phase stop, Spec &spec) {
  dsl::LoadOptions load;
  load.libraryPaths = options.libraryPaths;
  load.overrides = settings(path, options);
  if (!dsl::loadFile(path, load, spec.program, spec.diagnostics))
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
