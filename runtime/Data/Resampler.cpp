#include "runtime/Data/Resampler.h"

#include <algorithm>
#include <cmath>

namespace kinema {

std::vector<Resampler::Taps> Resampler::tapsOf(int from, int to) {
  const double scale = static_cast<double>(from) / to, reach = std::max(1.0, scale);
  std::vector<Taps> all(to);
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(std::floor(centre - reach + 0.5)));
    const int last = std::min(from, static_cast<int>(std::floor(centre + reach + 0.5)));
    Taps &taps = all[i];
    taps.first = first;
    double sum = 0;
    for (int j = first; j < last; ++j) {
      const double weight = std::max(0.0, 1 - std::abs(j + 0.5 - centre) / reach);
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float &weight : taps.weights)
      weight = static_cast<float>(weight / sum);
  }
  return all;
}

Resampler::Resampler(PictureSize from, PictureSize to)
    : from(from), to(to), rows(tapsOf(from.height, to.height)), columns(tapsOf(from.width, to.width)) {}

void Resampler::apply(const uint8_t *picture, int64_t width, bool flip, int64_t planeStride,
                      float *result) const {
  std::vector<float> lines(int64_t{3} * from.height * to.width); // [from.height, 3, to.width]
  for (int y = 0; y < from.height; ++y)
    for (int x = 0; x < to.width; ++x) {
      const Taps &taps = columns[flip ? to.width - 1 - x : x];
      const uint8_t *pixel = picture + (y * width + taps.first) * 3;
      float sums[3] = {};
      for (float weight : taps.weights)
        for (float &sum : sums)
          sum += weight * static_cast<float>(*pixel++);
      for (int channel = 0; channel < 3; ++channel)
        lines[(int64_t{3} * y + channel) * to.width + x] = sums[channel];
    }
  for (int channel = 0; channel < 3; ++channel)
    for (int y = 0; y < to.height; ++y) {
      float *line = result + channel * planeStride + static_cast<int64_t>(y) * to.width;
      std::fill_n(line, to.width, 0.0f);
      for (size_t i = 0; i < rows[y].weights.size(); ++i) {
        const float weight = rows[y].weights[i];
        const float *source = &lines[(3 * (rows[y].first + static_cast<int64_t>(i)) + channel) * to.width];
        for (int x = 0; x < to.width; ++x)
          line[x] += weight * source[x];
      }
    }
}

} // namespace kinema
