// Convs of vectors and their weight gradients, in the emulator, against the reference lowering of the same
// operation.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/VectorConv.h"
#include "compiler/Target/NVGPU/VectorWeightGrad.h"
#include "runtime/Support/Difference.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::Direction;
using kernel::Yield;
using nvidia::VectorTile;
using nvidia::VectorWeightGradTile;

namespace {

/// Says how weights lie: as tensor cores read them, or in vectors of what the conv makes.
enum class Weights { Taps, Blocks };

/// A Case is a conv to one position, or the gradient of its input, with a tile.
struct Case {
  std::string name;
  int64_t clips = 1, in, out;
  shape::Size3 size = {1, 1, 1}; // of the input
  std::optional<VectorTile> tile = {};
  Direction direction = Direction::Forward;
  Weights weights = Weights::Taps;
  bool narrow = true; // bfloat16 weights

  bool forward() const { return direction == Direction::Forward; }
  shape::Window window() const { return {.kernel = size}; }
  std::vector<int64_t> inputShape() const { return clipsOf(clips, in, size); }
  std::vector<int64_t> outputShape() const { return clipsOf(clips, out, {1, 1, 1}); }
  std::vector<int64_t> sourceShape() const { return forward() ? inputShape() : outputShape(); }
  std::vector<int64_t> resultShape() const { return forward() ? outputShape() : inputShape(); }
  std::vector<int64_t> weightShape() const { return clipsOf(out, in, size); }
  int64_t resultChannels() const { return forward() ? out : in; }
};

std::ostream &operator<<(std::ostream &out, const Case &c) { return out << c.name; }

const Case shapes[] = {
    {.name = "fc", .clips = 8, .in = 64, .out = 40},
    {.name = "one clip", .in = 512, .out = 16},
    {.name = "odd batch", .clips = 7, .in = 72, .out = 48, .tile = {{3, 8, 2, 8}}},
    {.name = "odd channels", .clips = 3, .in = 45, .out = 21},
    {.name = "odd channels, many tiles", .clips = 5, .in = 45, .out = 101, .tile = {{2, 8, 2, 4}}},
    {.name = "few inputs", .clips = 2, .in = 3, .out = 16},
    {.name = "few outputs", .clips = 2, .in = 96, .out = 5, .tile = {{1, 16, 4, 16}}},
    {.name = "long", .clips = 2, .in = 2048, .out = 16},
    {.name = "all shares", .clips = 2, .in = 512, .out = 16, .tile = {{2, 1, 1, 256}}},
    {.name = "no shares", .clips = 9, .in = 24, .out = 70, .tile = {{5, 64, 1, 1}}},
    {.name = "positions", .clips = 3, .in = 40, .out = 24, .size = {1, 3, 3}},
    {.name = "positions, odd", .clips = 5, .in = 21, .out = 13, .size = {2, 3, 2}, .tile = {{2, 4, 2, 16}}},
    {.name = "many clips", .clips = 33, .in = 16, .out = 24},
};

std::vector<Case> withLayouts(std::vector<Case> all) {
  std::vector<Case> cases;
  for (Case c : all)
    for (auto [layout, weights, narrow] : {std::tuple("taps", Weights::Taps, true),
                                           {"blocks", Weights::Blocks, true},
                                           {"f32", Weights::Blocks, false}}) {
      cases.push_back(c);
      cases.back().name += std::string(", ") + layout;
      cases.back().weights = weights;
      cases.back().narrow = narrow;
    }
  return cases;
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (Case c : shapes) {
    cases.push_back(c);
    c.direction = Direction::Transposed;
    c.name += ", gradient";
    cases.push_back(c);
  }
  return withLayouts(cases);
}

Type floats(bool narrow) {
  return narrow ? Type(BFloat16Type::get(&context())) : Type(Float32Type::get(&context()));
}

kernel::LayoutAttr layoutOf(const Case &c, int64_t rank, bool exchanged) {
  return c.weights == Weights::Taps ? nvidia::tapsLayout(&context(), rank, {1, exchanged})
                                    : blockedWeight(&context(), rank, {8, 8, exchanged});
}

RankedTensorType weightType(const Case &c) {
  return RankedTensorType::get(c.weightShape(), floats(c.narrow), layoutOf(c, 5, !c.forward()));
}

/// What has several positions is stored as bfloat16, vectors as f32.
RankedTensorType activationType(const Case &c, std::vector<int64_t> shape) {
  bool isVector = shape[2] * shape[3] * shape[4] == 1;
  return cast<RankedTensorType>(inBlocks(shape).clone(floats(c.narrow && !isVector)));
}

/// Returns the gradient where what was computed of it is positive.
KernelRegion gradientOfReLU(KernelBuilder &k, RankedTensorType type) {
  KernelRegion region(k);
  Value y = region.pixel(type), g = region.pixel(type), scale = region.channel(type.getDimSize(1));
  region.yield(Yield::Value, region.rounded(region.multiplyAdd(region.relu(y), scale, g)));
  return region;
}

OwningOpRef<ModuleOp> convKernel(const Case &c, Fusion fusion) {
  KernelBuilder k;
  Value weight = k.operand(weightType(c));
  RankedTensorType source = activationType(c, c.sourceShape()), result = activationType(c, c.resultShape());
  bool isPlain = fusion == Fusion::None;
  KernelRegion prologue = isPlain ? k.identity(source) : gradientOfReLU(k, source);
  KernelRegion epilogue(k);
  Value sum = epilogue.argument();
  if (isPlain) {
    epilogue.yield(Yield::Store, sum);
  } else {
    Value residual = epilogue.pixel(result), scale = epilogue.channel(c.resultChannels());
    Value value = epilogue.rounded(epilogue.multiplyAdd(residual, scale, sum));
    epilogue.yield(Yield::Store, value);
    epilogue.yield(c.forward() ? Yield::Moments : Yield::Sum, value);
    if (!c.forward())
      epilogue.yield(Yield::Sum, epilogue.multiply(value, scale));
  }
  k.conv(c.direction, weight, c.window(), prologue, epilogue, result);
  return k.finish();
}

std::vector<Tensor> operandsOf(const Case &c, Fusion fusion) {
  // In steps of 1/128 all products and sums are exact, in any order.
  std::vector<Tensor> operands = {coarse(c.weightShape(), 1), coarse(c.sourceShape(), 2)};
  if (fusion == Fusion::None)
    return operands;
  operands.push_back(coarse(c.sourceShape(), 3));
  operands.push_back(random({c.sourceShape()[1]}, 4));
  operands.push_back(coarse(c.resultShape(), 5));
  operands.push_back(random({c.resultChannels()}, 6));
  return operands;
}

OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, const std::optional<VectorTile> &tile) {
  return scheduledAs(kernel, tile, nvidia::vectorSchedule, nvidia::vectorCandidates);
}

