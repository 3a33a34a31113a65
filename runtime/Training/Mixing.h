// Mixes the clips of a batch with each other: mixup (Zhang et al., 2018) and CutMix (Yun et al., 2019), as
// timm and PyTorchVideo have them. There is one draw a batch, and clip i is mixed with the i-th from the end,
// so that published values of alpha mean the same here.
#pragma once

#include "runtime/Package/Recipe.h"
#include "runtime/Training/ClipLabels.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kinema {

// A Mixing says what is done to a batch.
struct Mixing {
  enum class Kind { None, Blend, Exchange };
  // A part of the frames, with the ends not included.
  struct Rectangle {
    int64_t top = 0, bottom = 0, left = 0, right = 0;
  };
  Kind kind = Kind::None;
  double share = 1;    // what each clip keeps of itself
  Rectangle rectangle; // what clips exchange, in all their frames
};

// Draws what is done to the n-th batch of an epoch: a pure function of the seed, the epoch and n.
Mixing drawMixing(const TrainRecipe &recipe, int64_t epoch, int64_t n, int64_t height, int64_t width);

// Mixes the first `valid` clips of [N, C, T, H, W]; the others stay as they are.
void mixClips(const Mixing &mixing, std::span<float> clips, std::span<const int64_t> shape, int64_t valid);

// Mixes their labels.
void mixLabels(const Mixing &mixing, std::vector<ClipLabels> &labels, int64_t valid);

// Draws from Beta(alpha, alpha) by numbers of the stream from `counter` on, of which there are 2048.
double drawBeta(double alpha, uint64_t seed, uint64_t stream, uint64_t counter);

} // namespace kinema
