#include "compiler/Pipelines/Frontend.h"

#include "compiler/Import/Import.h"
#include "compiler/Import/SourceDiagnostics.h"

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
