// Shapes of convs that the tests of convs and of their gradients on tensor cores share.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_CONVCASES_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_CONVCASES_H

#include "test/compiler/Target/NVGPU/KernelBuilder.h"

#include "compiler/Target/Common/AssignStorage.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "dialects/Kernel/Terms.h"

#include <cmath>

namespace kinema::testing {

/// A Fusion says what is fused with a conv: nothing, or batch norm and its like in its regions, or these and
/// the merge of the partials that it leaves.
enum class Fusion { None, Regions, Merge };

/// Returns the shape of so many clips.
inline std::vector<int64_t> clipsOf(int64_t clips, int64_t channels, const shape::Size3 &size) {
  return {clips, channels, size[0], size[1], size[2]};
}

/// A ConvCase is a conv of these sizes, whose input is in bfloat16 unless its block is small or it is said to
/// be of floats, as a network's input is. With terms all is of floats, which are multiplied by their terms.
struct ConvCase {
  std::string name = {};
  int64_t clips = 1;
  int64_t in;        // channels
  int64_t block = 8; // in which they lie: smaller where they are few
  bool floats = false;
  int64_t out;
  int64_t groups = 1;
  shape::Size3 input;
  shape::Window window = {};
  bool terms = false;
  const char *processor = hopper;

  bool isNarrow() const { return block == StorageRules::inputBlock; }
  shape::Size3 output() const { return *shape::windowOutput(input, window); }
  std::vector<int64_t> inputShape() const { return clipsOf(clips, in, input); }
  std::vector<int64_t> outputShape() const { return clipsOf(clips, out, output()); }
  std::vector<int64_t> weightShape() const { return clipsOf(out, in / groups, window.kernel); }
  /// Returns the shape of the weight that a conv reads, which in groups is widened.
  std::vector<int64_t> wideWeightShape() const {
    int64_t together = nvidia::groupsTogether(groups, in / groups, out / groups);
    std::vector<int64_t> shape = clipsOf(out, together * in / groups, window.kernel);
    if (terms)
      shape.insert(shape.begin(), kernel::terms);
    return shape;
  }
  mlir::RankedTensorType inputType() const {
    return isNarrow() || floats ? inBlocks(inputShape(), block) : activation(inputShape());
  }
  mlir::RankedTensorType outputType() const { return activation(outputShape()); }
  /// Returns the type of a tensor in blocks of 8 channels.
  mlir::RankedTensorType activation(llvm::ArrayRef<int64_t> shape) const {
    return terms ? inBlocks(shape) : bfloat16InBlocks(shape);
  }
  /// Returns the weight's type as tensor cores read it; of a data gradient it is exchanged.
  mlir::RankedTensorType weightType(bool exchanged = false) const {
    return weightOf(wideWeightShape(), mlir::BFloat16Type::get(&context()), exchanged);
  }
  /// Returns the type of the partials of the weight's gradient.
  mlir::RankedTensorType weightPartials() const {
    std::vector<int64_t> shape = weightShape();
    shape.insert(shape.begin(), mlir::ShapedType::kDynamic);
    if (groups > 1)
      return mlir::RankedTensorType::get(shape, mlir::Float32Type::get(&context()),
                                         nvidia::groupedLayout(&context(), shape.size()));
    return weightOf(shape, mlir::Float32Type::get(&context()), /*exchanged=*/false);
  }

private:
  mlir::RankedTensorType weightOf(llvm::ArrayRef<int64_t> shape, mlir::Type element, bool exchanged) const {
    nvidia::Taps taps = {.together = isNarrow() ? 2 : 1, .exchanged = exchanged};
    return mlir::RankedTensorType::get(shape, element, nvidia::tapsLayout(&context(), shape.size(), taps));
  }
};

/// Returns the case with numbers that are multiplied by their terms.
inline ConvCase byTerms(ConvCase c) {
  c.name += ", by terms";
  c.terms = true;
  return c;
}

/// Returns the case on another processor.
template <typename Case> Case on(const char *processor, Case c) {
  c.name += std::string(", ") + processor;
  c.processor = processor;
  return c;
}

/// Returns, on another processor, those of the cases that have one of the names, or the others.
template <typename Case>
std::vector<Case> casesOn(const char *processor, const std::vector<Case> &cases,
                          llvm::ArrayRef<const char *> names, bool others = false) {
  std::vector<Case> some;
  for (const Case &c : cases)
    if (llvm::is_contained(names, llvm::StringRef(c.name)) != others)
      some.push_back(on(processor, c));
  return some;
}

/// Returns numbers of which products of terms, and few thousand sums of these, are exact in any order: 1, -1,
/// 1/2, -1/2, and 2^-10 more, less, or neither. Of these three, the rest is all that bfloat16 cannot hold.
inline Tensor withRests(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor = random(std::move(shape), seed);
  for (float &value : tensor.values) {
    float rest = std::trunc(std::fmod(std::abs(value) * 64, 3.0f)) - 1;
    value = std::copysign(std::abs(value) < 0.5f ? 0.5f : 1.0f, value) + rest * 0x1p-10f;
  }
  return tensor;
}

/// Returns the terms of such numbers, [2, ...].
inline Tensor termsOf(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor = random(std::move(shape), seed);
  size_t count = tensor.values.size() / kernel::terms;
  for (auto [i, value] : llvm::enumerate(tensor.values)) {
    float rest = std::trunc(std::fmod(std::abs(value) * 64, 3.0f)) - 1;
    value = i < count ? std::copysign(std::abs(value) < 0.5f ? 0.5f : 1.0f, value) : rest * 0x1p-10f;
  }
  return tensor;
}

inline std::ostream &operator<<(std::ostream &out, const ConvCase &c) { return out << c.name; }

constexpr shape::Window strided(shape::Window window, const shape::Size3 &stride) {
  window.stride = stride;
  return window;
}

constexpr shape::Window point = {}, point2 = strided(point, {1, 1, 2});
constexpr shape::Window line = {.kernel = {1, 1, 3}, .padLow = {0, 0, 1}, .padHigh = {0, 0, 1}};
constexpr shape::Window twoTaps = {.kernel = {1, 1, 2}, .stride = {1, 1, 2}, .padLow = {0, 0, 1}};
constexpr shape::Window spatial = {.kernel = {1, 3, 3}, .padLow = {0, 1, 1}, .padHigh = {0, 1, 1}};
constexpr shape::Window temporal = {.kernel = {3, 1, 1}, .padLow = {1, 0, 0}, .padHigh = {1, 0, 0}};
constexpr shape::Window whole = {.kernel = {3, 3, 3}, .padLow = {1, 1, 1}, .padHigh = {1, 1, 1}};
constexpr shape::Window spatial2 = strided(spatial, {1, 2, 2}), temporal2 = strided(temporal, {2, 1, 1}),
                        whole2 = strided(whole, {2, 2, 2});
constexpr shape::Window flow = {.kernel = {1, 5, 5}, .padLow = {0, 2, 2}, .padHigh = {0, 2, 2}};
constexpr shape::Window stem = {
    .kernel = {1, 7, 7}, .stride = {1, 2, 2}, .padLow = {0, 3, 3}, .padHigh = {0, 3, 3}};
constexpr shape::Window wholeStem = {
    .kernel = {3, 7, 7}, .stride = {2, 2, 2}, .padLow = {1, 3, 3}, .padHigh = {1, 3, 3}};

/// Forward convs and weight gradients are tried with these.
inline const ConvCase convCases[] = {
    {.name = "spatial", .clips = 2, .in = 24, .out = 40, .input = {2, 9, 11}, .window = spatial},
    {.name = "temporal", .in = 40, .out = 24, .input = {5, 6, 7}, .window = temporal},
    {.name = "whole", .clips = 2, .in = 16, .out = 16, .input = {4, 7, 7}, .window = whole},
    {.name = "spatial stride 2", .in = 16, .out = 45, .input = {2, 11, 13}, .window = spatial2},
    {.name = "temporal stride 2", .in = 45, .out = 16, .input = {7, 5, 6}, .window = temporal2},
    {.name = "whole stride 2", .in = 21, .out = 16, .input = {5, 6, 6}, .window = whole2},
    {.name = "shortcut", .in = 24, .out = 32, .input = {4, 8, 6}, .window = strided(point, {2, 2, 2})},
    {.name = "one position", .clips = 3, .in = 40, .out = 10, .input = {1, 1, 1}},
    {.name = "odd channels", .in = 5, .out = 230, .input = {1, 6, 7}},
    {.name = "few inputs", .in = 3, .out = 45, .input = {2, 12, 13}, .window = stem},
    {.name = "dilated, pads of two sizes",
     .in = 16,
     .out = 16,
     .input = {1, 9, 9},
     .window = {.kernel = {1, 3, 2},
                .stride = {1, 1, 2},
                .padLow = {0, 1, 2},
                .padHigh = {0, 2, 0},
                .dilation = {1, 2, 3}}},
    {.name = "stem", .clips = 2, .in = 3, .block = 4, .out = 45, .input = {2, 13, 14}, .window = stem},
    {.name = "even stem", .clips = 2, .in = 3, .block = 4, .out = 45, .input = {2, 12, 13}, .window = stem},
    {.name = "whole stem", .in = 3, .block = 4, .out = 16, .input = {4, 9, 11}, .window = wholeStem},
    {.name = "wide stem", .in = 3, .block = 4, .out = 72, .input = {4, 7, 10}, .window = wholeStem},
    {.name = "stem stride 1", .in = 3, .block = 4, .out = 24, .input = {3, 7, 9}, .window = whole},
    {.name = "even stem stride 1", .in = 3, .block = 4, .out = 24, .input = {3, 6, 7}, .window = whole},
    {.name = "flow", .in = 2, .block = 4, .out = 16, .input = {2, 8, 10}, .window = flow},
    {.name = "flow, one frame", .in = 2, .block = 4, .out = 16, .input = {1, 6, 9}, .window = flow},
    {.name = "narrow point",
     .clips = 2,
     .in = 4,
     .block = 4,
     .out = 16,
     .input = {2, 3, 5},
     .window = point2},
    {.name = "narrow, two taps", .in = 1, .block = 4, .out = 8, .input = {1, 4, 9}, .window = twoTaps},
    {.name = "narrow, dilated rows, pads of two sizes",
     .in = 1,
     .block = 4,
     .out = 8,
     .input = {1, 9, 9},
     .window = {.kernel = {1, 2, 6},
                .stride = {1, 1, 2},
                .padLow = {0, 1, 4},
                .padHigh = {0, 2, 1},
                .dilation = {1, 3, 1}}},
    {.name = "flow fields",
     .clips = 2,
     .in = 20,
     .floats = true,
     .out = 24,
     .input = {2, 13, 14},
     .window = stem},
    {.name = "floats, stride 1", .in = 33, .floats = true, .out = 16, .input = {4, 6, 7}, .window = whole},
    {.name = "floats, point", .clips = 2, .in = 5, .floats = true, .out = 40, .input = {2, 3, 5}},
    {.name = "groups of 4",
     .clips = 2,
     .in = 64,
     .out = 64,
     .groups = 16,
     .input = {3, 5, 6},
     .window = whole},
    {.name = "groups of 6", .in = 96, .out = 96, .groups = 16, .input = {2, 5, 6}, .window = spatial},
    {.name = "groups of 32, stride 2",
     .in = 64,
     .out = 64,
     .groups = 2,
     .input = {2, 7, 6},
     .window = spatial2},
    {.name = "groups of 4 to 8", .in = 32, .out = 64, .groups = 8, .input = {3, 5, 4}, .window = temporal2},
    {.name = "groups of 3 to 2",
     .clips = 2,
     .in = 15,
     .out = 10,
     .groups = 5,
     .input = {2, 4, 5},
     .window = line},
};

/// Returns the name of a test's case as GoogleTest takes names.
constexpr auto caseName = [](const auto &info) {
  std::string name = info.param.name;
  for (char &c : name)
    c = llvm::isAlnum(c) ? c : '_';
  return name;
};

} // namespace kinema::testing

#endif
