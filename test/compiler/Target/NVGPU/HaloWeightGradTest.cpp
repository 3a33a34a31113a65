// Weight gradients on tensor cores, in the emulator, against the reference lowering of the same operation.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/DeepenedRings.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/HaloWeightGrad.h"
#include "runtime/Support/Difference.h"

#include <fmt/format.h>

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using nvidia::HaloWeightGradTile;

namespace {

/// A Tile begins with what most cases have in common.
struct Tile {
  shape::Size3 results, taps = {1, 1, 1};
  bool outputRows = true;
  int64_t rows = 64, columns = 24, consumers = 3, producers = 1, chunks = 1, copiers = 1, feedStages = 0,
          boxes = 0;

  operator HaloWeightGradTile() const {
    return {results,   taps,   outputRows, rows,       columns, consumers,
            producers, chunks, copiers,    feedStages, boxes};
  }
};

struct Case : ConvCase {
  std::optional<Tile> tile = {}; // without: the one that is found best
  bool gradientOfFloats = false; // whether one of the gradient's two tensors is in f32
};

const Case tiledCases[] = {
    // The gradient comes as boxes and the activation, between whose planes frames are left out, in rows.
    {{.name = "rows beside boxes",
      .clips = 2,
      .in = 16,
      .out = 64,
      .input = {32, 4, 8},
      .window = {.kernel = {5, 1, 1}, .stride = {8, 1, 1}}},
     Tile{.results = {4, 3, 8}, .taps = {5, 1, 1}, .columns = 16, .copiers = 2, .feedStages = 2}},
    {{.name = "output rows", .clips = 2, .in = 24, .out = 40, .input = {2, 9, 11}, .window = spatial},
     Tile{.results = {1, 5, 11}, .taps = {1, 3, 3}, .chunks = 2}},
    {{.name = "input rows", .clips = 2, .in = 24, .out = 40, .input = {2, 9, 11}, .window = spatial},
     Tile{.results = {2, 9, 4}, .taps = {1, 3, 3}, .outputRows = false, .columns = 40, .chunks = 3}},
    {{.name = "a box of taps each", .in = 16, .out = 24, .input = {1, 8, 9}, .window = spatial},
     Tile{.results = {1, 8, 9},
          .taps = {1, 1, 2},
          .columns = 16,
          .consumers = 2,
          .producers = 2,
          .copiers = 5}},
    {{.name = "two row tiles", .in = 16, .out = 72, .input = {2, 5, 6}, .window = spatial},
     Tile{.results = {1, 5, 6},
          .taps = {1, 3, 1},
          .rows = 128,
          .columns = 8,
          .consumers = 2,
          .chunks = 2,
          .copiers = 2}},
    {{.name = "two blocks of rows", .in = 72, .out = 16, .input = {2, 5, 6}},
     Tile{.results = {1, 5, 6}, .outputRows = false, .columns = 16, .consumers = 2, .chunks = 2}},
    {{.name = "columns that do not fill a tile", .in = 40, .out = 16, .input = {1, 5, 6}},
     Tile{.results = {1, 5, 6}, .consumers = 2}},
    {{.name = "temporal output rows", .in = 24, .out = 45, .input = {5, 3, 7}, .window = temporal},
     Tile{.results = {3, 3, 7}, .taps = {3, 1, 1}}},
    {{.name = "temporal input rows", .clips = 2, .in = 45, .out = 24, .input = {4, 3, 5}, .window = temporal},
     Tile{.results = {4, 1, 5}, .taps = {3, 1, 1}, .outputRows = false, .consumers = 2, .chunks = 4}},
    {{.name = "spatial stride 2 in parts", .in = 16, .out = 45, .input = {2, 11, 14}, .window = spatial2},
     Tile{.results = {1, 3, 4}, .taps = {1, 2, 3}, .outputRows = false, .consumers = 2, .chunks = 3}},
    {{.name = "whole in parts", .clips = 2, .in = 16, .out = 16, .input = {4, 7, 7}, .window = whole},
     Tile{.results = {2, 7, 7}, .taps = {1, 3, 3}, .columns = 16, .chunks = 2}},
    {{.name = "some taps of a stem", .in = 3, .block = 4, .out = 16, .input = {2, 12, 14}, .window = stem},
     Tile{.results = {1, 6, 7}, .taps = {1, 3, 1}, .columns = 32, .chunks = 2}},
    {{.name = "groups, input rows", .in = 96, .out = 48, .groups = 8, .input = {2, 4, 5}, .window = line},
     Tile{.results = {2, 4, 5}, .taps = {1, 1, 3}, .outputRows = false, .columns = 32, .consumers = 2}},
    {{.name = "groups, columns in parts", .in = 88, .out = 88, .groups = 11, .input = {2, 4, 5}},
     Tile{.results = {1, 4, 5}, .columns = 40, .chunks = 2}},
    {{.name = "a gradient of floats",
      .clips = 2,
      .in = 24,
      .out = 40,
      .input = {2, 9, 11},
      .window = spatial},
     Tile{.results = {1, 5, 11}, .taps = {1, 3, 3}, .chunks = 2},
     /*gradientOfFloats=*/true},
};

std::vector<Case> cases() {
  std::vector<Case> cases(std::begin(tiledCases), std::end(tiledCases));
  for (const ConvCase &conv : convCases)
    cases.push_back({conv});
  for (const char *name : {"spatial", "whole stride 2", "stem", "groups of 6"})
    cases.push_back({byTerms(*llvm::find_if(convCases, [&](const ConvCase &c) { return c.name == name; }))});
  for (size_t tiled : {1, 2, 3})
    cases.push_back({byTerms(tiledCases[tiled]), tiledCases[tiled].tile});
  return cases;
}

/// Returns the region of batch norm's gradient: p * g + (q * z + r), rounded.
KernelRegion gradientOfNorm(KernelBuilder &k, const Case &c) {
  KernelRegion region(k);
  RankedTensorType type = c.gradientOfFloats ? inBlocks(c.outputShape()) : c.outputType();
  Value g = region.pixel(type), z = region.pixel(c.outputType());
  Value p = region.channel(c.out), q = region.channel(c.out), r = region.channel(c.out);
  Value ofStatistics = region.multiplyAdd(q, z, r);
  Value gradient = region.multiplyAdd(p, g, ofStatistics);
  region.yield(kernel::Yield::Value, c.terms ? gradient : region.rounded(gradient));
  return region;
}

/// Returns the weight gradient; where regions are fused, of batch norm's gradient by a batch norm with ReLU.
OwningOpRef<ModuleOp> weightGradKernel(const Case &c, Fusion fusion) {
  KernelBuilder k(c.processor);
  bool isPlain = fusion == Fusion::None;
  KernelRegion gradient = isPlain ? k.identity(c.outputType()) : gradientOfNorm(k, c);
  KernelRegion activation = isPlain ? k.identity(c.inputType()) : k.normalised(c.inputType(), c.terms);
  k.weightGrad(c.window, gradient, activation, c.weightPartials(), c.groups, c.terms);
  return k.finish();
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

std::vector<Tensor> operandsOf(const Case &c, Fusion fusion) {
  Tensor g = sixteenths(c.outputShape(), 1), x = sixteenths(c.inputShape(), 2);
  if (c.terms)
    for (auto [tensor, seed] : {std::pair(&g, 1), {&x, 2}})
      *tensor = withRests(tensor->shape, seed);
  if (fusion == Fusion::None)
    return {g, x};
  return {g,
          sixteenths(c.outputShape(), 3),
          factors(c.out, 4),
          factors(c.out, 5),
          sixteenths({c.out}, 6),
          x,
          factors(c.in, 7),
          sixteenths({c.in}, 8)};
}

OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, const std::optional<HaloWeightGradTile> &tile) {
  return scheduledAs(kernel, tile, nvidia::haloWeightGradSchedule, nvidia::haloWeightGradCandidates);
}

/// Returns the partials' sum.
Tensor merged(const Tensor &partials) {
  Merged sum = merge(partials.values, partials.shape, Form::Sums);
  return {sum.shape, std::vector<float>(sum.values.begin(), sum.values.end())};
}

class HaloWeightGrad : public ::testing::TestWithParam<Case> {
protected:
  void expectReferencesBits(Fusion fusion) {
    OwningOpRef<ModuleOp> kernel = weightGradKernel(GetParam(), fusion);
    auto operands = operandsOf(GetParam(), fusion);
    Tensor expected = merged(ReferenceKernel(*kernel).run(operands)[0]);
    // What regions make of numbers has rests of more bits, whose sums depend on their order.
    bool exact = !GetParam().terms || fusion == Fusion::None;
    for (int64_t boxes : {0, 1}) {
      std::optional<Tile> tile = GetParam().tile;
      if (tile)
        tile->boxes = boxes;
      OwningOpRef<ModuleOp> chosen = scheduled(*kernel, tile);
      auto op = cast<kernel::WeightGradOp>(defOf(*chosen).getKernel());
      if (boxes && (!tile || !nvidia::haloWeightGradPlanOf(op).hasBoxes()))
        return; // the same again
      SCOPED_TRACE(fmt::format("boxes = {}", boxes));
      expectNear(merged(ReferenceKernel(*chosen).run(operands)[0]), expected, exact ? 0.0 : 1e-5);
    }
  }
};

} // namespace

