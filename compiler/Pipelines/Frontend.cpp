#include "compiler/Pipelines/Frontend.h"

#include "compiler/Expand/Expand.h"
#include "compiler/Expand/SourceLocations.h"
#include "compiler/Transforms/UpdatePlan.h"
#include "dialects/Recipe.h"
#include "runtime/Package/InputKinds.h"
#include "runtime/Package/RecipeFields.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FormatVariadic.h"

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

/// Returns the recipe, fitted to the sizes that the caller replaced: clips are cut to the size of the
/// network's inputs, and frames are scaled to a size that follows from it, unless the spec says how.
static Recipe recipeOf(const dsl::Program &program, const FrontendOptions &options, ModuleOp module) {
  Recipe recipe = program.recipe;
  if (!options.frames && !options.height && !options.width)
    return recipe;
  SmallVector<InputForm> forms;
  auto network = module->getAttrOfType<DictionaryAttr>(clip::networkAttribute);
  for (auto input : network.getAs<ArrayAttr>("inputs").getAsRange<DictionaryAttr>()) {
    auto shape = llvm::map_to_vector(input.getAs<ArrayAttr>("shape").getAsRange<IntegerAttr>(),
                                     [](IntegerAttr size) { return size.getInt(); });
    auto every = input.getAs<IntegerAttr>("every");
    if (forms.empty())
      recipe.data.crop = recipe.eval.crop = {shape[3], shape[4]}; // [N, C, T, H, W]
    forms.push_back({.frames = shape[2], .every = every ? every.getInt() : 1});
  }
  recipe.data.frames = clipFrames(forms);
  const auto &places = program.recipe.places;
  if (options.height && !places.contains("data.resize") && !places.contains("data.short"))
    recipe.data.resize = usualResize(options.height, options.width);
  return recipe;
}

/// Returns what patterns may be meant to be: the names of trained parameters, and those of all in a layer.
static std::vector<std::string> patternsOf(ModuleOp module) {
  std::vector<std::string> patterns;
  for (auto param : module.getOps<clip::ParamOp>()) {
    if (!param.isTrained())
      continue;
    StringRef name = param.getSymName();
    patterns.push_back(name.str());
    for (size_t dot = name.find('.'); dot != StringRef::npos; dot = name.find('.', dot + 1))
      patterns.push_back((name.take_front(dot) + ".*").str());
  }
  return patterns;
}

/// Succeeds if each pattern of the recipe's `parts` has a rate and matches a parameter that is trained.
static LogicalResult checkParts(const dsl::Recipe &recipe, ModuleOp module, dsl::Diagnostics &diagnostics) {
  auto found = recipe.places.find("train.parts");
  dsl::Location place = found == recipe.places.end() ? dsl::Location() : found->second;
  const RecipeWords &parts = recipe.train.parts;
  if (parts.size() != recipe.train.rates.size()) {
    diagnostics.error(place,
                      llvm::formatv("{0} parts and {1} rates", parts.size(), recipe.train.rates.size()),
                      "each part has a rate: parts stem.* fc.* rates=[0 10]");
    return failure();
  }
  std::vector<std::string> patterns = patternsOf(module);
  for (const std::string &part : parts) {
    if (auto named = recipe.valuePlaces.find(part); named != recipe.valuePlaces.end())
      place = named->second;
    if (llvm::any_of(patterns, [&](StringRef name) { return matchesName(part, name); }))
      continue;
    std::vector<StringRef> candidates(patterns.begin(), patterns.end());
    std::string hint = dsl::didYouMean(part, candidates);
    diagnostics.error(place, "no parameter that is trained has a name like '" + part + "'",
                      hint.empty() ? "`stem.*` is all that the layer stem has, `*.bn.*` all batch norms"
                                   : hint);
    return failure();
  }
  return success();
}

/// Returns the spec's section `train`, which is added where there is none.
static dsl::Section &trainSection(dsl::File &file) {
  for (dsl::Section &section : file.sections)
    if (section.kind == dsl::Section::Kind::Train)
      return section;
  return file.sections.emplace_back(dsl::Section{dsl::Section::Kind::Train, {}, {}});
}

/// Writes `batch N` into the spec's tree, so that the batch is there when the tree is shown.
static void writeBatch(dsl::File &spec, int64_t batch) {
  auto statement = std::make_unique<dsl::CallStmt>(dsl::Location(), std::nullopt, dsl::Name{"batch", {}});
  statement->arguments.emplace_back().cycle.push_back(std::make_unique<dsl::IntExpr>(dsl::Location(), batch));
  dsl::Body &body = trainSection(spec).body;
  for (dsl::Chain &chain : body.chains)
    for (dsl::StmtPtr &old : chain.statements)
      if (auto *call = dyn_cast<dsl::CallStmt>(old.get()); call && call->head.text == "batch") {
        old = std::move(statement);
        return;
      }
  body.chains.emplace_back().statements.push_back(std::move(statement));
}

OwningOpRef<ModuleOp> kinema::loadAndExpand(MLIRContext &context, StringRef path,
                                            const FrontendOptions &options, Phase stop, Spec &spec) {
  if (!dsl::loadFile(path, loadOptions(options), spec.program, spec.diagnostics))
    return {};
  if (options.batch)
    writeBatch(*spec.program.files.front(), options.batch);
  return stop == Phase::Ast ? nullptr : expandLoaded(context, options, spec);
}

OwningOpRef<ModuleOp> kinema::expandLoaded(MLIRContext &context, const FrontendOptions &options, Spec &spec) {
  int64_t batch = options.batch ? options.batch : spec.program.recipe.train.batch;
  OwningOpRef<ModuleOp> module = expandNetwork(
      spec.program, {batch, options.frames, options.height, options.width, options.layers, options.trace},
      spec.diagnostics, context);
  if (!module || failed(verify(*module)) ||
      failed(checkParts(spec.program.recipe, *module, spec.diagnostics)))
    return {};
  module->getOperation()->setAttr(clip::recipeAttribute,
                                  recipeAttributeOf(recipeOf(spec.program, options, *module), context));
  return module;
}

void kinema::addModuleDiagnostic(mlir::Diagnostic &diagnostic, Spec &spec) {
  addDiagnostic(diagnostic, spec.program.sources, spec.diagnostics);
}
