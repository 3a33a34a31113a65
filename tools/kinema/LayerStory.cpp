#include "tools/kinema/LayerStory.h"

#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Clip.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"
#include "tools/kinema/SpecOptions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace kinema;

/// Returns the number of the layer's row. Throws Error where there is none.
static size_t numberOf(const std::string &layer, const inspect::LayerTable &table,
                       const clip::Layers &known) {
  std::vector<std::string> names;
  for (const inspect::Layer &row : table.layers)
    names.push_back(row.name);
  auto found = std::find(names.begin(), names.end(), layer);
  if (found != names.end())
    return found - names.begin();
  if (auto whole = known.find(layer))
    refuse("{} is a part of layer '{}': say --layer {}", layer, names[*whole], names[*whole]);
  const std::string near = didYouMean(layer, names);
  refuse("network '{}' has no layer '{}'{}", table.name, layer,
         near.empty() ? "; --layers-only lists its layers" : near);
}

/// Notes where the layer was written, which its parameters and its operations tell.
static void notePlace(inspect::LayerStory &story, Compilation &compilation, const clip::Layers &layers,
                      size_t number) {
  const dsl::Sources &sources = compilation.program().sources;
  dsl::Location place;
  compilation.module().walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation *op) {
    auto param = llvm::dyn_cast<clip::ParamOp>(op);
    if ((param ? layers.find(param.getSymName()) : layers.of(*op)) != number)
      return mlir::WalkResult::advance();
    place = compilation.placeOf(*op);
    return place.known() ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  if (!place.known())
    return;
  story.place = sources.describe(place);
  story.line = sources.line(place.file, place.line).trim().str();
}

inspect::LayerStory kinema::tellStory(Compilation &compilation, const inspect::LayerTable &table,
                                      const std::string &layer, CompileOptions options,
                                      llvm::ArrayRef<CodeForm> forms) {
  options.targetOptions.noteCandidates = true;
  mlir::OwningOpRef<mlir::ModuleOp> module = compilation.module().clone();
  const clip::Layers known((*module)->getAttrOfType<mlir::ArrayAttr>(clip::layersAttribute));
  const size_t number = numberOf(layer, table, known);
  inspect::LayerStory story;
  story.layer = table.layers[number];
  story.target = options.target->name.str();
  notePlace(story, compilation, known, number);
  story.clip = inspect::storyOperations(*module, number);
  require(advance(*module, Phase::Clip, Phase::Step, options));
  story.step = inspect::storyOperations(*module, number);
  require(advance(*module, Phase::Step, Phase::Fused, options));
  story.kernels = inspect::storyKernels(*module, number);
  require(advance(*module, Phase::Fused, Phase::Planned, options));
  story.launches = inspect::storyLaunches(*module, number, *options.target);
  if (forms.empty())
    return story;
  require(advance(*module, Phase::Planned, Phase::Target, options));
  require(mlir::failed(inspect::addCode(story, *module, *options.target, options.targetOptions, forms))
              ? Outcome::Failed
              : Outcome::Done);
  return story;
}
