#include "runtime/Package/RecipeRules.h"

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

using Fault = std::optional<RecipeFault>;

std::string textOf(const RecipeSize &size) { return std::to_string(size[0]) + "x" + std::to_string(size[1]); }

Fault wrongSegments(const std::string &section, int64_t segments, int64_t frames) {
  if (segments == 0 || frames % segments == 0)
    return {};
  return RecipeFault{section + ".segments",
                     std::to_string(segments) + " segments for clips of " + std::to_string(frames) +
                         " frames",
                     "a clip takes as many frames from each segment as from the others"};
}

// Checks that frames are not scaled to less than a crop that is cut out of them.
Fault tooSmall(const DataRecipe &data, const RecipeSize &crop) {
  const bool byShortSide = data.shortSide > 0;
  if (!byShortSide && data.resize == RecipeSize{0, 0})
    return {}; // frames keep their video's size
  if (byShortSide ? data.shortSide >= std::min(crop[0], crop[1])
                  : data.resize[0] >= crop[0] && data.resize[1] >= crop[1])
    return {};
  return RecipeFault{byShortSide ? "data.short" : "data.resize",
                     "frames are resized to less than the crop of " + textOf(crop), ""};
}

Fault wrongJitter(const DataRecipe &data) {
  if (data.shortTo == 0)
    return {};
  if (data.shortSide == 0)
    return RecipeFault{"data.short_to", "short_to needs the short side from which it goes",
                       "write `resize short=256 short_to=320`"};
  if (data.shortTo < data.shortSide)
    return RecipeFault{"data.short_to",
                       "short_to is " + std::to_string(data.shortTo) + ", less than short, which is " +
                           std::to_string(data.shortSide),
                       ""};
  return {};
}

Fault wrongTrainingCrop(const DataRecipe &data) {
  if (data.at == "scaled" && data.scales.empty())
    return RecipeFault{"data.scales", "a scaled crop needs a scale", "leave scales= out"};
  const bool isCutOut = data.at != "resized" && data.at != "scaled";
  return isCutOut ? tooSmall(data, data.crop) : Fault();
}

Fault wrongEvaluationCrop(const DataRecipe &data, const EvalRecipe &eval) {
  if (eval.scales.empty())
    return tooSmall(data, eval.crop);
  for (double side : eval.scales)
    if (side != std::floor(side))
      return RecipeFault{"eval.scales", "a short side is a whole number of pixels", ""};
  if (static_cast<int64_t>(eval.scales.front()) >= std::min(eval.crop[0], eval.crop[1]))
    return {};
  return RecipeFault{"eval.scales", "frames are resized to less than the crop of " + textOf(eval.crop), ""};
}

} // namespace

std::vector<RecipeFault> otherSizesThan(int64_t frames, const RecipeSize &size, const Recipe &recipe,
                                        bool trains, bool evaluates) {
  std::vector<RecipeFault> faults;
  if (recipe.data.frames != frames)
    faults.push_back({"data.frames",
                      "clips of " + std::to_string(recipe.data.frames) + " frames for an input of " +
                          std::to_string(frames),
                      "leave frames= out: it follows the input"});
  auto check = [&](bool counts, const char *field, const RecipeSize &crop) {
    if (counts && crop != size)
      faults.push_back({field, "a crop of " + textOf(crop) + " for an input of " + textOf(size),
                        "leave the size out: it follows the input"});
  };
  check(trains, "data.crop", recipe.data.crop);
  check(evaluates, "eval.crop", recipe.eval.crop);
  return faults;
}

std::optional<RecipeFault> contradictionOf(const DataRecipe &data, const EvalRecipe &eval) {
  for (const Fault &fault :
       {wrongSegments("data", data.segments, data.frames), wrongSegments("eval", eval.segments, data.frames),
        wrongJitter(data), wrongTrainingCrop(data), wrongEvaluationCrop(data, eval)})
    if (fault)
      return fault;
  return {};
}

std::optional<RecipeFault> contradictionOf(const TrainRecipe &train) {
  if (!hasSeveralLabels(train))
    return {};
  const std::string hint = "leave it out, or take cross_entropy";
  if (train.smoothing > 0)
    return RecipeFault{"train.smoothing", "binary_cross_entropy has no label smoothing", hint};
  if (train.classWeights != "none")
    return RecipeFault{"train.class_weights", "binary_cross_entropy has no class weights", hint};
  return {};
}

} // namespace kinema
