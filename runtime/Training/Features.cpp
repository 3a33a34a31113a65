#include "runtime/Training/Features.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace kinema {

std::vector<const OutputTensor *> featuresOf(const Manifest &manifest,
                                             const std::vector<std::string> &layers) {
  std::vector<const OutputTensor *> found;
  std::vector<std::string> known;
  const std::vector<OutputTensor> &outputs = manifest.outputs.at("infer");
  for (const OutputTensor &output : outputs)
    if (!output.layer.empty())
      known.push_back(output.layer);
  for (const std::string &layer : layers) {
    auto output = std::ranges::find(outputs, layer, &OutputTensor::layer);
    if (layer.empty() || output == outputs.end())
      refuse("{} was compiled without features of layer '{}'{}: compile or build its spec with --layers {}",
             manifest.name, layer, didYouMean(layer, known), fmt::join(layers, ","));
    if (std::ranges::find(found, &*output) == found.end())
      found.push_back(&*output);
  }
  return found;
}

void LayerFeatures::add(std::span<const float> values, std::span<const int32_t> labels,
                        std::span<const int64_t> videos) {
  for (size_t clip = 0; clip < videos.size(); ++clip) {
    if (labels[clip] < 0)
      continue;
    Sum &sum = sums[videos[clip]];
    sum.features.resize(channels);
    ++sum.clips;
    for (int64_t i = 0; i < channels; ++i)
      sum.features[i] += values[static_cast<int64_t>(clip) * channels + i];
  }
}

void LayerFeatures::read(int64_t video, std::span<float> features) const {
  const Sum &sum = sums.at(video);
  for (int64_t i = 0; i < channels; ++i)
    features[i] = static_cast<float>(sum.features[i] / static_cast<double>(sum.clips));
}

} // namespace kinema
