#include "runtime/Data/NetworkClips.h"

#include "runtime/Data/ClipInput.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Package/RecipeRules.h"
#include "runtime/Support/Error.h"

#include <algorithm>

namespace kinema {

bool hasFlow(const Manifest &manifest) {
  return std::ranges::any_of(manifest.inputs, [](const InputTensor &input) { return input.kind == "flow"; });
}

LoaderOptions loaderOptionsOf(const Manifest &manifest, int threads, const std::string &flow) {
  LoaderOptions options;
  options.batch = manifest.batch;
  options.threads = threads;
  options.inputs = formsOf(manifest.inputs);
  options.flow = flow;
  return options;
}

void checkClips(const Manifest &manifest, const Recipe &recipe, const std::string &flow, bool train) {
  const std::vector<InputForm> forms = formsOf(manifest.inputs);
  for (const InputForm &form : forms)
    makeClipInput(form, recipe.data, flow);
  refuseContradictions(recipe.data, train ? EvalRecipe() : recipe.eval);
  for (const InputTensor &input : manifest.inputs) { // [N, C, T, H, W]
    const RecipeSize size{input.shape[3], input.shape[4]};
    auto faults = otherSizesThan(clipFrames(forms), size, recipe, train, !train);
    if (!faults.empty())
      refuse("{}: {}, as the package was compiled: {}, or compile the spec with --frames and --size",
             faults.front().field, faults.front().message, faults.front().hint);
  }
}

VideoList unlabelledVideos(std::span<const std::string> videos) {
  VideoList list;
  for (const std::string &video : videos) {
    requireDecoder(video);
    list.videos.push_back({.path = video, .label = 0, .name = video});
  }
  return list;
}

} // namespace kinema
