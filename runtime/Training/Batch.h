// States what the trainer and the evaluator ask of a data set: batches of clips in an order that can be
// entered anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

// Holds clips and their labels. N is the package's batch, always in full: the first `valid` clips count, and
// the others are zeros with label -1 and video -1.
struct Batch {
  std::vector<std::vector<float>> inputs; // for each input of the network [N, C, T, H, W], normalised
  std::vector<int32_t> labels;            // [N], the first of each clip's video; -1: masked
  std::vector<int64_t> videos;            // [N]; index into the source's videos; -1: none
  int64_t valid = 0;
};

// Names a video that could not be read. It is left out, never replaced by another.
struct Unreadable {
  int64_t video = 0;
  std::string name;
  std::string reason;
};

// A BatchSource is a data set cut into clips. The n-th batch of an epoch depends on (the source's seed,
// epoch, n) alone. For training, an epoch is one pass in a new order; for evaluation there is one epoch, with
// all clips of all videos in order.
class BatchSource {
public:
  virtual ~BatchSource() = default;

  // Counts the batches of one epoch; unreadable videos are counted too.
  virtual int64_t batches() const = 0;
  // Counts the clips of one epoch; unreadable videos are counted too.
  virtual int64_t clips() const = 0;
  virtual int64_t videos() const = 0;
  virtual std::string videoName(int64_t video) const = 0;
  // Returns the labels of a video, of which there is at least one.
  virtual std::vector<int32_t> videoLabels(int64_t video) const = 0;

  // Counts the videos of which it is known from the beginning that they cannot be read.
  virtual int64_t knownMissing() const { return 0; }

  // Makes batch `batch` of epoch `epoch` the next one. This costs nothing where it is the next one already.
  virtual void seek(int64_t epoch, int64_t batch) = 0;

  // Fills `batch`, whose memory is reused, and waits for the clips where it must. Returns false at the end of
  // the epoch; the source then stands at the start of the next one. A batch has `valid` 0 where no video of
  // it could be read.
  virtual bool next(Batch &batch) = 0;

  // Returns the videos found unreadable since the last call, each reported once in the source's life and
  // without those that were known.
  virtual std::vector<Unreadable> takeUnreadable() { return {}; }
};

} // namespace kinema
