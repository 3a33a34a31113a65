#include "runtime/Training/ClipLabels.h"

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

} // namespace kinema
