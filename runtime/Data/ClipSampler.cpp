#include "runtime/Data/ClipSampler.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kinema {

using random::Purpose;

// Permutes 0 .. 4^k - 1 by a Feistel network; walking along its cycle to the next number below `count` makes
// that a permutation of 0 .. count-1 (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
int64_t permuted(int64_t index, int64_t count, uint64_t seed, uint64_t stream) {
  constexpr uint64_t rounds = 6;
  const int half = (std::bit_width(static_cast<uint64_t>(count - 1)) + 1) / 2;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  uint64_t number = static_cast<uint64_t>(index);
  do {
    uint64_t left = number >> half, right = number & mask;
    for (uint64_t round = 0; round < rounds; ++round) {
      uint64_t mixed = left ^ (random::bits(seed, stream, right * rounds + round) & mask);
      left = right;
      right = mixed;
    }
    number = (left << half) | right;
  } while (number >= static_cast<uint64_t>(count));
  return static_cast<int64_t>(number);
}

ClipSampler::ClipSampler(const DataRecipe &data, int64_t videos, uint64_t seed)
    : data(data), videoCount(videos), seed(seed) {
  if (videos <= 0)
    fail("no videos to draw clips from");
}

ClipSampler ClipSampler::training(const DataRecipe &data, int64_t videos, int64_t clips, uint64_t seed) {
  ClipSampler sampler(data, videos, seed);
  sampler.clipCount = clips > 0 ? clips : videos;
  sampler.cropSize = {static_cast<int>(data.crop[0]), static_cast<int>(data.crop[1])};
  return sampler;
}

ClipSampler ClipSampler::evaluation(const DataRecipe &data, const EvalRecipe &eval, int64_t videos,
                                    uint64_t seed) {
  ClipSampler sampler(data, videos, seed);
  if (eval.segments > 0 && eval.segments != data.frames)
    refuse("eval.segments is {}, but a clip has {} frames: it takes one frame from each segment",
           eval.segments, data.frames);
  sampler.isTraining = false;
  sampler.eval = eval;
  if (eval.segments > 0)
    sampler.eval.clips = 1;
  sampler.clipCount = videos * sampler.eval.clips * (eval.at == "three" ? 3 : 1);
  sampler.cropSize = {static_cast<int>(eval.crop[0]), static_cast<int>(eval.crop[1])};
  return sampler;
}

ClipDraw ClipSampler::draw(int64_t epoch, int64_t n) const {
  return isTraining ? drawTraining(epoch, n) : drawEvaluation(n);
}

// Draws a random number of a clip: `n` places the clip in the stream of its epoch, and `which` tells its
// numbers apart.
static double uniform(uint64_t seed, uint64_t stream, int64_t n, uint64_t which) {
  return random::uniform(seed, stream, static_cast<uint64_t>(n) * 4 + which);
}

ClipDraw ClipSampler::drawTraining(int64_t epoch, int64_t n) const {
  const uint64_t stream = random::stream(Purpose::Clip, static_cast<uint64_t>(epoch));
  const int64_t round = n / videoCount, rounds = (clipCount + videoCount - 1) / videoCount;
  const uint64_t order = random::stream(Purpose::Order, static_cast<uint64_t>(epoch * rounds + round));
  ClipDraw draw;
  draw.video = permuted(n % videoCount, videoCount, seed, order);
  if (data.start == "random")
    draw.start = uniform(seed, stream, n, 0);
  else
    draw.start = data.start == "first" ? 0 : 0.5;
  if (data.at == "random") {
    draw.down = uniform(seed, stream, n, 1);
    draw.right = uniform(seed, stream, n, 2);
  }
  draw.flip = uniform(seed, stream, n, 3) < data.flip;
  return draw;
}

ClipDraw ClipSampler::drawEvaluation(int64_t n) const {
  const uint64_t stream = random::stream(Purpose::Evaluation);
  const int64_t crops = eval.at == "three" ? 3 : 1;
  const int64_t clip = n / crops % eval.clips;
  ClipDraw draw;
  draw.video = n / crops / eval.clips;
  if (eval.spread == "random")
    draw.start = uniform(seed, stream, n / crops, 0);
  else if (eval.clips > 1)
    draw.start = static_cast<double>(clip) / static_cast<double>(eval.clips - 1);
  if (eval.at == "random") {
    draw.down = uniform(seed, stream, n, 1);
    draw.right = uniform(seed, stream, n, 2);
  } else if (eval.at == "three") {
    draw.alongLonger = true;
    draw.right = static_cast<double>(n % crops) / 2;
  }
  return draw;
}

std::vector<int64_t> ClipSampler::frames(const ClipDraw &draw, const VideoReader &video) const {
  const VideoInfo &info = video.info();
  const bool resampled = data.fps > 0 && info.fps > 0;
  const int64_t total = resampled ? std::max<int64_t>(1, std::llround(info.seconds * data.fps)) : info.frames;
  const int64_t span = (data.frames - 1) * data.every + 1;
  const int64_t places = std::max<int64_t>(1, total - span + 1);
  const int64_t start = std::min(places - 1, static_cast<int64_t>(draw.start * static_cast<double>(places)));

  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < data.frames; ++i) {
    int64_t number = (start + i * data.every) % total;
    if (!isTraining && eval.segments > 0)
      number = (2 * i + 1) * total / (2 * eval.segments); // the middle of the i-th part
    numbers.push_back(resampled ? video.frameAt(static_cast<double>(number) / data.fps) : number);
  }
  return numbers;
}

} // namespace kinema
