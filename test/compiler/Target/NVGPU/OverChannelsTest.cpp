// What needs all channels of a position, in registers, in the emulator, against the reference lowering.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/OverChannels.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using nvidia::OverChannelsTile;

namespace {

struct Case {
  std::string name = {};
  int64_t clips = 1, channels;
  shape::Size3 size;

  std::vector<int64_t> shape() const { return clipsOf(clips, channels, size); }
};

std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

const Case cases[] = {
    {.name = "odd", .clips = 2, .channels = 45, .size = {2, 5, 7}},
    {.name = "whole", .channels = 64, .size = {2, 4, 8}},
    {.name = "one block", .clips = 3, .channels = 3, .size = {1, 3, 3}},
    {.name = "many channels", .channels = 604, .size = {1, 3, 3}},
};

OwningOpRef<ModuleOp> softmaxKernel(const Case &c) {
  KernelBuilder k;
  k.softmax(k.operand(bfloat16InBlocks(c.shape())), bfloat16InBlocks(c.shape()));
  return k.finish();
}

OwningOpRef<ModuleOp> standardiseKernel(const Case &c) {
  KernelBuilder k;
  k.standardise(k.operand(bfloat16InBlocks(c.shape())), bfloat16InBlocks(c.shape()));
  return k.finish();
}

OwningOpRef<ModuleOp> standardiseGradKernel(const Case &c) {
  KernelBuilder k;
  Value g = k.operand(bfloat16InBlocks(c.shape())), x = k.operand(bfloat16InBlocks(c.shape()));
  k.standardiseGrad(g, x, bfloat16InBlocks(c.shape()));
  return k.finish();
}

OwningOpRef<ModuleOp> gradKernel(const Case &c) {
  KernelBuilder k;
  Value g = k.operand(bfloat16InBlocks(c.shape())), y = k.operand(bfloat16InBlocks(c.shape()));
  k.softmaxGrad(g, y, bfloat16InBlocks(c.shape()));
  return k.finish();
}

/// Returns the kernel with the schedule of a tile or, without one, with the best candidate for Hopper.
OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, std::optional<OverChannelsTile> tile = {}) {
  OwningOpRef<ModuleOp> copy = kernel.clone();
  auto op = cast<kernel::LaunchableOp>(defOf(*copy).getKernel());
  auto candidates = nvidia::overChannelsCandidates(op, *nvidia::processorNamed(hopper));
  EXPECT_FALSE(candidates.empty());
  if (tile || !candidates.empty())
    op.setScheduleAttr(tile ? nvidia::overChannelsSchedule(op, *tile) : candidates.front().schedule);
  return copy;
}

/// Returns scores far apart, some of which the softmax makes zero.
Tensor scoresOf(const Case &c) {
  Tensor x = coarse(c.shape(), 1);
  for (float &value : x.values)
    value *= 4;
  return x;
}

// A sum in another order, or a product with what the reference divides by, may round a result to the
// neighbour in bfloat16.
constexpr double bound = 1.0 / 128;

class Softmax : public ::testing::TestWithParam<Case> {
protected:
  void expectTheReference(std::optional<OverChannelsTile> tile) {
    OwningOpRef<ModuleOp> softmax = softmaxKernel(GetParam()), grad = gradKernel(GetParam());
    Tensor x = scoresOf(GetParam()), g = coarse(GetParam().shape(), 2);
    Tensor y = ReferenceKernel(*softmax).run({x})[0];
    expectNear(ReferenceKernel(*scheduled(*softmax, tile)).run({x})[0], y, bound);
    Tensor dx = ReferenceKernel(*grad).run({g, y})[0];
    expectNear(ReferenceKernel(*scheduled(*grad, tile)).run({g, y})[0], dx, bound);
  }
};

/// Returns values with another spread at each position, beside which eps is small, and at some with a mean
/// that is far from zero.
Tensor spreadValuesOf(const Case &c, int seed) {
  Tensor x = coarse(c.shape(), seed);
  int64_t positions = shape::product(c.size);
  for (int64_t i = 0; i < int64_t(x.values.size()); ++i) {
    int64_t place = i % positions % 5;
    x.values[i] = std::ldexp(place > 2 ? std::abs(x.values[i]) : x.values[i], place);
  }
  return x;
}

