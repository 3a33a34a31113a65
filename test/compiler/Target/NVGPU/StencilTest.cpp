// Depthwise convs as stencils, in the emulator, against the reference lowering of the same operation.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/StencilConv.h"
#include "compiler/Target/NVGPU/StencilWeightGrad.h"
#include "runtime/Support/Difference.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::Yield;
using nvidia::StencilTile;
using nvidia::StencilWeightGradTile;

namespace {

/// A Case is a depthwise conv or the gradient of its input, with a tile.
struct Case {
  std::string name;
  int64_t clips = 1, channels = 8;
  shape::Size3 input;
  shape::Window window;
  std::optional<StencilTile> tile = {};
  kernel::Direction direction = kernel::Direction::Forward;

  bool forward() const { return direction == kernel::Direction::Forward; }
  std::vector<int64_t> inputShape() const { return clipsOf(clips, channels, input); }
  std::vector<int64_t> outputShape() const {
    return clipsOf(clips, channels, *shape::windowOutput(input, window));
  }
  std::vector<int64_t> sourceShape() const { return forward() ? inputShape() : outputShape(); }
  std::vector<int64_t> resultShape() const { return forward() ? outputShape() : inputShape(); }
  std::vector<int64_t> weightShape() const { return clipsOf(channels, 1, window.kernel); }
};

std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

constexpr shape::Window uneven = {.kernel = {2, 3, 5},
                                  .stride = {1, 2, 1},
                                  .padLow = {1, 0, 3},
                                  .padHigh = {0, 2, 1},
                                  .dilation = {2, 1, 2}};
constexpr shape::Window sparse = {.kernel = {1, 2, 1}, .stride = {2, 3, 2}};
constexpr shape::Window dilated = {.kernel = {3, 3, 3},
                                   .stride = {2, 2, 2},
                                   .padLow = {2, 2, 2},
                                   .padHigh = {2, 2, 2},
                                   .dilation = {2, 2, 2}};

const Case shapes[] = {
    {.name = "whole", .clips = 2, .channels = 16, .input = {5, 9, 11}, .window = whole},
    {.name = "whole, many tiles",
     .channels = 8,
     .input = {7, 9, 11},
     .window = whole,
     .tile = {{4, 4, 5, 2, 2}}},
    {.name = "odd channels", .clips = 3, .channels = 21, .input = {3, 6, 7}, .window = whole},
    {.name = "stride 2", .clips = 2, .channels = 16, .input = {6, 12, 10}, .window = whole2},
    {.name = "stride 2, odd, many tiles", .input = {7, 11, 13}, .window = whole2, .tile = {{2, 4, 3, 1, 2}}},
    {.name = "stride 2, frames together", .input = {8, 9, 9}, .window = whole2, .tile = {{4, 3, 5, 2, 3}}},
    {.name = "rows alone", .input = {2, 6, 7}, .window = line},
    {.name = "spatial", .input = {2, 6, 7}, .window = spatial},
    {.name = "temporal stride 2", .input = {7, 3, 40}, .window = temporal2},
    {.name = "point", .input = {3, 4, 5}, .window = point},
    {.name = "dilated, pads of two sizes", .input = {5, 9, 12}, .window = uneven},
    {.name = "dilated and strided", .input = {7, 9, 8}, .window = dilated},
    {.name = "strides beyond the window", .input = {5, 8, 6}, .window = sparse},
    {.name = "one position", .clips = 3, .channels = 10, .input = {1, 1, 1}, .window = whole},
    {.name = "rounds of items", .input = {4, 12, 60}, .window = whole, .tile = {{4, 12, 60, 1, 2}}},
};

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (Case c : shapes) {
    cases.push_back(c);
    if (c.tile && c.window.stride != shape::Size3{1, 1, 1})
      c.tile = StencilTile{2, 3, 3, 1, 3}; // counted within a phase
    c.direction = kernel::Direction::Transposed;
    c.name += ", gradient";
    cases.push_back(c);
  }
  return cases;
}

RankedTensorType weightType(const Case &c) {
  return RankedTensorType::get(c.weightShape(), BFloat16Type::get(&context()),
                               blockedWeight(&context(), 5, {8, 1}));
}

/// Returns the region of batch norm's gradient: p * g + (q * z + r), rounded.
KernelRegion gradientOfNorm(KernelBuilder &k, ArrayRef<int64_t> shape) {
  KernelRegion region(k);
  Value g = region.pixel(bfloat16InBlocks(shape)), z = region.pixel(bfloat16InBlocks(shape));
  Value p = region.channel(shape[1]), q = region.channel(shape[1]), r = region.channel(shape[1]);
  Value ofStatistics = region.multiplyAdd(q, z, r);
  region.yield(Yield::Value, region.rounded(region.multiplyAdd(p, g, ofStatistics)));
  return region;
}