TEST_P(HaloWeightGrad, PlainHasTheReferencesBits) { expectReferencesBits(Fusion::None); }

TEST_P(HaloWeightGrad, FusedHasTheReferencesBits) { expectReferencesBits(Fusion::Regions); }

TEST(HaloWeightGradRing, DeepensWithinABlocksMemory) {
  const Case c{
      {.name = "temporal", .clips = 8, .in = 64, .out = 64, .input = {16, 56, 56}, .window = temporal}};
  OwningOpRef<ModuleOp> kernel = scheduled(*weightGradKernel(c, Fusion::Regions), std::nullopt);
  auto op = cast<kernel::WeightGradOp>(defOf(*kernel).getKernel());
  HaloWeightGradTile tile = nvidia::haloWeightGradPlanOf(op).tile;
  tile.feedStages = 0;
  using nvidia::HaloWeightGradPlan;
  HaloWeightGradPlan shallow(op, tile);
  int64_t deepest = 0;
  expectDeepensWithinMemory<HaloWeightGradPlan>(shallow, &HaloWeightGradPlan::deepenRing,
                                                [&](const HaloWeightGradPlan &plan) {
                                                  deepest = std::max(deepest, plan.rawStages());
                                                  ASSERT_GE(plan.rawStages(), shallow.rawStages());
                                                });
  EXPECT_GT(deepest, shallow.rawStages());
}

