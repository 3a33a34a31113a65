// Convs on tensor cores, in the emulator, against the reference lowering of the same operation.
#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/HaloConv.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {

struct Case {
  const char *name;
  bool forward;
  int64_t clips, in, out;
  shape::Size3 input;
  shape::Window window;
  bool narrow = false; // an input in one block of 4 channels

  shape::Size3 output() const { return *shape::windowOutput(input, window); }
  std::vector<int64_t> shapeOf(int64_t channels, const shape::Size3 &size) const {
    return {clips, channels, size[0], size[1], size[2]};
  }
  std::vector<int64_t> source() const { return forward ? shapeOf(in, input) : shapeOf(out, output()); }
  std::vector<int64_t> result() const { return forward ? shapeOf(out, output()) : shapeOf(in, input); }
  std::vector<int64_t> weight() const {
    return {out, in, window.kernel[0], window.kernel[1], window.kernel[2]};
  }
};

const Case cases[] = {
    {"spatial", true, 2, 24, 40, {2, 9, 11}, {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {"temporal", true, 1, 40, 24, {5, 6, 7}, {{3, 1, 1}, {1, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}}},
    {"spatial stride 2",
     true,
     1,
     16,
     45,
     {2, 11, 13},
     {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {"temporal stride 2",
     true,
     1,
     45,
     16,
     {7, 5, 6},
     {{3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}}},
    {"whole", true, 2, 16, 16, {4, 7, 7}, {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
    {"shortcut", true, 1, 24, 32, {4, 8, 6}, {{1, 1, 1}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}}},
    {"one position", true, 3, 40, 10, {1, 1, 1}, {}},
    {"gradient", false, 1, 24, 40, {2, 9, 11}, {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {"gradient stride 2",
     false,
     1,
     24,
     40,
     {2, 9, 12},
     {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {"temporal gradient stride 2",
     false,
     1,
     16,
     24,
     {7, 4, 5},
     {{3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}}},
    {"whole gradient", false, 1, 16, 21, {5, 6, 6}, {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
    {"stem", true, 2, 3, 45, {2, 13, 14}, {{1, 7, 7}, {1, 2, 2}, {0, 3, 3}, {0, 3, 3}, {1, 1, 1}}, true},
    {"whole stem", true, 1, 3, 16, {4, 9, 11}, {{3, 7, 7}, {2, 2, 2}, {1, 3, 3}, {1, 3, 3}, {1, 1, 1}}, true},
    {"stem stride 1",
     true,
     1,
     3,
     24,
     {3, 7, 9},
     {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
     true},
    {"flow", true, 1, 2, 16, {2, 8, 10}, {{1, 5, 5}, {1, 1, 1}, {0, 2, 2}, {0, 2, 2}, {1, 1, 1}}, true},
    {"narrow point",
     true,
     2,
     4,
     16,
     {2, 3, 5},
     {{1, 1, 1}, {1, 1, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}},
     true},
    {"narrow, dilated rows, pads of two sizes",
     true,
     1,
     1,
     8,
     {1, 9, 9},
     {{1, 2, 6}, {1, 1, 2}, {0, 1, 4}, {0, 2, 1}, {1, 3, 1}},
     true},
};

std::string text(const shape::Size3 &s) {
  return std::to_string(s[0]) + "x" + std::to_string(s[1]) + "x" + std::to_string(s[2]);
}

std::string type(const std::vector<int64_t> &shape, const char *element, const char *layout) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += (size < 0 ? "?" : std::to_string(size)) + "x";
  return text + element + ", #kernel.layout<" + layout + ">>";
}

enum class Form { Plain, Fused };

/// The conv; fused: with batch norm and ReLU before it, a residual behind it, moments (forward) or sums.
std::string convText(const Case &c, Form form) {
  std::string source = c.narrow ? type(c.source(), "f32", "aBcde4b") : blockedBFloat16(c.source());
  std::string result = blockedBFloat16(c.result());
  const char *layout = c.narrow ? "cdE2eBA8a2e4b" : c.forward ? "cdeBA8a8b" : "cdeAB8b8a";
  std::string weights = type(c.weight(), "bf16", layout);
  std::string vector = blocked({c.source()[1]}), outVector = blocked({c.result()[1]});
  std::string head = std::string("kernel.conv ") + (c.forward ? "forward" : "transposed") + " %o0 window <" +
                     text(c.window.kernel) + " stride " + text(c.window.stride) + " pad " +
                     text(c.window.padLow) + " to " + text(c.window.padHigh) + " dilate " +
                     text(c.window.dilation) + "> ";
  if (form == Form::Plain)
    return kernelText({weights, source}, head + "prologue(pixel %o1) : (" + source + R"() {
        ^bb0(%x: f32):
          kernel.yield value %x
        } epilogue() : () {
        ^bb0(%acc: f32):
          kernel.yield store %acc
        } : )" + weights + " -> " + result,
                      {result});
  std::string partials = blocked({-1, c.forward ? 3 : 2, c.result()[1]});
  return kernelText({weights, source, vector, vector, result, outVector},
                    head + "prologue(pixel %o1, channel %o2, channel %o3) : (" + source + ", " + vector +
                        ", " + vector + R"() {
        ^bb0(%x: f32, %s: f32, %o: f32):
          %zero = arith.constant 0.0 : f32
          %n = math.fma %x, %s, %o : f32
          %a = arith.maximumf %n, %zero : f32
          %t = arith.truncf %a : f32 to bf16
          %r = arith.extf %t : bf16 to f32
          kernel.yield value %r
        } epilogue(pixel %o4, channel %o5) : ()" +
                        result + ", " + outVector + R"() {
        ^bb0(%acc: f32, %residual: f32, %scale: f32):
          %y = math.fma %residual, %scale, %acc : f32
          %t = arith.truncf %y : f32 to bf16
          %r = arith.extf %t : bf16 to f32
          %q = arith.mulf %r, %scale : f32
          kernel.yield store %r, )" +
                        (c.forward ? "moments %r" : "sum %r, sum %q") + R"(
        } : )" + weights +
                        " -> " + result + ", " + partials,
                    {result, partials});
}

/// The fused conv with its merge: of moments, the mean plus an operand, and the variance; of sums the same of
/// the first and the second.
std::string attachedText(const Case &c) {
  std::string text = convText(c, Form::Fused), vector = blocked({c.result()[1]});
  std::string partials = blocked({-1, c.forward ? 3 : 2, c.result()[1]});
  text.insert(text.find("):\n  %r"), ", %o6: " + vector + ", %o7: tensor<16xi32>");
  text.insert(text.find("  kernel.return"), "  %m:2 = kernel.finalize %r#1 : " + partials +
                                                "(%o6 : " + vector + R"() {
        ^bb0(%a: f32, %b: f32, %v: f32):
          %s = arith.addf %a, %v : f32
          kernel.yield value %s, value %b
        } {attached)" + (c.forward ? ", moments" : "") +
                                                "} -> " + vector + ", " + vector + "\n");
  text.insert(text.find(" : ", text.find("kernel.return")), ", %m#0, %m#1");
  text.insert(text.rfind("\n}"), ", " + vector + ", " + vector);
  return text;
}

/// The same kernel with the schedule of tensor cores; by default, with the tile that is found best.
std::string scheduled(const std::string &kernel, std::optional<nvidia::HaloTile> tile = {}) {
  auto module = parseSourceString<ModuleOp>(kernel, &context());
  module->walk([&](kernel::ConvOp conv) {
    auto best = nvidia::haloCandidates(conv, *nvidia::processorNamed("sm_90a"));
    ASSERT_FALSE(best.empty());
    conv.setScheduleAttr(tile ? nvidia::haloSchedule(conv, *tile) : best.front().schedule);
  });
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

/// Smaller tiles, of which two blocks share those of the same channels.
std::string walked(const std::string &kernel) {
  auto module = parseSourceString<ModuleOp>(scheduled(kernel), &context());
  kernel::ConvOp conv =
      *(*module->getOps<kernel::DefOp>().begin()).getBody().getOps<kernel::ConvOp>().begin();
  nvidia::HaloTile tile = nvidia::haloPlanOf(conv).tile;
  const shape::Size3 most = {2, 3, 4};
  for (int axis = 0; axis < 3; ++axis)
    tile.results[axis] = std::min(tile.results[axis], most[axis]);
  tile.blocks = 2 * nvidia::HaloPlan(conv, tile).channelTiles();
  return scheduled(kernel, tile);
}

/// Sums of partials over their blocks; of moments: count, mean, squared deviations.
std::vector<double> merged(const Tensor &partials, bool moments, int64_t channel) {
  std::vector<double> total(partials.shape[1], 0.0);
  for (int64_t p = 0; p < partials.shape[0]; ++p) {
    std::vector<double> part;
    for (int64_t row = 0; row < partials.shape[1]; ++row)
      part.push_back(partials.at({p, row, channel}));
    if (moments && part[0] > 0) {
      double count = total[0] + part[0], distance = part[1] - total[1];
      total[2] += part[2] + distance * distance * total[0] * part[0] / count;
      total[1] += distance * part[0] / count;
      total[0] = count;
    } else if (!moments) {
      for (size_t row = 0; row < part.size(); ++row)
        total[row] += part[row];
    }
  }
  return total;
}

class HaloConv : public ::testing::TestWithParam<int> {};

} // namespace

TEST_P(HaloConv, PlainHasTheReferencesBits) {
  const Case &c = cases[GetParam()];
  SCOPED_TRACE(c.name);
  std::string kernel = convText(c, Form::Plain);
  // In steps of 1/128 all products and sums are exact, in any order.
  std::vector<Tensor> operands = {coarse(c.weight(), 1), coarse(c.source(), 2)};
  Tensor expected = ReferenceKernel(kernel).run(operands)[0];
  expectNear(ReferenceKernel(scheduled(kernel)).run(operands)[0], expected, 0.0);
  expectNear(ReferenceKernel(walked(kernel)).run(operands)[0], expected, 0.0);
}

TEST_P(HaloConv, PrologueAndEpilogueRide) {
  const Case &c = cases[GetParam()];
  SCOPED_TRACE(c.name);
  std::string kernel = convText(c, Form::Fused);
  int64_t in = c.source()[1], out = c.result()[1];
  std::vector<Tensor> operands = {coarse(c.weight(), 1), coarse(c.source(), 2), random({in}, 3),
                                  random({in}, 4),       coarse(c.result(), 5), random({out}, 6)};
  auto expected = ReferenceKernel(kernel).run(operands);
  constexpr double unit = 1.0 / 256; // of bfloat16, where sums in another order round the other way
  for (const std::string &schedule : {scheduled(kernel), walked(kernel)}) {
    auto found = ReferenceKernel(schedule).run(operands);
    expectNear(found[0], expected[0], unit);
    for (int64_t channel = 0; channel < out; ++channel) {
      auto wanted = merged(expected[1], c.forward, channel), is = merged(found[1], c.forward, channel);
      for (size_t row = 0; row < wanted.size(); ++row)
        EXPECT_NEAR(is[row], wanted[row], unit * (1 + std::abs(wanted[row])))
            << "channel " << channel << ", row " << row;
    }
  }
}

TEST_P(HaloConv, LastBlockMerges) {
  const Case &c = cases[GetParam()];
  SCOPED_TRACE(c.name);
  int64_t in = c.source()[1], out = c.result()[1];
  Tensor added = random({out}, 7);
  auto results = ReferenceKernel(walked(attachedText(c)))
                     .run({coarse(c.weight(), 1), coarse(c.source(), 2), random({in}, 3), random({in}, 4),
                           coarse(c.result(), 5), random({out}, 6), added, filled({16}, 0)});
  ASSERT_EQ(results.size(), 4u);
  for (int64_t channel = 0; channel < out; ++channel) {
    auto all = merged(results[1], c.forward, channel);
    double first = c.forward ? all[1] : all[0], second = c.forward ? all[2] / all[0] : all[1];
    double reach = 1e-6 * (1 + std::abs(first) + std::abs(second));
    EXPECT_NEAR(results[2].values[channel], first + added.values[channel], reach) << "channel " << channel;
    EXPECT_NEAR(results[3].values[channel], second, reach) << "channel " << channel;
  }
}

/// With few channels a stage, so that the rings of stages come round, and a block for all tiles.
static size_t mutantsFound(const std::string &kernel, const std::vector<Tensor> &operands) {
  return expectMutantsFound(scheduled(kernel, nvidia::HaloTile{{1, 14, 7}, 16, 16, 1}), operands);
}

TEST(HaloConvMutants, OfAPlainConvAreFound) {
  const Case c = {
      "plain", true, 1, 96, 16, {1, 14, 14}, {{1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {0, 0, 1}, {1, 1, 1}}};
  EXPECT_GE(mutantsFound(convText(c, Form::Plain), {coarse(c.weight(), 1), coarse(c.source(), 2)}), 30u);
}

TEST(HaloConvMutants, ADeadlockIsNamed) {
  const Case c = {
      "plain", true, 1, 96, 16, {1, 14, 14}, {{1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {0, 0, 1}, {1, 1, 1}}};
  std::string kernel = scheduled(convText(c, Form::Plain), nvidia::HaloTile{{1, 14, 7}, 16, 16, 1});
  std::string complaint =
      complaintOfMutant(kernel, {coarse(c.weight(), 1), coarse(c.source(), 2)}, "drop nvvm.mbarrier.arrive");
  EXPECT_NE(complaint.find("no thread can go on"), std::string::npos) << complaint;
  EXPECT_NE(complaint.find("waits until a stage of the "), std::string::npos) << complaint;
}

TEST(HaloConvMutants, OfAFusedGradientAreFound) {
  const Case c = {
      "fused", false, 1, 16, 96, {1, 14, 14}, {{1, 1, 3}, {1, 1, 2}, {0, 0, 1}, {0, 0, 1}, {1, 1, 1}}};
  std::vector<Tensor> operands = {coarse(c.weight(), 1), coarse(c.source(), 2), random({96}, 3),
                                  random({96}, 4),       coarse(c.result(), 5), random({16}, 6)};
  EXPECT_GE(mutantsFound(convText(c, Form::Fused), operands), 30u);
}

TEST(HaloConvMutants, OfAStemAreFound) {
  const Case c = {
      "stem", true, 1, 3, 16, {1, 12, 14}, {{1, 9, 7}, {1, 2, 2}, {0, 4, 3}, {0, 4, 3}, {1, 1, 1}}, true};
  // Nine rows of taps, so that the ring of weights comes round.
  std::string kernel = scheduled(convText(c, Form::Plain), nvidia::HaloTile{{1, 6, 6}, 16, 32, 1});
  EXPECT_GE(expectMutantsFound(kernel, {coarse(c.weight(), 1), coarse(c.source(), 2)}), 20u);
}

TEST(HaloConvMutants, OfAFusedConvThatMergesAreFound) {
  const Case c = {
      "fused", true, 1, 96, 16, {1, 14, 28}, {{1, 1, 3}, {1, 1, 1}, {0, 0, 1}, {0, 0, 1}, {1, 1, 1}}};
  std::vector<Tensor> operands = {coarse(c.weight(), 1), coarse(c.source(), 2), random({96}, 3),
                                  random({96}, 4),       coarse(c.result(), 5), random({16}, 6),
                                  random({16}, 7),       filled({16}, 0)};
  std::string kernel = scheduled(attachedText(c), nvidia::HaloTile{{1, 14, 7}, 16, 16, 2});
  EXPECT_GE(expectMutantsFound(kernel, operands), 30u);
}

INSTANTIATE_TEST_SUITE_P(Cases, HaloConv, ::testing::Range(0, int(std::size(cases))));
