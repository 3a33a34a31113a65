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

ClipSampler::ClipSampler(const DataRecipe &data, int64_t videos, uint64_t seed, FramesAround around)
    : data(data), videoCount(videos), seed(seed), framesAround(around) {
  if (videos <= 0)
    fail("no videos to draw clips from");
}

ClipSampler ClipSampler::training(const DataRecipe &data, int64_t videos, int64_t clips, uint64_t seed,
                                  FramesAround around) {
  refuseContradictions(data, {});
  ClipSampler sampler(data, videos, seed, around);
  sampler.clipCount = clips > 0 ? clips : videos * data.repeat;
  sampler.cropSize = sizeOf(data.crop);
  return sampler;
}

ClipSampler ClipSampler::evaluation(const DataRecipe &data, const EvalRecipe &eval, int64_t videos,
                                    uint64_t seed, FramesAround around) {
  refuseContradictions(data, eval);
  ClipSampler sampler(data, videos, seed, around);
  sampler.isTraining = false;
  sampler.eval = eval;
  if (eval.segments > 0)
    sampler.eval.clips = 1;
  const int64_t sizes = std::max<int64_t>(1, static_cast<int64_t>(eval.scales.size()));
  sampler.clipCount = videos * sampler.eval.clips * sizes * (eval.at == "three" ? 3 : 1);
  sampler.cropSize = sizeOf(eval.crop);
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

// Draws a number in [0, 1) that changes what a training clip looks like. `which` tells the numbers of a clip
// apart: those of frames begin at `ofFrames`.
double ClipSampler::augmentation(const ClipDraw &draw, int64_t which) const {
  constexpr uint64_t numbers = uint64_t{1} << 17; // more than a clip may have frames
  return random::uniform(seed, random::stream(Purpose::Augmentation, static_cast<uint64_t>(draw.epoch)),
                         static_cast<uint64_t>(draw.n) * numbers + static_cast<uint64_t>(which));
}

namespace {
// Gives each purpose of `augmentation` its numbers.
enum : int64_t {
  ofShortSide = 0,
  ofRegion = 1, // and the 19 behind it: two for each attempt
  ofScale = 24,
  ofCorner = 26,
  ofColours = 28,
  ofFrames = 64
};
} // namespace

// Returns the item of a list that a number in [0, 1) stands for.
static int64_t chosen(double number, int64_t count) {
  return std::min(count - 1, static_cast<int64_t>(number * static_cast<double>(count)));
}

ClipDraw ClipSampler::drawTraining(int64_t epoch, int64_t n) const {
  const uint64_t stream = random::stream(Purpose::Clip, static_cast<uint64_t>(epoch));
  const int64_t visit = n / data.repeat, visits = (clipCount + data.repeat - 1) / data.repeat;
  const int64_t round = visit / videoCount, rounds = (visits + videoCount - 1) / videoCount;
  const uint64_t order = random::stream(Purpose::Order, static_cast<uint64_t>(epoch * rounds + round));
  ClipDraw draw{.epoch = epoch, .n = n};
  draw.video = permuted(visit % videoCount, videoCount, seed, order);
  if (data.start == "random")
    draw.start = uniform(seed, stream, n, 0);
  else
    draw.start = data.start == "first" ? 0 : 0.5;
  if (data.at != "centre") {
    draw.down = uniform(seed, stream, n, 1);
    draw.right = uniform(seed, stream, n, 2);
  }
  draw.flip = uniform(seed, stream, n, 3) < data.flip;
  draw.shortSide = data.shortSide;
  if (data.shortTo > data.shortSide)
    draw.shortSide += chosen(augmentation(draw, ofShortSide), data.shortTo - data.shortSide + 1);
  return draw;
}

ClipDraw ClipSampler::drawEvaluation(int64_t n) const {
  const uint64_t stream = random::stream(Purpose::Evaluation);
  const int64_t crops = eval.at == "three" ? 3 : 1;
  const int64_t sizes = std::max<int64_t>(1, static_cast<int64_t>(eval.scales.size()));
  const int64_t clip = n / crops / sizes % eval.clips;
  ClipDraw draw{.n = n};
  draw.video = n / crops / sizes / eval.clips;
  draw.shortSide =
      eval.scales.empty() ? data.shortSide : static_cast<int64_t>(eval.scales[n / crops % sizes]);
  if (eval.spread == "random")
    draw.start = uniform(seed, stream, n / crops / sizes, 0);
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

// Returns where the frames of a part of a video start, of so many places: in the part's middle or, for
// training clips that start anywhere, at a place drawn for it.
int64_t ClipSampler::startInSegment(const ClipDraw &draw, int64_t segment, int64_t starts) const {
  const int64_t begin = segment * starts / segments(), end = (segment + 1) * starts / segments();
  const std::string start = isTraining ? data.start : "middle";
  if (start == "random")
    return begin + chosen(augmentation(draw, ofFrames + segment), std::max<int64_t>(1, end - begin));
  return start == "first" ? begin : (2 * segment + 1) * starts / (2 * segments());
}

// Returns where the clip's frames are in a video of so many frames.
std::vector<int64_t> ClipSampler::places(const ClipDraw &draw, int64_t total) const {
  const int64_t run = data.frames / std::max<int64_t>(1, segments()); // frames that follow each other
  const int64_t span = (run - 1) * data.every + 1;
  int64_t first = 0; // of the frames that the clip may take
  if (total >= span + framesAround.before + framesAround.behind) {
    first = framesAround.before;
    total -= framesAround.before + framesAround.behind;
  }
  const int64_t starts = std::max<int64_t>(1, total - span + 1);
  const int64_t start = std::min(starts - 1, static_cast<int64_t>(draw.start * static_cast<double>(starts)));
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < data.frames; ++i) {
    const int64_t from = segments() > 0 ? startInSegment(draw, i / run, starts) : start;
    numbers.push_back(first + (from + i % run * data.every) % total);
  }
  return numbers;
}

std::vector<int64_t> ClipSampler::frames(const ClipDraw &draw, const VideoReader &video) const {
  const int64_t total = video.countAtRate(data.fps);
  std::vector<int64_t> numbers;
  for (int64_t place : places(draw, total))
    for (int64_t near = place - framesAround.before; near <= place + framesAround.behind; ++near)
      numbers.push_back(video.frameAtRate(data.fps, std::clamp<int64_t>(near, 0, total - 1)));
  return numbers;
}

// Draws a region by area and aspect; after ten that do not fit, it is the largest one in the centre. This is
// torchvision's RandomResizedCrop.
PictureSize ClipSampler::resizedRegion(const ClipDraw &draw, PictureSize picture) const {
  const double area = static_cast<double>(picture.height) * picture.width;
  const double least = std::log(data.aspect[0]), most = std::log(data.aspect[1]);
  for (int64_t attempt = 0; attempt < 10; ++attempt) {
    const double share = augmentation(draw, ofRegion + 2 * attempt),
                 turn = augmentation(draw, ofRegion + 2 * attempt + 1);
    const double wanted = area * (data.area[0] + share * (data.area[1] - data.area[0]));
    const double aspect = std::exp(least + turn * (most - least));
    const auto width = static_cast<int>(std::lround(std::sqrt(wanted * aspect)));
    const auto height = static_cast<int>(std::lround(std::sqrt(wanted / aspect)));
    if (width > 0 && width <= picture.width && height > 0 && height <= picture.height)
      return {height, width};
  }
  const double aspect =
      std::clamp(static_cast<double>(picture.width) / picture.height, data.aspect[0], data.aspect[1]);
  auto within = [](int most, double side) {
    return std::clamp(static_cast<int>(std::lround(side)), 1, most);
  };
  return {within(picture.height, picture.width / aspect), within(picture.width, picture.height * aspect)};
}

// Draws a region whose sides are shares of the short side, neighbours in the list of scales at most. This is
// MultiScaleCrop of Wang et al., "Temporal Segment Networks", 2016.
PictureSize ClipSampler::scaledRegion(const ClipDraw &draw, PictureSize picture) const {
  const auto count = static_cast<int64_t>(data.scales.size());
  const int64_t first = chosen(augmentation(draw, ofScale), count);
  const int64_t from = std::max<int64_t>(0, first - 1), to = std::min(count - 1, first + 1);
  const int64_t second = from + chosen(augmentation(draw, ofScale + 1), to - from + 1);
  const int side = std::min(picture.height, picture.width);
  auto scaled = [&](int64_t i) { return std::max(1, static_cast<int>(side * data.scales[i])); };
  return {scaled(first), scaled(second)};
}

ColourChange ClipSampler::colourChange(const ClipDraw &draw) const {
  if (!isTraining)
    return {};
  auto between = [&](int64_t which, double reach) {
    return static_cast<float>((2 * augmentation(draw, ofColours + which) - 1) * reach);
  };
  ColourChange change;
  change.brightness = 1 + between(0, data.brightness);
  change.contrast = 1 + between(1, data.contrast);
  change.saturation = 1 + between(2, data.saturation);
  change.hue = between(3, data.hue);
  change.order = colourOrder(static_cast<int>(chosen(augmentation(draw, ofColours + 4), 24)));
  change.gray = augmentation(draw, ofColours + 5) < data.gray;
  return change;
}

ClipView ClipSampler::view(const ClipDraw &draw, PictureSize video) const {
  ClipView view;
  view.picture = scaledSize(video, draw.shortSide, data.resize);
  view.steady = scaledSize(video, data.shortSide, data.resize);
  view.region = cropSize;
  double down = draw.down, right = draw.right;
  if (isTraining && data.at == "resized") {
    view.region = resizedRegion(draw, view.picture);
  } else if (isTraining && data.at == "scaled") {
    view.region = scaledRegion(draw, view.picture);
    constexpr double corners[][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0.5, 0.5}};
    const auto &corner = corners[chosen(augmentation(draw, ofCorner), 5)];
    down = corner[0];
    right = corner[1];
  }
  if (draw.alongLonger) {
    const bool tall = view.picture.height > view.picture.width;
    down = tall ? draw.right : 0.5;
    right = tall ? 0.5 : draw.right;
  }
  view.origin = placeCrop(view.picture, view.region, down, right);
  view.flip = draw.flip;
  view.colours = colourChange(draw);
  return view;
}

} // namespace kinema