// Where there are fewer chunks, a chunk has more tiles, and the ring of what is fed more stages.
TEST(HaloWeightGradSearch, FindsWhatFitsWithEveryNumberOfChunks) {
  Case c{{.name = "temporal", .clips = 4, .in = 921, .out = 512, .input = {2, 7, 7}, .window = temporal}};
  c.processor = "sm_80";
  KernelBuilder k(c.processor);
  KernelRegion gradient = k.identity(c.outputType()), activation = k.normalised(c.inputType(), c.terms);
  k.weightGrad(c.window, gradient, activation, c.weightPartials(), c.groups, c.terms);
  OwningOpRef<ModuleOp> kernel = k.finish();
  auto op = cast<kernel::WeightGradOp>(defOf(*kernel).getKernel());
  const nvidia::Processor processor = *nvidia::processorNamed(c.processor);
  const auto candidates = nvidia::haloWeightGradCandidates(op, processor);
  ASSERT_FALSE(candidates.empty());
  for (const Candidate &candidate : candidates) {
    op.setScheduleAttr(candidate.schedule);
    EXPECT_TRUE(nvidia::haloWeightGradPlanOf(op).fits(processor));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, HaloWeightGrad, ::testing::ValuesIn(cases()), caseName);

/// Some of the cases for the products of warps.
static constexpr const char *withWarps[] = {"output rows",
                                            "two row tiles",
                                            "spatial stride 2 in parts",
                                            "whole in parts",
                                            "some taps of a stem",
                                            "groups, columns in parts",
                                            "a gradient of floats",
                                            "odd channels",
                                            "stem",
                                            "whole stride 2, by terms"};

INSTANTIATE_TEST_SUITE_P(WithWarps, HaloWeightGrad, ::testing::ValuesIn(casesOn("sm_80", cases(), withWarps)),
                         caseName);
/// Returns the others, but for those whose tiles take more registers than the products of warps leave.
static std::vector<Case> othersWithWarps() {
  std::vector<Case> others = casesOn("sm_80", cases(), withWarps, /*others=*/true);
  llvm::erase_if(others, [](const Case &c) { return StringRef(c.name).starts_with("input rows"); });
  return others;
}

/// Likewise where sums lie in tensor memory.
static constexpr const char *inTensorMemory[] = {"two row tiles", "groups, columns in parts", "stem",
                                                 "whole stride 2, by terms"};

INSTANTIATE_TEST_SUITE_P(InTensorMemory, HaloWeightGrad,
                         ::testing::ValuesIn(casesOn("sm_100a", cases(), inTensorMemory)), caseName);
INSTANTIATE_TEST_SUITE_P(OthersInTensorMemory, HaloWeightGrad,
                         ::testing::ValuesIn(casesOn("sm_100a", cases(), inTensorMemory, /*others=*/true)),
                         caseName);
INSTANTIATE_TEST_SUITE_P(OthersWithWarps, HaloWeightGrad, ::testing::ValuesIn(othersWithWarps()), caseName);

static size_t mutantsFound(const Case &c, Fusion fusion) {
  return expectMutantsFound(*scheduled(*weightGradKernel(c, fusion), c.tile), operandsOf(c, fusion));
}

// Four tiles of positions and more, so that each of the two stages comes round, and positions for each warp
// that stages, or each thread that copies.

TEST(HaloWeightGradMutants, OfAPlainOneAreFound) {
  const Case c = {{.name = "plain", .in = 16, .out = 64, .input = {1, 8, 6}, .window = spatial},
                  Tile{.results = {1, 2, 6}, .taps = {1, 1, 3}, .columns = 16, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::None), 20u);
}

TEST(HaloWeightGradMutants, OfTwoWarpsThatCopyAreFound) {
  const Case c = {
      {.name = "two", .in = 64, .out = 64, .input = {1, 8, 6}, .window = spatial},
      Tile{.results = {1, 2, 6}, .taps = {1, 1, 3}, .columns = 64, .copiers = 2, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::Regions), 20u);
}

TEST(HaloWeightGradMutants, OfBoxesAreFound) {
  const Case c = {{.name = "boxes", .clips = 2, .in = 16, .out = 64, .input = {1, 8, 6}, .window = spatial},
                  Tile{.results = {1, 2, 6}, .taps = {1, 1, 3}, .columns = 16, .feedStages = 2, .boxes = 1}};
  EXPECT_GE(mutantsFound(c, Fusion::None), 20u);
}

TEST(HaloWeightGradMutants, OfBoxesWithProloguesAreFound) {
  const Case c = {{.name = "strided", .in = 64, .out = 16, .input = {1, 16, 10}, .window = spatial2},
                  Tile{.results = {1, 2, 5},
                       .taps = {1, 1, 3},
                       .outputRows = false,
                       .columns = 16,
                       .copiers = 2,
                       .feedStages = 2,
                       .boxes = 1}};
  EXPECT_GE(mutantsFound(c, Fusion::Regions), 20u);
}

TEST(HaloWeightGradMutants, OfAFusedStridedOneAreFound) {
  const Case c = {
      {.name = "strided", .in = 64, .out = 16, .input = {1, 16, 10}, .window = spatial2},
      Tile{.results = {1, 2, 5}, .taps = {1, 1, 3}, .outputRows = false, .columns = 16, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::Regions), 20u);
}

TEST(HaloWeightGradMutants, OfAPlainOneByWarpsAreFound) {
  const Case c = {{.name = "plain", .in = 32, .out = 64, .input = {1, 16, 6}, .window = spatial},
                  Tile{.results = {1, 4, 6}, .taps = {1, 1, 3}, .columns = 32, .consumers = 2, .copiers = 4}};
  EXPECT_GE(mutantsFound(on("sm_80", c), Fusion::None), 20u);
}

TEST(HaloWeightGradMutants, OfAPlainOneInTensorMemoryAreFound) {
  const Case c = {{.name = "plain", .in = 32, .out = 128, .input = {1, 16, 6}, .window = spatial},
                  Tile{.results = {1, 4, 6}, .taps = {1, 1, 3}, .columns = 32, .consumers = 2}};
  EXPECT_GE(mutantsFound(on("sm_100a", c), Fusion::None), 20u);
}

TEST(HaloWeightGradMutants, OfAFusedOneByWarpsAreFound) {
  const Case c = {{.name = "strided", .in = 64, .out = 32, .input = {1, 16, 20}, .window = spatial2},
                  Tile{.results = {1, 2, 10},
                       .taps = {1, 1, 3},
                       .outputRows = false,
                       .columns = 32,
                       .consumers = 2,
                       .copiers = 2,
                       .feedStages = 2}};
  EXPECT_GE(mutantsFound(on("sm_80", c), Fusion::Regions), 20u);
}

TEST(HaloWeightGradMutants, OfAStemsAreFound) {
  const Case c = {{.name = "stem", .in = 3, .block = 4, .out = 64, .input = {1, 24, 12}, .window = stem},
                  Tile{.results = {1, 2, 6}, .taps = {1, 7, 1}, .columns = 32, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::None), 20u);
}

TEST(HaloWeightGradMutants, OfFloatsAreFound) {
  const Case c = {
      {.name = "floats", .in = 16, .floats = true, .out = 64, .input = {1, 8, 6}, .window = spatial},
      Tile{.results = {1, 2, 6}, .taps = {1, 1, 3}, .columns = 16, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::Regions), 20u);
}

TEST(HaloWeightGradMutants, OfOneByTermsAreFound) {
  const Case c = {
      {.name = "terms", .in = 16, .out = 64, .input = {1, 8, 6}, .window = spatial, .terms = true},
      Tile{.results = {1, 2, 6}, .taps = {1, 1, 3}, .columns = 16, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::None), 25u);
}

TEST(HaloWeightGradMutants, OfATemporalOneAreFound) {
  const Case c = {{.name = "temporal", .in = 16, .out = 64, .input = {8, 6, 6}, .window = temporal},
                  Tile{.results = {2, 6, 6}, .taps = {3, 1, 1}, .columns = 16, .feedStages = 2}};
  EXPECT_GE(mutantsFound(c, Fusion::Regions), 20u);
}
