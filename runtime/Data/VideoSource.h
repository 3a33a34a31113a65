// Makes batches of clips from video files: worker threads decode ahead of the trainer, within a stated amount
// of memory.
#pragma once

#include "runtime/Data/ClipSampler.h"
#include "runtime/Data/FrameCache.h"
#include "runtime/Data/VideoList.h"
#include "runtime/Package/InputKinds.h"
#include "runtime/Package/Recipe.h"
#include "runtime/Training/Batch.h"

#include <memory>

namespace kinema {

struct LoaderOptions {
  int64_t batch = 1;                 // clips of a batch
  int threads = 0;                   // 0: one a core
  int64_t memory = int64_t{1} << 30; // bytes for the batches that are decoded ahead; two batches at the least
  // Those of the network, all of the crop's height and width; none: one of kind rgb with all frames.
  std::vector<InputForm> inputs = {};
  std::string flow = {}; // folder of stored optical flow; empty: it is computed
  // Of several sources of the same clips this is one: of every `shares` batches that follow each other it has
  // number `share`, which has no clips where there are no more.
  int64_t share = 0, shares = 1;
  std::shared_ptr<FrameCache> cache = {}; // of scaled frames; null: all are decoded
};

// Counts what the loader has done since it began.
struct LoaderStatistics {
  int64_t clips = 0;        // decoded, cut and normalised
  double decodeSeconds = 0; // time of all threads together, spent on these clips
  double waitSeconds = 0;   // time that the caller of `next` waited
};

// A VideoSource is a source of batches. All inputs of a clip are made of its data.frames frames, which are
// decoded once (runtime/Data/ClipInput.h).
class VideoSource : public BatchSource {
public:
  // These sample clips as ClipSampler defines it. Nothing is opened before the first `next` or `seek`.
  static std::unique_ptr<VideoSource> training(VideoList list, const Recipe &recipe,
                                               const LoaderOptions &options);
  static std::unique_ptr<VideoSource> evaluation(VideoList list, const Recipe &recipe,
                                                 const LoaderOptions &options);
  ~VideoSource() override;

  // Counts the batches of this share; each share has as many.
  int64_t batches() const override;
  int64_t clips() const override;
  int64_t videos() const override;
  std::string videoName(int64_t video) const override;
  std::vector<int32_t> videoLabels(int64_t video) const override;
  int64_t knownMissing() const override;
  void seek(int64_t epoch, int64_t batch) override;
  // Takes the next batch. Clips whose video cannot be read are left out: the others close up, and the batch's
  // end is masked. Throws TooSlow where a video's time is up.
  bool next(Batch &batch) override;
  std::vector<Unreadable> takeUnreadable() override;

  // Returns how many bytes the loader holds at the most for batches and frames when all threads are busy.
  // Tables of where the videos' frames are (at most 64 MiB) and FFmpeg's own memory come on top.
  int64_t memory() const;
  int threads() const;
  LoaderStatistics statistics() const;

private:
  struct State;
  explicit VideoSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace kinema
