#include "dialects/Shape/ShapeRules.h"

#include <algorithm>

namespace kinema::shape {

static int64_t extent(const Window &w, int axis) { return w.dilation[axis] * (w.kernel[axis] - 1) + 1; }

static bool isSane(const Size3 &input, const Window &w) {
  for (int axis = 0; axis < 3; ++axis)
    if (input[axis] < 1 || w.kernel[axis] < 1 || w.stride[axis] < 1 || w.dilation[axis] < 1 ||
        w.padLow[axis] < 0 || w.padHigh[axis] < 0 ||
        input[axis] + w.padLow[axis] + w.padHigh[axis] < extent(w, axis))
      return false;
  return true;
}

std::optional<Size3> windowOutput(const Size3 &input, const Window &w) {
  if (!isSane(input, w))
    return std::nullopt;
  Size3 output;
  for (int axis = 0; axis < 3; ++axis)
    output[axis] = (input[axis] + w.padLow[axis] + w.padHigh[axis] - extent(w, axis)) / w.stride[axis] + 1;
  return output;
}

std::optional<Size3> windowOutputCeil(const Size3 &input, const Window &w) {
  if (!isSane(input, w))
    return std::nullopt;
  Size3 output;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t room = input[axis] + w.padLow[axis] + w.padHigh[axis] - extent(w, axis);
    output[axis] = ceilDiv(room, w.stride[axis]) + 1;
    if ((output[axis] - 1) * w.stride[axis] >= input[axis] + w.padLow[axis])
      --output[axis];
  }
  return output;
}

void setSamePadding(const Size3 &input, Window &w) {
  for (int axis = 0; axis < 3; ++axis) {
    int64_t output = ceilDiv(input[axis], w.stride[axis]);
    int64_t total = std::max<int64_t>(0, (output - 1) * w.stride[axis] + extent(w, axis) - input[axis]);
    w.padLow[axis] = total / 2;
    w.padHigh[axis] = total - total / 2;
  }
}

void setHalfPadding(Window &w) {
  for (int axis = 0; axis < 3; ++axis)
    w.padLow[axis] = w.padHigh[axis] = w.dilation[axis] * (w.kernel[axis] - 1) / 2;
}

int64_t factorisedChannels(int64_t t, int64_t d, int64_t in, int64_t out) {
  return t * d * d * in * out / (d * d * in + t * out);
}

static Gather gatherForward(const Window &w, const Size3 &output) {
  Phase phase{{0, 0, 0}, output, {}};
  for (int64_t t = 0; t < w.kernel[0]; ++t)
    for (int64_t h = 0; h < w.kernel[1]; ++h)
      for (int64_t x = 0; x < w.kernel[2]; ++x)
        phase.taps.push_back({{t, h, x},
                              {t * w.dilation[0] - w.padLow[0], h * w.dilation[1] - w.padLow[1],
                               x * w.dilation[2] - w.padLow[2]}});
  return {{1, 1, 1}, w.stride, {phase}};
}

/// Returns the taps of one phase. The conv reads x at y * stride + k * dilation - padLow, which is solved for
/// y at x = q * stride + offset.
static Phase transposedPhase(const Window &w, const Size3 &input, const Size3 &offset) {
  Phase phase{offset, {}, {}};
  std::array<std::vector<std::pair<int64_t, int64_t>>, 3> taps; // along each axis: kernel index, shift
  for (int axis = 0; axis < 3; ++axis) {
    phase.count[axis] = input[axis] > offset[axis] ? ceilDiv(input[axis] - offset[axis], w.stride[axis]) : 0;
    for (int64_t k = 0; k < w.kernel[axis]; ++k) {
      int64_t distance = offset[axis] + w.padLow[axis] - k * w.dilation[axis];
      if (distance % w.stride[axis] == 0)
        taps[axis].push_back({k, distance / w.stride[axis]});
    }
  }
  for (auto [kt, st] : taps[0])
    for (auto [kh, sh] : taps[1])
      for (auto [kw, sw] : taps[2])
        phase.taps.push_back({{kt, kh, kw}, {st, sh, sw}});
  return phase;
}

Gather gather(const Window &w, const Size3 &input, const Size3 &output, Direction direction) {
  if (direction == Direction::Forward)
    return gatherForward(w, output);
  Gather result{w.stride, {1, 1, 1}, {}};
  for (int64_t t = 0; t < w.stride[0]; ++t)
    for (int64_t h = 0; h < w.stride[1]; ++h)
      for (int64_t x = 0; x < w.stride[2]; ++x) {
        Phase phase = transposedPhase(w, input, {t, h, x});
        if (product(phase.count) > 0)
          result.phases.push_back(std::move(phase));
      }
  return result;
}

} // namespace kinema::shape
