#include "dialects/Shape/ShapeRules.h"

#include <algorithm>
#include <numeric>

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

void setCausalPadding(Window &w) {
  setHalfPadding(w);
  w.padLow[0] = w.dilation[0] * (w.kernel[0] - 1);
  w.padHigh[0] = 0;
}

int64_t factorisedChannels(int64_t t, int64_t d, int64_t in, int64_t out) {
  return t * d * d * in * out / (d * d * in + t * out);
}

static AxisGather gatherAxisForward(const Window &w, int axis, int64_t output) {
  return {1, w.stride[axis], 1, w.dilation[axis], {{0, output, w.kernel[axis], 0, -w.padLow[axis]}}};
}

/// The conv reads x at y * stride + k * dilation - padLow; solved for y at x = q * stride + offset. So taps k
/// of a phase are those with k * dilation = offset + padLow (mod stride), and y falls as k grows.
static AxisGather gatherAxisTransposed(const Window &w, int axis, int64_t input) {
  int64_t stride = w.stride[axis], dilation = w.dilation[axis];
  int64_t tapStep = stride / std::gcd(stride, dilation);
  AxisGather result{stride, 1, tapStep, -tapStep * dilation / stride, {}};
  for (int64_t offset = 0; offset < std::min(stride, input); ++offset) {
    AxisGather::Phase phase{offset, ceilDiv(input - offset, stride), 0, 0, 0};
    for (int64_t k = 0; k < std::min(tapStep, w.kernel[axis]); ++k)
      if (int64_t distance = offset + w.padLow[axis] - k * dilation; distance % stride == 0) {
        phase.taps = ceilDiv(w.kernel[axis] - k, tapStep);
        phase.firstTap = k;
        phase.firstShift = distance / stride;
      }
    result.phases.push_back(phase);
  }
  return result;
}

AxisGather gatherAxis(const Window &w, int axis, int64_t input, int64_t output, Direction direction) {
  return direction == Direction::Forward ? gatherAxisForward(w, axis, output)
                                         : gatherAxisTransposed(w, axis, input);
}

/// The phase with one of each axis.
static Phase combine(const std::array<AxisGather, 3> &axes,
                     const std::array<const AxisGather::Phase *, 3> &phases) {
  Phase combined;
  Size3 taps;
  for (int axis = 0; axis < 3; ++axis) {
    combined.offset[axis] = phases[axis]->offset;
    combined.count[axis] = phases[axis]->count;
    taps[axis] = phases[axis]->taps;
  }
  for (int64_t t = 0; t < taps[0]; ++t)
    for (int64_t h = 0; h < taps[1]; ++h)
      for (int64_t x = 0; x < taps[2]; ++x) {
        Tap tap;
        const Size3 number = {t, h, x};
        for (int axis = 0; axis < 3; ++axis) {
          tap.index[axis] = phases[axis]->firstTap + number[axis] * axes[axis].tapStep;
          tap.shift[axis] = phases[axis]->firstShift + number[axis] * axes[axis].shiftStep;
        }
        combined.taps.push_back(tap);
      }
  return combined;
}

Gather gather(const Window &w, const Size3 &input, const Size3 &output, Direction direction) {
  std::array<AxisGather, 3> axes;
  Gather result;
  for (int axis = 0; axis < 3; ++axis) {
    axes[axis] = gatherAxis(w, axis, input[axis], output[axis], direction);
    result.resultStep[axis] = axes[axis].resultStep;
    result.sourceStep[axis] = axes[axis].sourceStep;
  }
  for (const auto &t : axes[0].phases)
    for (const auto &h : axes[1].phases)
      for (const auto &x : axes[2].phases)
        result.phases.push_back(combine(axes, {&t, &h, &x}));
  return result;
}

} // namespace kinema::shape