/// Returns the merged partials of all blocks: rows of channels.
std::vector<double> merged(const Tensor &partials, const Case &c) {
  return merge(partials.values, partials.shape, c.forward() ? Form::Moments : Form::Sums).values;
}

class Vectors : public ::testing::TestWithParam<Case> {};

} // namespace

TEST_P(Vectors, PlainHasTheReferencesBits) {
  const Case &c = GetParam();
  OwningOpRef<ModuleOp> kernel = convKernel(c, Fusion::None);
  std::vector<Tensor> operands = operandsOf(c, Fusion::None);
  Tensor expected = ReferenceKernel(*kernel).run(operands)[0];
  expectNear(ReferenceKernel(*scheduled(*kernel, c.tile)).run(operands)[0], expected, 0.0);
}

TEST_P(Vectors, PrologueAndEpilogueRide) {
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
        << "channel " << i % c.resultChannels() << ", row " << i / c.resultChannels();
}

INSTANTIATE_TEST_SUITE_P(Cases, Vectors, ::testing::ValuesIn(cases()), caseName);

TEST(VectorMutants, OfAFusedConvAreFound) {
  const Case c = {.name = "fused", .clips = 2, .in = 128, .out = 16, .tile = {{2, 8, 2, 16}}};
  EXPECT_GE(
      expectMutantsFound(*scheduled(*convKernel(c, Fusion::Regions), c.tile), operandsOf(c, Fusion::Regions)),
      3u);
}

