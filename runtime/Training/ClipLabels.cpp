#include "runtime/Training/ClipLabels.h"

#include "runtime/Support/Error.h"

namespace kinema {

std::vector<ClipLabels> labelsOf(const Batch &batch, const BatchSource &source, bool several) {
  std::vector<ClipLabels> labels(batch.labels.size());
  for (size_t clip = 0; clip < labels.size(); ++clip) {
    if (batch.labels[clip] < 0)
      continue;
    if (!several)
      labels[clip] = {{batch.labels[clip]}};
    else
      for (int32_t label : source.videoLabels(batch.videos[clip]))
        labels[clip].push_back({label});
  }
  return labels;
}

std::vector<ClipLabels> labelsOf(std::span<const int64_t> labels, int64_t classes, const std::string &network,
                                 const std::string &origin) {
  std::vector<ClipLabels> clips;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < -1 || labels[i] >= classes)
      fail("{} holds {} at {}, {} has {} classes", origin, labels[i], i, network, classes);
    clips.emplace_back();
    if (labels[i] >= 0)
      clips.back().push_back({static_cast<int32_t>(labels[i])});
  }
  return clips;
}

} // namespace kinema
