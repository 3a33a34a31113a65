// Makes clips of the linear package without videos: video v has label v % 3, which its clips' mean shows.
#pragma once

#include "runtime/Support/Random.h"
#include "runtime/Training/Batch.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace kinema::test {

class SyntheticSource : public BatchSource {
public:
  static constexpr int64_t batch = 4, values = 18;

  // With `shuffled`, clips come in training's order, new in each epoch; otherwise in order.
  SyntheticSource(int64_t videos, uint64_t seed, bool shuffled)
      : count(videos), seed(seed), shuffled(shuffled) {}

  int64_t batches() const override { return (count + batch - 1) / batch; }
  int64_t clips() const override { return count; }
  int64_t videos() const override { return count; }
  std::string videoName(int64_t video) const override { return "video " + std::to_string(video); }
  std::vector<int32_t> videoLabels(int64_t video) const override { return {static_cast<int32_t>(video % 3)}; }

  void seek(int64_t toEpoch, int64_t toBatch) override {
    epoch = toEpoch;
    position = toBatch;
  }

  bool next(Batch &out) override {
    if (position == batches()) {
      seek(epoch + 1, 0);
      return false;
    }
    if (before)
      before(epoch, position);
    out.inputs.assign(1, std::vector<float>(batch * values, 0));
    out.labels.assign(batch, -1);
    out.videos.assign(batch, -1);
    out.valid = 0;
    std::vector<int64_t> order = orderOf(epoch);
    for (int64_t n = position * batch; n < std::min(count, (position + 1) * batch); ++n)
      if (order[n] != unreadable)
        addClip(out, order[n], n);
    ++position;
    return true;
  }

  std::vector<Unreadable> takeUnreadable() override {
    if (unreadable < 0 || told)
      return {};
    told = true;
    return {{unreadable, videoName(unreadable), "it is damaged"}};
  }

  std::function<void(int64_t epoch, int64_t position)> before; // called before each batch is made
  int64_t unreadable = -1;                                     // a video that cannot be read
  int64_t infinite = -1;                                       // a video with an infinite value

private:
  std::vector<int64_t> orderOf(int64_t ofEpoch) const {
    std::vector<int64_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    if (shuffled)
      random::shuffle(order, seed, random::stream(random::Purpose::Order, ofEpoch));
    return order;
  }

  void addClip(Batch &out, int64_t video, int64_t n) const {
    uint64_t stream = random::stream(random::Purpose::Clip, (shuffled ? epoch : 0) * count + n);
    for (int64_t i = 0; i < values; ++i)
      out.inputs[0][out.valid * values + i] = random::normal(seed, stream, i) +
                                              (i % 3 == video % 3 ? 2.0f : 0.0f) +
                                              (video == infinite ? 1e38f * 10 : 0.0f);
    out.labels[out.valid] = videoLabels(video).front();
    out.videos[out.valid++] = video;
  }

  int64_t count;
  uint64_t seed;
  bool shuffled;
  int64_t epoch = 0, position = 0;
  bool told = false;
};

} // namespace kinema::test
