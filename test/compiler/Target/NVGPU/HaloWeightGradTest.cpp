// Weight gradients on tensor cores, in the emulator, against the reference lowering of the same operation.
#include "test/compiler/Target/Common/ReferenceHarness.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/HaloWeightGrad.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using Tile = nvidia::HaloWeightGradTile;

namespace {

struct Case {
  const char *name;
  int64_t clips, in, out;
  shape::Size3 input;
  shape::Window window;
  std::optional<Tile> tile; // without: the one that is found best
  bool narrow = false;      // an input in one block of 4 channels

  std::vector<int64_t> activation() const { return {clips, in, input[0], input[1], input[2]}; }
  std::vector<int64_t> gradient() const {
    auto output = *shape::windowOutput(input, window);
    return {clips, out, output[0], output[1], output[2]};
  }
};

const shape::Window spatial = {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}};
const shape::Window temporal = {{3, 1, 1}, {1, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}};
const shape::Window whole = {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}};
const shape::Window point = {};
const shape::Window stem = {{1, 7, 7}, {1, 2, 2}, {0, 3, 3}, {0, 3, 3}, {1, 1, 1}};

shape::Window strided(shape::Window window, shape::Size3 stride) {
  window.stride = stride;
  return window;
}

const Case cases[] = {
    // {results, taps, output rows, rows, columns, consumers, chunks}
    {"spatial", 2, 24, 40, {2, 9, 11}, spatial, {}},
    {"spatial, outputs are rows",
     2,
     24,
     40,
     {2, 9, 11},
     spatial,
     Tile{{1, 5, 11}, {1, 3, 3}, true, 64, 24, 3, 2}},
    {"spatial, inputs are rows",
     2,
     24,
     40,
     {2, 9, 11},
     spatial,
     Tile{{2, 9, 4}, {1, 3, 3}, false, 64, 40, 3, 3}},
    {"a box of taps each", 1, 16, 24, {1, 8, 9}, spatial, Tile{{1, 8, 9}, {1, 1, 2}, true, 64, 16, 2, 1}},
    {"two row tiles", 1, 16, 72, {2, 5, 6}, spatial, Tile{{1, 5, 6}, {1, 3, 1}, true, 128, 8, 2, 2}},
    {"two blocks of rows", 1, 72, 16, {2, 5, 6}, point, Tile{{1, 5, 6}, {1, 1, 1}, false, 64, 16, 2, 2}},
    {"columns that do not fill a tile",
     1,
     40,
     16,
     {1, 5, 6},
     point,
     Tile{{1, 5, 6}, {1, 1, 1}, true, 64, 24, 2, 1}},
    {"temporal", 1, 40, 24, {5, 6, 7}, temporal, {}},
    {"temporal, outputs are rows",
     1,
     24,
     45,
     {5, 3, 7},
     temporal,
     Tile{{3, 3, 7}, {3, 1, 1}, true, 64, 24, 3, 1}},
    {"temporal, inputs are rows",
     2,
     45,
     24,
     {4, 3, 5},
     temporal,
     Tile{{4, 1, 5}, {3, 1, 1}, false, 64, 24, 2, 4}},
    {"spatial stride 2", 1, 16, 45, {2, 11, 13}, strided(spatial, {1, 2, 2}), {}},
    {"spatial stride 2 in parts",
     1,
     16,
     45,
     {2, 11, 14},
     strided(spatial, {1, 2, 2}),
     Tile{{1, 3, 4}, {1, 2, 3}, false, 64, 24, 2, 3}},
    {"temporal stride 2", 1, 45, 16, {7, 5, 6}, strided(temporal, {2, 1, 1}), {}},
    {"whole", 2, 16, 16, {4, 7, 7}, whole, Tile{{2, 7, 7}, {1, 3, 3}, true, 64, 16, 3, 2}},
    {"whole stride 2", 1, 21, 16, {5, 6, 6}, strided(whole, {2, 2, 2}), {}},
    {"shortcut", 1, 24, 32, {4, 8, 6}, strided(point, {2, 2, 2}), {}},
    {"few inputs", 1, 3, 45, {2, 12, 13}, stem, {}},
    {"stem", 2, 3, 45, {2, 12, 13}, stem, {}, true},
    {"stem, some of its taps",
     1,
     3,
     16,
     {2, 12, 14},
     stem,
     Tile{{1, 6, 7}, {1, 3, 1}, true, 64, 32, 3, 2},
     true},
    {"whole stem", 1, 3, 72, {4, 7, 10}, {{3, 7, 7}, {2, 2, 2}, {1, 3, 3}, {1, 3, 3}, {1, 1, 1}}, {}, true},
    {"stem stride 1", 1, 3, 24, {3, 6, 7}, whole, {}, true},
    {"flow", 1, 2, 16, {1, 6, 9}, {{1, 5, 5}, {1, 1, 1}, {0, 2, 2}, {0, 2, 2}, {1, 1, 1}}, {}, true},
    {"narrow point", 2, 4, 16, {2, 3, 5}, strided(point, {1, 1, 2}), {}, true},
    {"narrow, two taps",
     1,
     1,
     8,
     {1, 4, 9},
     {{1, 1, 2}, {1, 1, 2}, {0, 0, 1}, {0, 0, 0}, {1, 1, 1}},
     {},
     true},
    {"odd channels", 1, 5, 230, {1, 6, 7}, point, {}},
    {"one position", 3, 40, 10, {1, 1, 1}, point, {}},
    {"dilated, pads of two sizes",
     1,
     16,
     16,
     {1, 9, 9},
     {{1, 3, 2}, {1, 1, 2}, {0, 1, 2}, {0, 2, 0}, {1, 2, 3}},
     {}},
};

