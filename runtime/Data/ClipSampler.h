// Says which clip is the n-th of an epoch: a pure function of the seed, the epoch and n.
#pragma once

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Package/Recipe.h"

#include <cstdint>
#include <vector>

namespace kinema {

// Describes a clip as far as that is possible without opening the video. Places are shares in [0, 1] of the
// possible places.
struct ClipDraw {
  int64_t video = 0;
  double start = 0.5;             // place of the first frame
  double down = 0.5, right = 0.5; // place of the crop
  bool alongLonger = false; // `right` is the place along the longer side; the crop is centred on the other
  bool flip = false;
};

class ClipSampler {
public:
  // Samples for training: every video comes once, in a new random order, then every video again in another
  // order, until `clips` are drawn (0: as many as videos). First frame, crop and flip follow `data`.
  static ClipSampler training(const DataRecipe &data, int64_t videos, int64_t clips, uint64_t seed);

  // Samples for evaluation: the clips of video 0, then of video 1, and so on; every epoch is the same.
  static ClipSampler evaluation(const DataRecipe &data, const EvalRecipe &eval, int64_t videos,
                                uint64_t seed);

  // Returns whether epochs differ.
  bool isForTraining() const { return isTraining; }
  // Counts the clips of one epoch.
  int64_t clips() const { return clipCount; }
  PictureSize crop() const { return cropSize; }

  ClipDraw draw(int64_t epoch, int64_t n) const;

  // Returns the numbers of the frames of a clip, [data.frames]. Where data.fps is set, the clip is cut from
  // the video as it would be at that rate: its frame j is the frame on display after j / fps seconds. A video
  // shorter than a clip is repeated from its start.
  std::vector<int64_t> frames(const ClipDraw &draw, const VideoReader &video) const;

private:
  ClipSampler(const DataRecipe &data, int64_t videos, uint64_t seed);
  ClipDraw drawTraining(int64_t epoch, int64_t n) const;
  ClipDraw drawEvaluation(int64_t n) const;

  DataRecipe data;
  EvalRecipe eval;
  bool isTraining = true;
  int64_t videoCount = 0, clipCount = 0;
  PictureSize cropSize;
  uint64_t seed = 0;
};

// Returns item `index` of a random permutation of 0 .. count-1 that depends on (seed, stream) alone. It takes
// constant memory.
int64_t permuted(int64_t index, int64_t count, uint64_t seed, uint64_t stream);

} // namespace kinema
