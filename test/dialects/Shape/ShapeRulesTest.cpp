#include "dialects/Shape/ShapeRules.h"

#include "gtest/gtest.h"

#include <map>
#include <random>
#include <set>

using namespace kinema::shape;

namespace {

/// Is a geometry that fits, odd in every way: pads differ before and behind, strides may exceed the kernel.
struct Geometry {
  Window window;
  Size3 input, output;
};

Geometry randomGeometry(std::mt19937 &bits) {
  auto between = [&](int64_t low, int64_t high) { return low + int64_t(bits() % uint64_t(high - low + 1)); };
  while (true) {
    Geometry g;
    for (int axis = 0; axis < 3; ++axis) {
      g.window.kernel[axis] = between(1, 4);
      g.window.stride[axis] = between(1, 3);
      g.window.dilation[axis] = between(1, 2);
      g.window.padLow[axis] = between(0, 3);
      g.window.padHigh[axis] = between(0, 3);
      g.input[axis] = between(1, 7);
    }
    if (auto output = windowOutput(g.input, g.window)) {
      g.output = *output;
      return g;
    }
  }
}

bool contains(const Size3 &size, const Size3 &at) {
  for (int axis = 0; axis < 3; ++axis)
    if (at[axis] < 0 || at[axis] >= size[axis])
      return false;
  return true;
}

template <typename Visit> void forEach(const Size3 &size, Visit visit) {
  for (int64_t t = 0; t < size[0]; ++t)
    for (int64_t h = 0; h < size[1]; ++h)
      for (int64_t w = 0; w < size[2]; ++w)
        visit(Size3{t, h, w});
}

/// Holds (output, kernel position, input) of every product that a conv forms.
using Products = std::set<std::array<Size3, 3>>;

Products byDefinition(const Geometry &g) {
  Products products;
  forEach(g.output, [&](Size3 y) {
    forEach(g.window.kernel, [&](Size3 k) {
      Size3 x;
      for (int axis = 0; axis < 3; ++axis)
        x[axis] = y[axis] * g.window.stride[axis] + k[axis] * g.window.dilation[axis] - g.window.padLow[axis];
      if (contains(g.input, x))
        products.insert({y, k, x});
    });
  });
  return products;
}

/// Finds the products by way of phases, and counts how often each result was produced.
Products byGather(const Geometry &g, Direction direction, std::map<Size3, int> &results) {
  Products products;
  bool isForward = direction == Direction::Forward;
  const Size3 &source = isForward ? g.input : g.output;
  Gather found = gather(g.window, g.input, g.output, direction);
  for (const Phase &phase : found.phases)
    forEach(phase.count, [&](Size3 q) {
      Size3 result;
      for (int axis = 0; axis < 3; ++axis)
        result[axis] = q[axis] * found.resultStep[axis] + phase.offset[axis];
      ++results[result];
      for (const Tap &tap : phase.taps) {
        Size3 from;
        for (int axis = 0; axis < 3; ++axis)
          from[axis] = q[axis] * found.sourceStep[axis] + tap.shift[axis];
        if (!contains(source, from))
          continue;
        bool isNew =
            products
                .insert(isForward ? std::array{result, tap.index, from} : std::array{from, tap.index, result})
                .second;
        EXPECT_TRUE(isNew) << "a product formed twice";
      }
    });
  return products;
}

void expectEachOnce(const std::map<Size3, int> &results, const Size3 &size) {
  EXPECT_EQ(int64_t(results.size()), product(size));
  for (auto &[at, count] : results)
    EXPECT_TRUE(contains(size, at) && count == 1);
}

TEST(Gather, PhasesPartitionTapsAndResults) {
  std::mt19937 bits(1);
  for (int round = 0; round < 300; ++round) {
    Geometry g = randomGeometry(bits);
    Products expected = byDefinition(g);
    std::map<Size3, int> outputs, inputs;
    EXPECT_EQ(byGather(g, Direction::Forward, outputs), expected);
    EXPECT_EQ(byGather(g, Direction::Transposed, inputs), expected);
    expectEachOnce(outputs, g.output);
    expectEachOnce(inputs, g.input);
  }
}

TEST(Gather, PhasesOfTheResidualFamily) {
  auto tapsOf = [](Window window, Size3 input) {
    std::vector<size_t> taps;
    for (const Phase &phase :
         gather(window, input, *windowOutput(input, window), Direction::Transposed).phases)
      taps.push_back(phase.taps.size());
    return taps;
  };
  EXPECT_EQ(tapsOf({{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}}, {16, 56, 56}),
            (std::vector<size_t>{1, 2, 2, 4}));
  EXPECT_EQ(tapsOf({{3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 0, 0}}, {16, 56, 56}), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(tapsOf({{1, 1, 1}, {2, 2, 2}}, {16, 56, 56}), (std::vector<size_t>{1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(GatherAxis, StepsOfTaps) {
  // Steps of 3 and a dilation of 2: every third tap reaches a phase, two positions further back each.
  Window window{{8, 1, 1}, {3, 1, 1}, {1, 0, 0}, {1, 0, 0}, {2, 1, 1}};
  AxisGather found = gatherAxis(window, 0, 20, (*windowOutput({20, 1, 1}, window))[0], Direction::Transposed);
  EXPECT_EQ((std::array{found.resultStep, found.sourceStep, found.tapStep, found.shiftStep}),
            (std::array<int64_t, 4>{3, 1, 3, -2}));
  std::vector<std::array<int64_t, 5>> phases;
  for (const auto &phase : found.phases)
    phases.push_back({phase.offset, phase.count, phase.taps, phase.firstTap, phase.firstShift});
  EXPECT_EQ(phases,
            (std::vector<std::array<int64_t, 5>>{{0, 7, 2, 2, -1}, {1, 7, 3, 1, 0}, {2, 6, 3, 0, 1}}));
}

TEST(GatherAxis, WhatNoTapReaches) {
  AxisGather found = gatherAxis({{1, 1, 1}, {2, 2, 2}}, 1, 5, 3, Direction::Transposed);
  ASSERT_EQ(found.phases.size(), 2u);
  EXPECT_EQ(found.phases[0].taps, 1);
  EXPECT_EQ(found.phases[1].taps, 0);
}

TEST(FactorisedChannels, OfThePaper) {
  EXPECT_EQ(factorisedChannels(3, 3, 64, 64), 144);
  EXPECT_EQ(factorisedChannels(3, 3, 64, 128), 230);
  EXPECT_EQ(factorisedChannels(3, 3, 128, 128), 288);
  EXPECT_EQ(factorisedChannels(3, 3, 128, 256), 460);
  EXPECT_EQ(factorisedChannels(3, 3, 256, 256), 576);
  EXPECT_EQ(factorisedChannels(3, 3, 256, 512), 921);
  EXPECT_EQ(factorisedChannels(3, 3, 512, 512), 1152);
  EXPECT_EQ(factorisedChannels(3, 7, 3, 64), 83); // the stem, where the paper's code sets 45
}

TEST(WindowOutput, Sizes) {
  Window stem{{3, 7, 7}, {1, 2, 2}, {1, 3, 3}, {1, 3, 3}};
  EXPECT_EQ(windowOutput({16, 112, 112}, stem), (Size3{16, 56, 56}));
  EXPECT_EQ(windowOutput({5, 56, 72}, stem), (Size3{5, 28, 36}));
  EXPECT_EQ(windowOutput({1, 1, 1}, Window{{1, 3, 3}}), std::nullopt);
  EXPECT_EQ(windowOutput({4, 4, 4}, Window{{1, 3, 3}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 2, 2}}),
            std::nullopt);
  EXPECT_EQ(windowOutput({4, 5, 5}, Window{{1, 3, 3}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 2, 2}}),
            (Size3{4, 1, 1}));
}

TEST(WindowOutput, CeilNeverStartsAWindowInThePaddingBehind) {
  EXPECT_EQ(windowOutputCeil({1, 5, 6}, Window{{1, 2, 2}, {1, 2, 2}}), (Size3{1, 3, 3}));
  EXPECT_EQ(windowOutputCeil({1, 5, 5}, Window{{1, 2, 2}, {1, 3, 3}, {0, 1, 1}, {0, 1, 1}}),
            (Size3{1, 2, 2}));
  EXPECT_EQ(windowOutputCeil({1, 4, 4}, Window{{1, 1, 1}, {1, 3, 3}, {0, 0, 0}, {0, 1, 1}}),
            (Size3{1, 2, 2}));
}

TEST(Padding, SameGivesCeilOfTheStridesAndPutsTheOddElementBehind) {
  std::mt19937 bits(2);
  for (int round = 0; round < 200; ++round) {
    Geometry g = randomGeometry(bits);
    setSamePadding(g.input, g.window);
    auto output = windowOutput(g.input, g.window);
    ASSERT_TRUE(output);
    for (int axis = 0; axis < 3; ++axis) {
      EXPECT_EQ((*output)[axis], ceilDiv(g.input[axis], g.window.stride[axis]));
      int64_t odd = g.window.padHigh[axis] - g.window.padLow[axis];
      EXPECT_TRUE(odd == 0 || odd == 1);
    }
  }
}

TEST(Padding, HalfKeepsTheSizeOfOddKernels) {
  Window window{{3, 7, 5}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {2, 1, 3}};
  setHalfPadding(window);
  EXPECT_EQ(windowOutput({9, 8, 13}, window), (Size3{9, 8, 13}));
}

} // namespace