std::string text(const shape::Size3 &s) {
  return std::to_string(s[0]) + "x" + std::to_string(s[1]) + "x" + std::to_string(s[2]);
}

enum class Form { Plain, Fused };

/// The weight gradient; fused: of batch norm's gradient by a batch norm with ReLU.
std::string wgradText(const Case &c, Form form) {
  std::string dz = blockedBFloat16(c.gradient()), x = blockedBFloat16(c.activation());
  if (c.narrow)
    x = "tensor<" + std::to_string(c.clips) + "x" + std::to_string(c.in) + "x" + text(c.input) +
        "xf32, #kernel.layout<aBcde4b>>";
  const shape::Window &w = c.window;
  std::string result = "tensor<?x" + std::to_string(c.out) + "x" + std::to_string(c.in) + "x" +
                       text(w.kernel) + "xf32, #kernel.layout<" +
                       (c.narrow ? "adeF2fCB8b2f4c" : "adefCB8b8c") + ">>";
  std::string head = "kernel.wgrad window <" + text(w.kernel) + " stride " + text(w.stride) + " pad " +
                     text(w.padLow) + " to " + text(w.padHigh) + " dilate " + text(w.dilation) + "> ";
  if (form == Form::Plain)
    return kernelText({dz, x},
                      head + "gradient(pixel %o0) : (" + dz + R"() {
        ^bb0(%g: f32):
          kernel.yield value %g
        } activation(pixel %o1) : ()" +
                          x + R"() {
        ^bb0(%a: f32):
          kernel.yield value %a
        } : )" + result,
                      {result});
  std::string ofDz = blocked({c.out}), ofX = blocked({c.in});
  return kernelText({dz, dz, ofDz, ofDz, ofDz, x, ofX, ofX},
                    head + "gradient(pixel %o0, pixel %o1, channel %o2, channel %o3, channel %o4) : (" + dz +
                        ", " + dz + ", " + ofDz + ", " + ofDz + ", " + ofDz + R"() {
        ^bb0(%g: f32, %z: f32, %p: f32, %q: f32, %r: f32):
          %a = math.fma %q, %z, %r : f32
          %b = math.fma %p, %g, %a : f32
          %t = arith.truncf %b : f32 to bf16
          %e = arith.extf %t : bf16 to f32
          kernel.yield value %e
        } activation(pixel %o5, channel %o6, channel %o7) : ()" +
                        x + ", " + ofX + ", " + ofX + R"() {
        ^bb0(%x: f32, %s: f32, %o: f32):
          %zero = arith.constant 0.0 : f32
          %n = math.fma %x, %s, %o : f32
          %a = arith.maximumf %n, %zero : f32
          %t = arith.truncf %a : f32 to bf16
          %e = arith.extf %t : bf16 to f32
          kernel.yield value %e
        } : )" + result,
                    {result});
}

/// Few enough bits that sums of products are exact, in any order: numbers in steps of 1/16, and as factors
/// of them 1, -1, 1/2 and -1/2.
Tensor sixteenths(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor = random(std::move(shape), seed);
  for (float &value : tensor.values)
    value = std::trunc(value * 16) / 16;
  return tensor;
}

