// Makes what a loader gives a batch of training.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Training/ClipLabels.h"

#include <vector>

namespace kinema {

// Makes rows that do not count repeat those that do, of which there are some, so that batch norm's statistics
// are of real clips alone. The labels of the repeated rows stay as they are.
void repeatValidClips(Batch &batch);

// Mixes the clips of a batch as the recipe says, and repeats those that count; returns the labels. It is the
// batch of that number in the epoch of that number.
std::vector<ClipLabels> prepareBatch(Batch &batch, const BatchSource &source, const TrainRecipe &recipe,
                                     const std::vector<InputTensor> &inputs, int64_t epoch, int64_t number);

} // namespace kinema
