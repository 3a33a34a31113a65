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
  resample<3>(picture, width, flip, planeStride, result);
}

void Resampler::apply(const int8_t *plane, int64_t width, bool flip, float *result) const {
  resample<1>(plane, width, flip, 0, result);
}

template <int channels, typename Value>
void Resampler::resample(const Value *picture, int64_t width, bool flip, int64_t planeStride,
                         float *result) const {
  std::vector<float> lines(int64_t{channels} * from.height * to.width); // [from.height, channels, to.width]
  for (int y = 0; y < from.height; ++y)
    for (int x = 0; x < to.width; ++x) {
      const Taps &taps = columns[flip ? to.width - 1 - x : x];
      const Value *pixel = picture + (y * width + taps.first) * channels;
      float sums[channels] = {};
      for (float weight : taps.weights)
        for (float &sum : sums)
          sum += weight * static_cast<float>(*pixel++);
      for (int channel = 0; channel < channels; ++channel)
        lines[(int64_t{channels} * y + channel) * to.width + x] = sums[channel];
    }
  for (int channel = 0; channel < channels; ++channel)
    for (int y = 0; y < to.height; ++y) {
      float *line = result + channel * planeStride + static_cast<int64_t>(y) * to.width;
      std::fill_n(line, to.width, 0.0f);
      for (size_t i = 0; i < rows[y].weights.size(); ++i) {
        const float weight = rows[y].weights[i];
        const float *source =
            &lines[(channels * (rows[y].first + static_cast<int64_t>(i)) + channel) * to.width];
        for (int x = 0; x < to.width; ++x)
          line[x] += weight * source[x];
      }
    }
}

} // namespace kinema
