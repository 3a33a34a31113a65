#include "runtime/Training/TrainingBatch.h"

#include "runtime/Training/Mixing.h"

#include <algorithm>

namespace kinema {

void repeatValidClips(Batch &batch) {
  auto rows = static_cast<int64_t>(batch.labels.size());
  for (std::vector<float> &clips : batch.inputs) {
    auto size = static_cast<int64_t>(clips.size()) / rows;
    for (int64_t row = batch.valid; row < rows; ++row)
      std::copy_n(clips.begin() + (row - batch.valid) * size, size, clips.begin() + row * size);
  }
}

std::vector<ClipLabels> prepareBatch(Batch &batch, const BatchSource &source, const TrainRecipe &recipe,
                                     const std::vector<InputTensor> &inputs, int64_t epoch, int64_t number) {
  std::vector<ClipLabels> labels = labelsOf(batch, source, hasSeveralLabels(recipe));
  // Inputs are [N, C, T, H, W], of one crop.
  const Mixing mixing = drawMixing(recipe, epoch, number, inputs[0].shape[3], inputs[0].shape[4]);
  for (size_t i = 0; i < inputs.size(); ++i)
    mixClips(mixing, batch.inputs[i], inputs[i].shape, batch.valid);
  mixLabels(mixing, labels, batch.valid);
  repeatValidClips(batch);
  return labels;
}

} // namespace kinema