/// Adds a residual to what the conv makes; yields moments (forward) or sums too.
void emitFusedEpilogue(KernelRegion &region, const Case &c) {
  Value sum = region.argument(), residual = region.pixel(bfloat16InBlocks(c.resultShape()));
  Value scale = region.channel(c.channels);
  Value result = region.rounded(region.multiplyAdd(residual, scale, sum));
  region.yield(Yield::Store, result);
  region.yield(c.forward() ? Yield::Moments : Yield::Sum, result);
  if (!c.forward())
    region.yield(Yield::Sum, region.multiply(result, scale));
}

OwningOpRef<ModuleOp> convKernel(const Case &c, Fusion fusion) {
  KernelBuilder k;
  Value weight = k.operand(weightType(c));
  RankedTensorType source = bfloat16InBlocks(c.sourceShape());
  bool isPlain = fusion == Fusion::None;
  KernelRegion prologue = isPlain       ? k.identity(source)
                          : c.forward() ? k.normalised(source)
                                        : gradientOfNorm(k, c.sourceShape());
  KernelRegion epilogue(k);
  if (isPlain)
    epilogue.yield(Yield::Store, epilogue.argument());
  else
    emitFusedEpilogue(epilogue, c);
  k.conv(c.direction, weight, c.window, prologue, epilogue, bfloat16InBlocks(c.resultShape()), c.channels);
  return k.finish();
}

std::vector<Tensor> operandsOf(const Case &c, Fusion fusion) {
  // In steps of 1/128 all products and sums are exact, in any order.
  std::vector<Tensor> operands = {coarse(c.weightShape(), 1), coarse(c.sourceShape(), 2)};
  if (fusion == Fusion::None)
    return operands;
  if (!c.forward())
    operands.push_back(coarse(c.sourceShape(), 7));
  for (unsigned seed = 3; seed < (c.forward() ? 5 : 6); ++seed)
    operands.push_back(random({c.channels}, seed));
  operands.push_back(coarse(c.resultShape(), 8));
  operands.push_back(random({c.channels}, 9));
  return operands;
}

OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, const std::optional<StencilTile> &tile) {
  return scheduledAs(kernel, tile, nvidia::stencilSchedule, nvidia::stencilCandidates);
}

/// Returns the merged partials of all blocks: rows of channels.
std::vector<double> merged(const Tensor &partials, const Case &c) {
  return merge(partials.values, partials.shape, c.forward() ? Form::Moments : Form::Sums).values;
}

class Stencil : public ::testing::TestWithParam<Case> {};

} // namespace

TEST_P(Stencil, PlainHasTheReferencesBits) {
  const Case &c = GetParam();
  OwningOpRef<ModuleOp> kernel = convKernel(c, Fusion::None);
  std::vector<Tensor> operands = operandsOf(c, Fusion::None);
  Tensor expected = ReferenceKernel(*kernel).run(operands)[0];
  expectNear(ReferenceKernel(*scheduled(*kernel, c.tile)).run(operands)[0], expected, 0.0);
}

TEST_P(Stencil, PrologueAndEpilogueRide) {
  const Case &c = GetParam();
  OwningOpRef<ModuleOp> kernel = convKernel(c, Fusion::Regions);
  std::vector<Tensor> operands = operandsOf(c, Fusion::Regions);
  auto expected = ReferenceKernel(*kernel).run(operands);
  auto found = ReferenceKernel(*scheduled(*kernel, c.tile)).run(operands);
  constexpr double unit = 1.0 / 256; // of bfloat16, where sums in another order round the other way
  expectNear(found[0], expected[0], unit);
  auto wanted = merged(expected[1], c), is = merged(found[1], c);
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(is[i], wanted[i], unit * (1 + std::abs(wanted[i])))
        << "channel " << i % c.channels << ", row " << i / c.channels;
}

INSTANTIATE_TEST_SUITE_P(Cases, Stencil, ::testing::ValuesIn(cases()), caseName);

//===-- Weight gradients --------------------------------------------------===//

