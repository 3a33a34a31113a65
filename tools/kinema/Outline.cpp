#include "tools/kinema/Outline.h"

#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Step.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Clip.h"

#include <nlohmann/json.hpp>

using namespace mlir;

namespace kinema {

static Parameter outlineOf(clip::ParamOp param, bool train) {
  Parameter parameter;
  parameter.name = param.getSymName().str();
  parameter.shape = cast<RankedTensorType>(param.getType()).getShape().vec();
  parameter.fileShape = parameter.shape;
  if (auto text = initialisationText(param))
    parameter.init =
        parseInitialisation(nlohmann::json::parse(*text), parameter.name, parameter.shape.size());
  if (train)
    for (StringRef state : statesInStep(param))
      parameter.states[state.str()] = 0;
  return parameter;
}

static InputTensor outlineOf(DictionaryAttr attribute) {
  InputTensor input;
  input.name = attribute.getAs<StringAttr>("name").str();
  input.kind = attribute.getAs<StringAttr>("kind").str();
  if (auto every = attribute.getAs<IntegerAttr>("every"))
    input.every = every.getInt();
  for (const APInt &size : attribute.getAs<ArrayAttr>("shape").getAsValueRange<IntegerAttr>())
    input.shape.push_back(size.getSExtValue());
  return input;
}

Manifest outlineOf(ModuleOp module, bool train) {
  Manifest outline;
  auto network = module->getAttrOfType<DictionaryAttr>(clip::networkAttribute);
  outline.name = network.getAs<StringAttr>("name").str();
  outline.network = network.getAs<StringAttr>("digest").str();
  outline.train = train;
  outline.batch = network.getAs<IntegerAttr>("batch").getInt();
  outline.classes = network.getAs<IntegerAttr>("classes").getInt();
  for (Attribute input : network.getAs<ArrayAttr>("inputs"))
    outline.inputs.push_back(outlineOf(cast<DictionaryAttr>(input)));
  for (auto param : module.getOps<clip::ParamOp>())
    outline.parameters.push_back(outlineOf(param, train));
  outline.recipe = parseRecipe(nlohmann::json::parse(*recipeText(module)));
  if (train && takesTargets(outline.recipe.train))
    outline.targets.emplace();
  return outline;
}

} // namespace kinema