class Standardise : public ::testing::TestWithParam<Case> {
protected:
  void expectTheReference(std::optional<OverChannelsTile> tile) {
    const Case &c = GetParam();
    OwningOpRef<ModuleOp> standardise = standardiseKernel(c), grad = standardiseGradKernel(c);
    Tensor x = spreadValuesOf(c, 1), g = coarse(c.shape(), 2);
    Tensor y = ReferenceKernel(*standardise).run({x})[0], dx = ReferenceKernel(*grad).run({g, x})[0];
    expectNear(ReferenceKernel(*scheduled(*standardise, tile)).run({x})[0], y, bound);
    expectNear(ReferenceKernel(*scheduled(*grad, tile)).run({g, x})[0], dx, bound);
  }
};

} // namespace

TEST_P(Standardise, IsTheReference) { expectTheReference({}); }

TEST_P(Standardise, IsTheReferenceInWholeWarps) {
  expectTheReference(OverChannelsTile{.splits = 0, .warps = 16});
}

TEST_P(Standardise, IsTheReferenceInSplitWarps) {
  expectTheReference(OverChannelsTile{.splits = 3, .warps = 7});
}

INSTANTIATE_TEST_SUITE_P(Cases, Standardise, ::testing::ValuesIn(cases), caseName);

TEST(StandardiseMutants, AreFound) {
  const Case c = {.channels = 45, .size = {1, 3, 7}};
  for (OverChannelsTile tile : {OverChannelsTile{.splits = 1, .warps = 2}, {.splits = 0, .warps = 3}}) {
    EXPECT_GE(expectMutantsFound(*scheduled(*standardiseKernel(c), tile), {spreadValuesOf(c, 2)}), 1u);
    EXPECT_GE(expectMutantsFound(*scheduled(*standardiseGradKernel(c), tile),
                                 {coarse(c.shape(), 2), spreadValuesOf(c, 3)}),
              1u);
  }
}

/// Statistics over frames too, and those of groups, are left to the reference lowering.
TEST(StandardiseSchedules, AreForChannelsInOneGroupAlone) {
  const Case c = {.channels = 48, .size = {2, 3, 3}};
  for (bool grouped : {false, true}) {
    OwningOpRef<ModuleOp> module = standardiseKernel(c);
    auto op = cast<kernel::StandardiseOp>(defOf(*module).getKernel());
    if (grouped)
      op.setGroups(2);
    else
      op.setOver({1, 2});
    EXPECT_TRUE(nvidia::overChannelsCandidates(op, *nvidia::processorNamed(hopper)).empty());
  }
}

TEST_P(Softmax, IsTheReference) { expectTheReference({}); }

TEST_P(Softmax, IsTheReferenceInWholeWarps) {
  expectTheReference(OverChannelsTile{.splits = 0, .warps = 16});
}

TEST_P(Softmax, IsTheReferenceInSplitWarps) { expectTheReference(OverChannelsTile{.splits = 3, .warps = 7}); }

INSTANTIATE_TEST_SUITE_P(Cases, Softmax, ::testing::ValuesIn(cases), caseName);

/// Returns scores of which each position has the largest in another channel block, by so much that nothing
/// but this one's maximum keeps the powers finite.
Tensor steepScoresOf(const Case &c) {
  Tensor x = scoresOf(c);
  int64_t positions = shape::product(c.size), blocks = shape::ceilDiv(c.channels, nvidia::blockChannels);
  for (int64_t i = 0; i < int64_t(x.values.size()); ++i)
    if (int64_t block = i / positions % c.channels / nvidia::blockChannels;
        (block + i % positions) % blocks == 0)
      x.values[i] = 256;
  return x;
}

TEST(SoftmaxMutants, AreFound) {
  const Case c = {.channels = 45, .size = {1, 3, 7}};
  for (OverChannelsTile tile : {OverChannelsTile{.splits = 1, .warps = 2}, {.splits = 0, .warps = 3}}) {
    EXPECT_GE(expectMutantsFound(*scheduled(*softmaxKernel(c), tile), {steepScoresOf(c)}), 1u);
    EXPECT_GE(
        expectMutantsFound(*scheduled(*gradKernel(c), tile), {coarse(c.shape(), 2), coarse(c.shape(), 3)}),
        1u);
  }
}