Tensor factors(int64_t size, unsigned seed) {
  Tensor tensor = random({size}, seed);
  for (float &value : tensor.values)
    value = std::copysign(std::abs(value) < 0.5f ? 0.5f : 1.0f, value);
  return tensor;
}

std::vector<Tensor> operandsOf(const Case &c, Form form) {
  Tensor g = sixteenths(c.gradient(), 1), x = sixteenths(c.activation(), 2);
  if (form == Form::Plain)
    return {g, x};
  return {g,
          sixteenths(c.gradient(), 3),
          factors(c.out, 4),
          factors(c.out, 5),
          sixteenths({c.out}, 6),
          x,
          factors(c.in, 7),
          sixteenths({c.in}, 8)};
}

std::string scheduled(const std::string &kernel, const std::optional<Tile> &tile) {
  auto module = parseSourceString<ModuleOp>(kernel, &context());
  module->walk([&](kernel::WeightGradOp op) {
    auto best = nvidia::haloWeightGradCandidates(op, *nvidia::processorNamed("sm_90a"));
    ASSERT_FALSE(best.empty());
    op.setScheduleAttr(tile ? nvidia::haloWeightGradSchedule(op, *tile) : best.front().schedule);
  });
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

/// The partials' sum.
Tensor merged(const Tensor &partials) {
  std::vector<int64_t> shape(partials.shape.begin() + 1, partials.shape.end());
  Tensor sum = filled(shape, 0.0f);
  for (size_t i = 0; i < partials.values.size(); ++i)
    sum.values[i % sum.values.size()] += partials.values[i];
  return sum;
}

class HaloWeightGrad : public ::testing::TestWithParam<int> {
protected:
  void expectReferencesBits(Form form) {
    const Case &c = cases[GetParam()];
    SCOPED_TRACE(c.name);
    std::string kernel = wgradText(c, form);
    auto operands = operandsOf(c, form);
    Tensor expected = merged(ReferenceKernel(kernel).run(operands)[0]);
    expectNear(merged(ReferenceKernel(scheduled(kernel, c.tile)).run(operands)[0]), expected, 0.0);
  }
};

} // namespace

TEST_P(HaloWeightGrad, PlainHasTheReferencesBits) { expectReferencesBits(Form::Plain); }

TEST_P(HaloWeightGrad, FusedHasTheReferencesBits) { expectReferencesBits(Form::Fused); }

INSTANTIATE_TEST_SUITE_P(Cases, HaloWeightGrad, ::testing::Range(0, int(std::size(cases))));

namespace {
size_t mutantsFound(const Case &c, Form form) {
  return expectMutantsFound(scheduled(wgradText(c, form), c.tile), operandsOf(c, form));
}
} // namespace

// Four tiles of positions, so that each of the two stages comes round.

TEST(HaloWeightGradMutants, OfAPlainOneAreFound) {
  Case c = {"plain", 1, 16, 64, {1, 8, 6}, spatial, Tile{{1, 2, 6}, {1, 1, 3}, true, 64, 16, 3, 1}};
  EXPECT_GE(mutantsFound(c, Form::Plain), 20u);
}

TEST(HaloWeightGradMutants, OfAFusedStridedOneAreFound) {
  Case c = {"strided",
            1,
            64,
            16,
            {1, 16, 10},
            strided(spatial, {1, 2, 2}),
            Tile{{1, 2, 5}, {1, 1, 3}, false, 64, 16, 3, 1}};
  EXPECT_GE(mutantsFound(c, Form::Fused), 20u);
}

TEST(HaloWeightGradMutants, OfAStemsAreFound) {
  Case c = {"stem", 1, 3, 64, {1, 16, 12}, stem, Tile{{1, 2, 6}, {1, 7, 1}, true, 64, 32, 3, 1}, true};
  EXPECT_GE(mutantsFound(c, Form::Plain), 20u);
}

TEST(HaloWeightGradMutants, OfATemporalOneAreFound) {
  Case c = {"temporal", 1, 16, 64, {8, 4, 4}, temporal, Tile{{2, 4, 4}, {3, 1, 1}, true, 64, 16, 3, 1}};
  EXPECT_GE(mutantsFound(c, Form::Fused), 20u);
}
