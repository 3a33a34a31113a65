// Shape arithmetic on plain integers, written once: the expansion of a spec, the verifiers, the interpreter,
// the gradients and the lowerings for all targets use it. All sizes are in T, H, W order.
#ifndef KINEMA_DIALECTS_SHAPE_SHAPERULES_H
#define KINEMA_DIALECTS_SHAPE_SHAPERULES_H

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace kinema::shape {

using Size3 = std::array<int64_t, 3>; // T, H, W

inline int64_t product(const Size3 &s) { return s[0] * s[1] * s[2]; }
inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t roundUp(int64_t a, int64_t b) { return ceilDiv(a, b) * b; }

/// A Window is the sliding window of a convolution or a pool.
struct Window {
  Size3 kernel = {1, 1, 1};
  Size3 stride = {1, 1, 1};
  Size3 padLow = {0, 0, 0};
  Size3 padHigh = {0, 0, 0};
  Size3 dilation = {1, 1, 1};

  int64_t taps() const { return product(kernel); }
  bool operator==(const Window &) const = default;
};

/// Returns n' = floor((n + padLow + padHigh - dilation * (kernel - 1) - 1) / stride) + 1 along each axis;
/// nothing where the window does not fit or the strides are not positive.
std::optional<Size3> windowOutput(const Size3 &input, const Window &window);

/// Returns the size with PyTorch's ceil_mode: rounded up, but no window may start in the padding behind.
std::optional<Size3> windowOutputCeil(const Size3 &input, const Window &window);

/// Sets TensorFlow's "same" padding: n' = ceil(n / stride), with the odd element of padding behind.
void setSamePadding(const Size3 &input, Window &window);

/// Sets the padding `half`: dilation * (kernel - 1) / 2 on both sides.
void setHalfPadding(Window &window);
/// Sets padding that keeps the size where kernels are odd, with no frame behind: a result depends on no later
/// one.
void setCausalPadding(Window &w);

/// Returns the intermediate channels of a (2+1)D conv: floor(t d^2 N_in N_out / (d^2 N_in + t N_out))
/// (R(2+1)D paper, section 3.5).
int64_t factorisedChannels(int64_t t, int64_t d, int64_t in, int64_t out);

/// Says how a convolution gathers its result, forward (from x) or transposed (the data gradient, from dz).
/// Results are split into phases so that within one phase every result uses the same taps:
///   result coordinate = q * resultStep + phase.offset,
///   source coordinate = q * sourceStep + tap.shift   (outside the source: zero).
/// Forward convs have one phase; a transposed one has stride_t * stride_h * stride_w, some of them without
/// taps.
struct Tap {
  Size3 index; // position in the kernel
  Size3 shift; // in source elements
};
struct Phase {
  Size3 offset;
  Size3 count; // results along each axis, q in [0, count)
  std::vector<Tap> taps;
};
struct Gather {
  Size3 resultStep;
  Size3 sourceStep;
  std::vector<Phase> phases; // only those with count > 0 along every axis
};
enum class Direction { Forward, Transposed };

/// The same along one axis. Tap i of a phase is kernel position firstTap + i * tapStep, and its shift is
/// firstShift + i * shiftStep.
struct AxisGather {
  struct Phase {
    int64_t offset, count; // of results
    int64_t taps;          // 0: nothing reaches these results along this axis
    int64_t firstTap, firstShift;
  };
  int64_t resultStep, sourceStep, tapStep, shiftStep;
  std::vector<Phase> phases; // only those with results
};

/// `input` is the conv's input size, `output` = windowOutput(input, window). Forward results are outputs and
/// sources inputs; transposed the other way round.
Gather gather(const Window &window, const Size3 &input, const Size3 &output, Direction direction);

/// The same along one axis: `gather` has the phases of all axes, and the taps of their phases, combined.
AxisGather gatherAxis(const Window &window, int axis, int64_t input, int64_t output, Direction direction);

} // namespace kinema::shape

#endif
