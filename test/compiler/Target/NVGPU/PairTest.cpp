// Pairs of convs on tensor cores, in the emulator, against the two convs apart.
#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/NVGPU/Emulator/Mutants.h"
#include "test/compiler/Target/NVGPU/ReferenceBackend.h"

#include "compiler/Target/NVGPU/PairConv.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {

struct Case {
  const char *name;
  int64_t clips, in, middle, out;
  shape::Size3 input;
  shape::Window first, second;

  shape::Size3 between() const { return *shape::windowOutput(input, first); }
  shape::Size3 output() const { return *shape::windowOutput(between(), second); }
  std::vector<int64_t> shapeOf(int64_t channels, const shape::Size3 &size) const {
    return {clips, channels, size[0], size[1], size[2]};
  }
  std::vector<int64_t> source() const { return shapeOf(in, input); }
  std::vector<int64_t> middleShape() const { return shapeOf(middle, between()); }
  std::vector<int64_t> result() const { return shapeOf(out, output()); }
  static std::vector<int64_t> weightOf(int64_t out, int64_t in, const shape::Window &w) {
    return {out, in, w.kernel[0], w.kernel[1], w.kernel[2]};
  }
  std::vector<int64_t> firstWeight() const { return weightOf(middle, in, first); }
  std::vector<int64_t> secondWeight() const { return weightOf(out, middle, second); }
};

const shape::Window spatial = {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}};
const shape::Window spatialStride2 = {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}};
const shape::Window temporal = {{3, 1, 1}, {1, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}};
const shape::Window temporalStride2 = {{3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}};
const shape::Window temporalDilated = {{3, 1, 1}, {1, 1, 1}, {2, 0, 0}, {2, 0, 0}, {2, 1, 1}};
const shape::Window temporalCausal = {{3, 1, 1}, {1, 1, 1}, {2, 0, 0}, {0, 0, 0}, {1, 1, 1}};
const shape::Window temporalLow = {{2, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}};

const Case cases[] = {
    {"block", 1, 16, 40, 16, {4, 7, 9}, spatial, temporal},
    {"odd channels", 2, 21, 45, 10, {3, 6, 5}, spatial, temporal},
    {"strides", 1, 16, 24, 24, {5, 9, 11}, spatialStride2, temporalStride2},
    {"dilated", 1, 8, 32, 16, {5, 4, 4}, spatial, temporalDilated},
    {"causal", 1, 16, 24, 16, {4, 5, 6}, spatial, temporalCausal},
    {"one frame", 3, 16, 16, 8, {1, 5, 4}, spatial, temporal},
    {"no padding", 1, 24, 16, 16, {4, 5, 5}, spatial, temporalLow},
};

std::string text(const shape::Size3 &s) {
  return std::to_string(s[0]) + "x" + std::to_string(s[1]) + "x" + std::to_string(s[2]);
}

std::string windowText(const shape::Window &w) {
  return "<" + text(w.kernel) + " stride " + text(w.stride) + " pad " + text(w.padLow) + " to " +
         text(w.padHigh) + " dilate " + text(w.dilation) + ">";
}

std::string weightType(const std::vector<int64_t> &shape) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + "bf16, #kernel.layout<cdeBA8a8b>>";
}

constexpr const char *identity = "{\n^bb0(%x: f32):\n  kernel.yield value %x\n}";
/// What a bias and ReLU make of the accumulator, rounded.
constexpr const char *biased = R"(
        ^bb0(%acc: f32, %bias: f32):
          %zero = arith.constant 0.0 : f32
          %n = arith.addf %acc, %bias : f32
          %a = arith.maximumf %n, %zero : f32
          %t = arith.truncf %a : f32 to bf16
          %r = arith.extf %t : bf16 to f32)";
/// The same with a residual.
constexpr const char *joined = R"(
        ^bb0(%acc: f32, %residual: f32, %bias: f32):
          %zero = arith.constant 0.0 : f32
          %n = arith.addf %acc, %bias : f32
          %j = arith.addf %n, %residual : f32
          %a = arith.maximumf %j, %zero : f32
          %t = arith.truncf %a : f32 to bf16
          %r = arith.extf %t : bf16 to f32)";

/// Operands: both weights, the source, the middle's bias, the residual, the result's bias.
std::string pairText(const Case &c) {
  std::string source = blockedBFloat16(c.source()), result = blockedBFloat16(c.result());
  std::string w1 = weightType(c.firstWeight()), w2 = weightType(c.secondWeight());
  std::string middleBias = blocked({c.middle}), bias = blocked({c.out});
  return kernelText(
      {w1, w2, source, middleBias, result, bias},
      "kernel.pair %o0 window " + windowText(c.first) + " then %o1 window " + windowText(c.second) +
          " prologue(pixel %o2) : (" + source + ") " + identity + " middle(channel %o3) : (" + middleBias +
          ") {" + biased + "\nkernel.yield value %r\n} epilogue(pixel %o4, channel %o5) : (" + result + ", " +
          bias + ") {" + joined + "\nkernel.yield store %r\n} : " + w1 + ", " + w2 + " -> " + result,
      {result});
}