namespace {

/// A GradCase is the gradient of a depthwise weight, with a tile.
struct GradCase : Case {
  std::optional<StencilWeightGradTile> gradTile = {};
};

const StencilWeightGradTile gradTiles[] = {{2, 4, 3, 2, 1}, {3, 3, 5, 3, 2}, {1, 2, 4, 1, 1}};

std::vector<GradCase> gradCases() {
  std::vector<GradCase> cases;
  for (const Case &c : shapes) {
    cases.push_back({c});
    if (!c.tile)
      continue;
    for (auto [i, tile] : llvm::enumerate(gradTiles)) {
      cases.push_back({c, tile});
      cases.back().name += ", tile " + std::to_string(i);
    }
  }
  return cases;
}

OwningOpRef<ModuleOp> weightGradKernel(const Case &c, Fusion fusion) {
  KernelBuilder k;
  RankedTensorType x = bfloat16InBlocks(c.inputShape()), dz = bfloat16InBlocks(c.outputShape());
  bool isPlain = fusion == Fusion::None;
  KernelRegion gradient = isPlain ? k.identity(dz) : gradientOfNorm(k, c.outputShape());
  KernelRegion activation = isPlain ? k.identity(x) : k.normalised(x);
  std::vector<int64_t> shape = c.weightShape();
  shape.insert(shape.begin(), ShapedType::kDynamic);
  k.weightGrad(
      c.window, gradient, activation,
      RankedTensorType::get(shape, Float32Type::get(&context()), blockedWeight(&context(), 6, {8, 1})),
      c.channels);
  return k.finish();
}

/// Few enough bits that sums of products are exact, in any order: numbers in steps of 1/16, and as factors of
/// them 1, -1, 1/2 and -1/2.
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

std::vector<Tensor> gradOperandsOf(const Case &c, Fusion fusion) {
  Tensor g = sixteenths(c.outputShape(), 1), x = sixteenths(c.inputShape(), 2);
  if (fusion == Fusion::None)
    return {g, x};
  int64_t channels = c.channels;
  return {g,
          sixteenths(c.outputShape(), 3),
          factors(channels, 4),
          factors(channels, 5),
          sixteenths({channels}, 6),
          x,
          factors(channels, 7),
          sixteenths({channels}, 8)};
}

OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, const std::optional<StencilWeightGradTile> &tile) {
  return scheduledAs(kernel, tile, nvidia::stencilWeightGradSchedule, nvidia::stencilWeightGradCandidates);
}

/// Returns the partials' sum.
Tensor summed(const Tensor &partials) {
  Merged sum = merge(partials.values, partials.shape, Form::Sums);
  return {sum.shape, std::vector<float>(sum.values.begin(), sum.values.end())};
}

class StencilWeightGrad : public ::testing::TestWithParam<GradCase> {
protected:
  void expectReferencesBits(Fusion fusion) {
    OwningOpRef<ModuleOp> kernel = weightGradKernel(GetParam(), fusion);
    auto operands = gradOperandsOf(GetParam(), fusion);
    Tensor expected = summed(ReferenceKernel(*kernel).run(operands)[0]);
    Tensor found = summed(ReferenceKernel(*scheduled(*kernel, GetParam().gradTile)).run(operands)[0]);
    expectNear(found, expected, 0.0);
  }
};

} // namespace

TEST_P(StencilWeightGrad, PlainHasTheReferencesBits) { expectReferencesBits(Fusion::None); }

TEST_P(StencilWeightGrad, FusedHasTheReferencesBits) { expectReferencesBits(Fusion::Regions); }

INSTANTIATE_TEST_SUITE_P(Cases, StencilWeightGrad, ::testing::ValuesIn(gradCases()), caseName);

//===-- Mutants -----------------------------------------------------------===//

namespace {
/// Some tiles begin within the source, so that not all that lies around them is zero, and some of their
/// chunks of two frames lie before or behind the source.
constexpr shape::Window fiveFrames = {.kernel = {5, 3, 3}, .padLow = {2, 1, 1}, .padHigh = {2, 1, 1}};
const Case mutated = {.name = "mutated", .input = {4, 4, 6}, .window = fiveFrames, .tile = {{2, 2, 3, 2, 1}}};

size_t mutantsFound(const Case &c) {
  return expectMutantsFound(*scheduled(*convKernel(c, Fusion::Regions), c.tile),
                            operandsOf(c, Fusion::Regions));
}
} // namespace

TEST(StencilMutants, OfAConvAreFound) { EXPECT_GE(mutantsFound(mutated), 10u); }

TEST(StencilMutants, OfAGradientAreFound) {
  Case c = mutated;
  c.direction = kernel::Direction::Transposed;
  EXPECT_GE(mutantsFound(c), 10u);
}

TEST(StencilMutants, OfAWeightGradientAreFound) {
  for (const shape::Window &window : {whole, fiveFrames}) { // of which threads have 4 channels, and 2
    Case c = mutated;
    c.window = window;
    c.input = {3, 3, 4}; // some positions of tiles lie behind those of the gradient
    StencilWeightGradTile tile = {2, 2, 3, 1, 1};
    OwningOpRef<ModuleOp> kernel = scheduled(*weightGradKernel(c, Fusion::Regions), tile);
    EXPECT_GE(expectMutantsFound(*kernel, gradOperandsOf(c, Fusion::Regions)), 10u);
  }
}
