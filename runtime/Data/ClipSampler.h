// Says which clip is the n-th of an epoch: a pure function of the seed, the epoch and n.
#pragma once

#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/FramesAround.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Package/Recipe.h"

#include <cstdint>
#include <vector>

namespace kinema {

// Describes a clip as far as that is possible without opening the video. Places are shares in [0, 1] of the
// possible places.
struct ClipDraw {
  int64_t video = 0;
  int64_t epoch = 0, n = 0;       // which clip it is
  double start = 0.5;             // place of the first frame
  double down = 0.5, right = 0.5; // place of the crop
  bool alongLonger = false; // `right` is the place along the longer side; the crop is centred on the other
  bool flip = false;
  int64_t shortSide = 0; // to which the frames' short side is scaled; 0: as `data.resize` says
};

class ClipSampler {
public:
  // Samples for training: every video comes once, in a new random order, then every video again in another
  // order, until `clips` are drawn (0: data.repeat a video). Each time a video comes, data.repeat clips of it
  // follow each other. First frame, crop, flip and colours follow `data`. Clips lie in their videos so that
  // each frame has those `around` it, where the video is long enough. Throws Error with status 2 for a recipe
  // that contradicts itself.
  static ClipSampler training(const DataRecipe &data, int64_t videos, int64_t clips, uint64_t seed,
                              FramesAround around = {});

  // Samples for evaluation: the clips of video 0, then of video 1, and so on; every epoch is the same. A clip
  // is cut at each of eval.scales, and each of those once or at three places.
  static ClipSampler evaluation(const DataRecipe &data, const EvalRecipe &eval, int64_t videos, uint64_t seed,
                                FramesAround around = {});

  // Returns whether epochs differ.
  bool isForTraining() const { return isTraining; }
  // Counts the clips of one epoch.
  int64_t clips() const { return clipCount; }
  // Counts the clips of one video that follow each other; the first of them has a multiple of it as number.
  int64_t clipsInARow() const { return isTraining ? data.repeat : clipCount / videoCount; }
  PictureSize crop() const { return cropSize; }
  FramesAround around() const { return framesAround; }

  ClipDraw draw(int64_t epoch, int64_t n) const;

  // Returns the numbers of the frames of a clip, [data.frames, around().count()]: each of them with those
  // around it, in their order; beyond the ends of the video, its first or last frame. Where data.fps is set,
  // the clip is cut from the video as it would be at that rate: its frame j is the frame on display after j /
  // fps seconds. A video shorter than a clip is repeated from its start.
  std::vector<int64_t> frames(const ClipDraw &draw, const VideoReader &video) const;

  // Returns what becomes of the frames of a video of this size. Throws Error (without the video's name) where
  // they are smaller than the crop.
  ClipView view(const ClipDraw &draw, PictureSize video) const;

private:
  ClipSampler(const DataRecipe &data, int64_t videos, uint64_t seed, FramesAround around);
  ClipDraw drawTraining(int64_t epoch, int64_t n) const;
  ClipDraw drawEvaluation(int64_t n) const;
  int64_t segments() const { return isTraining ? data.segments : eval.segments; }
  double augmentation(const ClipDraw &draw, int64_t which) const;
  std::vector<int64_t> places(const ClipDraw &draw, int64_t total) const;
  int64_t startInSegment(const ClipDraw &draw, int64_t segment, int64_t starts) const;
  PictureSize resizedRegion(const ClipDraw &draw, PictureSize picture) const;
  PictureSize scaledRegion(const ClipDraw &draw, PictureSize picture) const;
  ColourChange colourChange(const ClipDraw &draw) const;

  DataRecipe data;
  EvalRecipe eval;
  bool isTraining = true;
  int64_t videoCount = 0, clipCount = 0;
  PictureSize cropSize;
  uint64_t seed = 0;
  FramesAround framesAround;
};

// Returns item `index` of a random permutation of 0 .. count-1 that depends on (seed, stream) alone. It takes
// constant memory.
int64_t permuted(int64_t index, int64_t count, uint64_t seed, uint64_t stream);

} // namespace kinema
