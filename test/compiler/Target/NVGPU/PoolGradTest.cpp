// The gradient of a pool by gathering, in the emulator, against the reference lowering, which scatters.
#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/PoolGrad.h"
#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {
struct Case {
  const char *name;
  int64_t clips, channels;
  shape::Size3 input;
  shape::Window window;

  std::vector<int64_t> shapeOf(const shape::Size3 &size) const {
    return {clips, channels, size[0], size[1], size[2]};
  }
  std::vector<int64_t> source() const { return shapeOf(input); }
  std::vector<int64_t> result() const { return shapeOf(*shape::windowOutput(input, window)); }
};

const Case cases[] = {
    {"spatial", 2, 12, {2, 13, 11}, {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {"dense", 1, 16, {9, 5, 6}, {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
    {"frames stride 2", 3, 8, {7, 4, 9}, {{3, 2, 3}, {2, 2, 3}, {1, 0, 0}, {1, 0, 2}, {1, 1, 1}}},
    {"dilated", 1, 5, {8, 6, 9}, {{2, 2, 2}, {2, 2, 3}, {1, 0, 0}, {0, 0, 1}, {2, 1, 2}}},
    {"windows apart", 1, 8, {7, 3, 9}, {{1, 1, 2}, {3, 1, 4}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}}},
};

std::string text(const shape::Size3 &s) {
  return std::to_string(s[0]) + "x" + std::to_string(s[1]) + "x" + std::to_string(s[2]);
}

std::string gradText(const Case &c, bool max, bool narrow) {
  std::string x = narrow ? blockedBFloat16(c.source()) : blocked(c.source()), g = blocked(c.result()),
              result = blocked(c.source());
  const auto &w = c.window;
  std::string window = "window <" + text(w.kernel) + " stride " + text(w.stride) + " pad " + text(w.padLow) +
                       " to " + text(w.padHigh) + " dilate " + text(w.dilation) + ">";
  std::string prologue = max ? "(pixel %o1) : (" + x +
                                   ") {\n^bb0(%x: f32):\n%n = arith.negf %x : f32\n"
                                   "kernel.yield value %n }"
                             : "() : () {\n %z = arith.constant 0.0 : f32\n kernel.yield value %z }";
  return kernelText(max ? std::vector{g, x} : std::vector{g},
                    std::string("kernel.pool_grad ") + (max ? "max" : "average") + " %o0 " + window +
                        " prologue" + prologue + " : " + g + " -> " + result,
                    {result});
}

/// The kernel with the schedule "sm90.gather", with so many frames a block.
std::string scheduled(const std::string &kernel, int64_t frames) {
  auto module = parseSourceString<ModuleOp>(kernel, &context());
  module->walk([&](kernel::PoolGradOp op) {
    auto schedule = nvidia::schedulePoolGrad(op, *nvidia::processorNamed("sm_90a"), frames);
    ASSERT_TRUE(schedule);
    EXPECT_EQ(schedule->getName(), "sm90.gather");
    op.setScheduleAttr(*schedule);
  });
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

std::vector<Tensor> operandsOf(const Case &c, bool max) {
  Tensor g = random(c.result(), 1), x = random(c.source(), 2);
  for (float &value : x.values)
    value = std::round(value * 4) / 4; // equal maxima: the first one counts
  return max ? std::vector{g, x} : std::vector{g};
}
} // namespace

class PoolGrad : public ::testing::TestWithParam<int> {};

TEST_P(PoolGrad, AddsUpAsTheReferenceDoes) {
  const Case &c = cases[GetParam()];
  for (bool max : {true, false})
    for (bool narrow : {true, false})
      for (int64_t frames : {1, 3, 64}) {
        SCOPED_TRACE(std::string(c.name) + (max ? " max" : " average") + (narrow ? " bf16 " : " f32 ") +
                     std::to_string(frames));
        std::string kernel = gradText(c, max, narrow);
        auto operands = operandsOf(c, max);
        auto expected = ReferenceKernel(kernel).run(operands);
        expectNear(ReferenceKernel(scheduled(kernel, std::min(frames, c.input[0]))).run(operands)[0],
                   expected[0], 0.0); // the same order of sums
      }
}

TEST(PoolGradMutants, AreFound) {
  const Case c = {"small", 1, 8, {3, 5, 9}, {{2, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}, {1, 1, 1}}};
  EXPECT_GE(
      expectMutantsFound(scheduled(gradText(c, /*max=*/true, /*narrow=*/false), 2), operandsOf(c, true)), 1u);
}

INSTANTIATE_TEST_SUITE_P(Cases, PoolGrad, ::testing::Range(0, int(std::size(cases))));