TEST(VectorSchedules, AreForAllProcessors) {
  OwningOpRef<ModuleOp> kernel = convKernel({.name = "fc", .clips = 8, .in = 512, .out = 400}, Fusion::None);
  auto op = cast<kernel::ConvOp>(defOf(*kernel).getKernel());
  for (const nvidia::Processor &processor : nvidia::processors)
    EXPECT_FALSE(nvidia::vectorCandidates(op, processor).empty()) << processor.name.str();
}

//===-- Weight gradients --------------------------------------------------===//

namespace {

/// A GradCase is the gradient of a weight, with a tile.
struct GradCase : Case {
  std::optional<VectorWeightGradTile> gradTile = {};
};

const VectorWeightGradTile gradTiles[] = {{8, 4, 3, 2}, {32, 1, 1, 1}};

std::vector<GradCase> gradCases() {
  std::vector<GradCase> cases;
  for (const Case &c : withLayouts({std::begin(shapes), std::end(shapes)})) {
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
  RankedTensorType x = activationType(c, c.inputShape()), dz = activationType(c, c.outputShape());
  bool isPlain = fusion == Fusion::None;
  KernelRegion gradient = isPlain ? k.identity(dz) : gradientOfReLU(k, dz);
  KernelRegion activation = isPlain ? k.identity(x) : k.normalised(x);
  std::vector<int64_t> shape = c.weightShape();
  shape.insert(shape.begin(), ShapedType::kDynamic);
  k.weightGrad(c.window(), gradient, activation,
               RankedTensorType::get(shape, floats(false), layoutOf(c, 6, /*exchanged=*/false)));
  return k.finish();
}

std::vector<Tensor> gradOperandsOf(const Case &c, Fusion fusion) {
  Tensor g = coarse(c.outputShape(), 1), x = coarse(c.inputShape(), 2);
  if (fusion == Fusion::None)
    return {g, x};
  return {g, coarse(c.outputShape(), 3), random({c.out}, 4), x, random({c.in}, 5), random({c.in}, 6)};
}

OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, const std::optional<VectorWeightGradTile> &tile) {
  return scheduledAs(kernel, tile, nvidia::vectorWeightGradSchedule, nvidia::vectorWeightGradCandidates);
}

/// Returns the partials' sum.
Tensor summed(const Tensor &partials) {
  Merged sum = merge(partials.values, partials.shape, Form::Sums);
  return {sum.shape, std::vector<float>(sum.values.begin(), sum.values.end())};
}

class VectorWeightGrad : public ::testing::TestWithParam<GradCase> {
protected:
  void expectNearReference(Fusion fusion, double tolerance) {
    OwningOpRef<ModuleOp> kernel = weightGradKernel(GetParam(), fusion);
    auto operands = gradOperandsOf(GetParam(), fusion);
    Tensor expected = summed(ReferenceKernel(*kernel).run(operands)[0]);
    Tensor found = summed(ReferenceKernel(*scheduled(*kernel, GetParam().gradTile)).run(operands)[0]);
    expectNear(found, expected, tolerance);
  }
};

} // namespace

TEST_P(VectorWeightGrad, PlainHasTheReferencesBits) { expectNearReference(Fusion::None, 0.0); }

TEST_P(VectorWeightGrad, ProloguesRide) { expectNearReference(Fusion::Regions, 1e-6); }

INSTANTIATE_TEST_SUITE_P(Cases, VectorWeightGrad, ::testing::ValuesIn(gradCases()), caseName);
