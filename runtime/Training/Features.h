// Collects the features of videos: the mean of what a layer gives over frames, rows and columns, and over the
// clips of a video.
#pragma once

#include "runtime/Package/Manifest.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kinema {

// Returns the outputs of "infer" that are the features of these layers, in their order and each once. Throws
// Error where the package was compiled without those of one.
std::vector<const OutputTensor *> featuresOf(const Manifest &manifest,
                                             const std::vector<std::string> &layers);

// Holds the features of one layer.
class LayerFeatures {
public:
  explicit LayerFeatures(const OutputTensor &output) : name(output.name), channels(output.shape[1]) {}

  // Adds clips. values: [videos.size(), channels]; rows of label -1 do not count.
  void add(std::span<const float> values, std::span<const int32_t> labels, std::span<const int64_t> videos);

  // Writes the mean over the clips of a video of which there are some. features: [channels]
  void read(int64_t video, std::span<float> features) const;

  std::string name; // of the output, which names the layer
  int64_t channels = 0;

private:
  struct Sum {
    int64_t clips = 0;
    std::vector<double> features; // [channels]
  };
  std::map<int64_t, Sum> sums; // by video
};

} // namespace kinema