std::string firstText(const Case &c) {
  std::string source = blockedBFloat16(c.source()), middle = blockedBFloat16(c.middleShape());
  std::string w = weightType(c.firstWeight()), bias = blocked({c.middle});
  return kernelText({w, source, bias},
                    "kernel.conv forward %o0 window " + windowText(c.first) + " prologue(pixel %o1) : (" +
                        source + ") " + identity + " epilogue(channel %o2) : (" + bias + ") {" + biased +
                        "\nkernel.yield store %r\n} : " + w + " -> " + middle,
                    {middle});
}

std::string secondText(const Case &c) {
  std::string middle = blockedBFloat16(c.middleShape()), result = blockedBFloat16(c.result());
  std::string w = weightType(c.secondWeight()), bias = blocked({c.out});
  return kernelText({w, middle, result, bias},
                    "kernel.conv forward %o0 window " + windowText(c.second) + " prologue(pixel %o1) : (" +
                        middle + ") " + identity + " epilogue(pixel %o2, channel %o3) : (" + result + ", " +
                        bias + ") {" + joined + "\nkernel.yield store %r\n} : " + w + " -> " + result,
                    {result});
}

std::vector<Tensor> operandsOf(const Case &c) {
  return {coarse(c.firstWeight(), 1), coarse(c.secondWeight(), 2), coarse(c.source(), 3),
          coarse({c.middle}, 4),      coarse(c.result(), 5),       coarse({c.out}, 6)};
}

/// The two convs, one after the other.
Tensor apart(const Case &c, const std::vector<Tensor> &operands) {
  Tensor middle = ReferenceKernel(firstText(c)).run({operands[0], operands[2], operands[3]})[0];
  return ReferenceKernel(secondText(c)).run({operands[1], middle, operands[4], operands[5]})[0];
}

/// The same kernel with the schedule of tensor cores; by default, with the tile that is found best.
std::string scheduled(const std::string &kernel, std::optional<nvidia::PairTile> tile = {}) {
  auto module = parseSourceString<ModuleOp>(kernel, &context());
  module->walk([&](kernel::PairOp pair) {
    auto best = nvidia::pairCandidates(pair, *nvidia::processorNamed("sm_90a"));
    ASSERT_FALSE(best.empty());
    pair.setScheduleAttr(tile ? nvidia::pairSchedule(pair, *tile) : best.front().schedule);
  });
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

// What lies between rounds at the same place; sums in another order may round a result to the neighbour in
// bfloat16.
constexpr double bound = 1.0 / 128;

class Pair : public ::testing::TestWithParam<int> {};

} // namespace

TEST_P(Pair, ReferenceHasTheBitsOfTheTwoConvs) {
  const Case &c = cases[GetParam()];
  SCOPED_TRACE(c.name);
  auto operands = operandsOf(c);
  expectNear(ReferenceKernel(pairText(c)).run(operands)[0], apart(c, operands), 0.0);
}

TEST_P(Pair, IsTheTwoConvs) {
  const Case &c = cases[GetParam()];
  SCOPED_TRACE(c.name);
  auto operands = operandsOf(c);
  expectNear(ReferenceKernel(scheduled(pairText(c))).run(operands)[0], apart(c, operands), bound);
}

TEST_P(Pair, IsTheTwoConvsInTilesThatDoNotDivide) {
  const Case &c = cases[GetParam()];
  SCOPED_TRACE(c.name);
  auto operands = operandsOf(c);
  int64_t frames = std::min<int64_t>(2, c.output()[0]);
  std::string kernel = scheduled(pairText(c), nvidia::PairTile{frames, 4, 3, 8, 32});
  expectNear(ReferenceKernel(kernel).run(operands)[0], apart(c, operands), bound);
}

INSTANTIATE_TEST_SUITE_P(Cases, Pair, ::testing::Range(0, int(std::size(cases))));

TEST(PairMutants, AreFound) {
  // Few channels a stage and six frames, so that all rings come round; work for each thread that stages; a
  // first result right behind the first frame of the middle.
  const Case c = {"mutants", 1, 16, 24, 16, {6, 8, 9}, spatial, temporalCausal};
  std::string small = scheduled(pairText(c), nvidia::PairTile{6, 8, 9, 24, 16});
  auto operands = operandsOf(c);
  std::vector<emulator::Mutation> mutations;
  changeKernel = [&](ModuleOp module) {
    mutations = emulator::findMutations(module);
    return module.clone();
  };
  Tensor expected = ReferenceKernel(small).run(operands)[0]; // other tests compare it with the two convs
  for (const emulator::Mutation &mutation : mutations) {
    changeKernel = [&](ModuleOp module) { return emulator::mutate(module, mutation); };
    ::testing::TestPartResultArray complaints;
    {
      ::testing::ScopedFakeTestPartResultReporter intercept(
          ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &complaints);
      expectNear(ReferenceKernel(small).run(operands)[0], expected, 0.0);
    }
    EXPECT_GT(complaints.size(), 0) << "not found: " << mutation.description;
  }
  changeKernel = nullptr;
  EXPECT_GE(mutations.size(), 30u);
}
