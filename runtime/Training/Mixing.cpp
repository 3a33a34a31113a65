#include "runtime/Training/Mixing.h"

#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

// Returns a number in (0, 1), of 53 bits.
double fraction(uint64_t seed, uint64_t stream, uint64_t counter) {
  return (static_cast<double>(random::bits(seed, stream, counter) >> 11) + 0.5) * 0x1p-53;
}

// Draws the logarithm of a number from Gamma(alpha, 1), by numbers from `counter` on (Marsaglia and Tsang, "A
// Simple Method for Generating Gamma Variables", 2000). As a logarithm it does not vanish for a small alpha.
double drawLogGamma(double alpha, uint64_t seed, uint64_t stream, uint64_t counter) {
  if (alpha < 1)
    return drawLogGamma(alpha + 1, seed, stream, counter + 1) +
           std::log(fraction(seed, stream, counter)) / alpha;
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  constexpr uint64_t attempts = 500; // of which each fails in a case of twenty at the most
  for (uint64_t attempt = 0; attempt < attempts; ++attempt) {
    const double x = random::normal(seed, stream, counter + 2 * attempt), root = 1 + c * x;
    if (root <= 0)
      continue;
    const double v = root * root * root;
    if (std::log(fraction(seed, stream, counter + 2 * attempt + 1)) <
        0.5 * x * x + d - d * v + d * std::log(v))
      return std::log(d * v);
  }
  return std::log(d);
}

// Returns the part of a frame that is exchanged: of the wanted share of its area, around a random place, as
// far as it lies inside.
Mixing::Rectangle drawRectangle(double area, double down, double right, int64_t height, int64_t width) {
  const double side = std::sqrt(area);
  auto range = [&](int64_t size, double place) {
    const auto half = static_cast<int64_t>(static_cast<double>(size) * side) / 2;
    const auto middle = std::min(size - 1, static_cast<int64_t>(place * static_cast<double>(size)));
    return std::pair(std::max<int64_t>(0, middle - half), std::min(size, middle + half));
  };
  auto [top, bottom] = range(height, down);
  auto [left, rightEnd] = range(width, right);
  return {top, bottom, left, rightEnd};
}

void blend(std::span<float> a, std::span<float> b, double share) {
  const auto own = static_cast<float>(share), other = static_cast<float>(1 - share);
  for (size_t i = 0; i < a.size(); ++i) {
    const float x = a[i], y = b[i];
    a[i] = own * x + other * y;
    b[i] = own * y + other * x;
  }
}

void exchange(std::span<float> a, std::span<float> b, const Mixing::Rectangle &part, int64_t height,
              int64_t width) {
  const auto pictures = static_cast<int64_t>(a.size()) / (height * width);
  for (int64_t picture = 0; picture < pictures; ++picture)
    for (int64_t row = part.top; row < part.bottom; ++row) {
      const int64_t begin = (picture * height + row) * width;
      std::swap_ranges(a.begin() + begin + part.left, a.begin() + begin + part.right,
                       b.begin() + begin + part.left);
    }
}

} // namespace

double drawBeta(double alpha, uint64_t seed, uint64_t stream, uint64_t counter) {
  const double a = drawLogGamma(alpha, seed, stream, counter),
               b = drawLogGamma(alpha, seed, stream, counter + 1024);
  return 1 / (1 + std::exp(b - a));
}

Mixing drawMixing(const TrainRecipe &recipe, int64_t epoch, int64_t n, int64_t height, int64_t width) {
  const auto seed = static_cast<uint64_t>(recipe.seed);
  const uint64_t stream = random::stream(random::Purpose::Mixing, static_cast<uint64_t>(epoch));
  const uint64_t counter = static_cast<uint64_t>(n) * 4096; // numbers of a batch
  auto number = [&](uint64_t which) { return fraction(seed, stream, counter + which); };
  if (!mixesClips(recipe) || number(0) >= recipe.mixProbability)
    return {};
  const bool exchanges = recipe.cutmix > 0 && (recipe.mixup == 0 || number(1) < recipe.mixSwitch);
  Mixing mixing;
  mixing.share = drawBeta(exchanges ? recipe.cutmix : recipe.mixup, seed, stream, counter + 16);
  mixing.kind = exchanges ? Mixing::Kind::Exchange : Mixing::Kind::Blend;
  if (!exchanges)
    return mixing;
  mixing.rectangle = drawRectangle(1 - mixing.share, number(2), number(3), height, width);
  const auto &[top, bottom, left, right] = mixing.rectangle;
  mixing.share =
      1 - static_cast<double>((bottom - top) * (right - left)) / static_cast<double>(height * width);
  return mixing;
}

void mixClips(const Mixing &mixing, std::span<float> clips, std::span<const int64_t> shape, int64_t valid) {
  if (mixing.kind == Mixing::Kind::None)
    return;
  const size_t size = clips.size() / static_cast<size_t>(shape[0]);
  for (int64_t i = 0; i < valid / 2; ++i) {
    std::span<float> a = clips.subspan(static_cast<size_t>(i) * size, size),
                     b = clips.subspan(static_cast<size_t>(valid - 1 - i) * size, size);
    if (mixing.kind == Mixing::Kind::Blend)
      blend(a, b, mixing.share);
    else
      exchange(a, b, mixing.rectangle, shape[3], shape[4]);
  }
}

void mixLabels(const Mixing &mixing, std::vector<ClipLabels> &labels, int64_t valid) {
  if (mixing.kind == Mixing::Kind::None)
    return;
  const std::vector<ClipLabels> before = labels;
  for (int64_t i = 0; i < valid; ++i) {
    if (2 * i + 1 == valid)
      continue; // it has no partner
    labels[i].clear();
    for (auto [label, share] : before[i])
      labels[i].push_back({label, share * mixing.share});
    for (auto [label, share] : before[valid - 1 - i])
      labels[i].push_back({label, share * (1 - mixing.share)});
  }
}

} // namespace kinema
