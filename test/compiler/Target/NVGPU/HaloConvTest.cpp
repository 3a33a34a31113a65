// Convs on tensor cores, in the emulator, against the reference lowering of the same operation.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/MutantCheck.h"

#include "compiler/Target/NVGPU/HaloConv.h"
#include "runtime/Support/Difference.h"
#include "test/compiler/Target/NVGPU/ReferenceBackend.h"

#include <fmt/format.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::Yield;
using nvidia::HaloTile;

namespace {

/// A Case is a conv or the gradient of its input.
struct Case : ConvCase {
  kernel::Direction direction = kernel::Direction::Forward;
  bool addsFloats = false; // whether the residual is in f32

  bool forward() const { return direction == kernel::Direction::Forward; }
  std::vector<int64_t> sourceShape() const { return forward() ? inputShape() : outputShape(); }
  std::vector<int64_t> resultShape() const { return forward() ? outputShape() : inputShape(); }
  RankedTensorType residualType() const {
    return addsFloats ? inBlocks(resultShape()) : activation(resultShape());
  }
  /// Returns what sums in another order may do to a result: it may be rounded the other way.
  double unit() const { return terms ? 1e-5 : 1.0 / 256; }
};

const ConvCase gradients[] = {
    {.name = "gradient", .in = 24, .out = 40, .input = {2, 9, 11}, .window = spatial},
    {.name = "gradient stride 2", .in = 24, .out = 40, .input = {2, 9, 12}, .window = spatial2},
    {.name = "temporal gradient stride 2", .in = 16, .out = 24, .input = {7, 4, 5}, .window = temporal2},
    // Some phases have no taps: what is contracted for them does not count.
    {.name = "shortcut's gradient",
     .clips = 2,
     .in = 24,
     .out = 280,
     .input = {2, 5, 6},
     .window = strided(point, {2, 2, 2})},
    {.name = "whole gradient", .in = 16, .out = 21, .input = {5, 6, 6}, .window = whole2},
    {.name = "gradient in groups", .in = 64, .out = 64, .groups = 16, .input = {2, 5, 6}, .window = whole2},
    {.name = "gradient in large groups",
     .in = 64,
     .out = 96,
     .groups = 2,
     .input = {2, 5, 6},
     .window = line},
};

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const ConvCase &conv : convCases)
    cases.push_back({conv});
  for (const ConvCase &conv : gradients)
    cases.push_back({conv, kernel::Direction::Transposed});
  for (const char *name : {"temporal stride 2", "odd channels", "stem", "stem stride 1", "groups of 4 to 8"})
    cases.push_back({byTerms(*llvm::find_if(convCases, [&](const ConvCase &c) { return c.name == name; }))});
  for (size_t gradient : {1, 4, 5})
    cases.push_back({byTerms(gradients[gradient]), kernel::Direction::Transposed});
  // A pool's gradient, to which a conv adds its own, is in f32.
  cases.push_back({{.name = "gradient beside a pool's", .in = 45, .out = 24, .input = {2, 5, 7}},
                   kernel::Direction::Transposed,
                   /*addsFloats=*/true});
  cases.push_back({{.name = "stride 2 that adds floats",
                    .clips = 2,
                    .in = 24,
                    .out = 21,
                    .input = {2, 9, 12},
                    .window = spatial2},
                   kernel::Direction::Forward,
                   /*addsFloats=*/true});
  return cases;
}

/// Adds a residual to what the conv makes; yields moments (forward) or sums too.
void emitFusedEpilogue(KernelRegion &region, const Case &c) {
  Value sum = region.argument(), residual = region.pixel(c.residualType());
  Value scale = region.channel(c.resultShape()[1]);
  Value result = region.multiplyAdd(residual, scale, sum);
  if (!c.terms)
    result = region.rounded(result);
  region.yield(Yield::Store, result);
  region.yield(c.forward() ? Yield::Moments : Yield::Sum, result);
  if (!c.forward())
    region.yield(Yield::Sum, region.multiply(result, scale));
}

/// Yields the mean plus an operand and the variance or, of sums, the same of the first and the second.
void emitMerge(KernelRegion &region, const Case &c) {
  Value first = region.argument(), second = region.argument(), added = region.channel(c.resultShape()[1]);
  region.yield(Yield::Value, region.add(first, added));
  region.yield(Yield::Value, second);
}

/// Returns the conv; where regions are fused, batch norm and ReLU come before it.
OwningOpRef<ModuleOp> convKernel(const Case &c, Fusion fusion) {
  KernelBuilder k(c.processor);
  RankedTensorType source = c.forward() ? c.inputType() : c.outputType();
  Value weight = k.operand(c.weightType(/*exchanged=*/!c.forward()));
  KernelRegion prologue = fusion == Fusion::None ? k.identity(source) : k.normalised(source, c.terms);
  KernelRegion epilogue(k);
  if (fusion == Fusion::None)
    epilogue.yield(Yield::Store, epilogue.argument());
  else
    emitFusedEpilogue(epilogue, c);
  k.conv(c.direction, weight, c.window, prologue, epilogue, c.activation(c.resultShape()), c.groups, c.terms);
  if (fusion == Fusion::Merge) {
    KernelRegion merge(k);
    emitMerge(merge, c);
    k.merge(merge);
  }
  return k.finish();
}

std::vector<Tensor> operandsOf(const Case &c, Fusion fusion) {
  int64_t in = c.sourceShape()[1], out = c.resultShape()[1];
  // In steps of 1/128 all products and sums are exact, in any order.
  std::vector<Tensor> operands = {coarse(c.wideWeightShape(), 1), coarse(c.sourceShape(), 2)};
  if (c.terms)
    operands = {termsOf(c.wideWeightShape(), 1), withRests(c.sourceShape(), 2)};
  if (fusion != Fusion::None)
    llvm::append_range(operands, std::vector{random({in}, 3), random({in}, 4), coarse(c.resultShape(), 5),
                                             random({out}, 6)});
  if (fusion == Fusion::Merge)
    llvm::append_range(operands, std::vector{random({out}, 7), filled({KernelBuilder::counters}, 0)});
  return operands;
}

/// Returns the kernel with the schedule of tensor cores; by default, with the tile that is found best.
OwningOpRef<ModuleOp> scheduled(ModuleOp kernel, std::optional<HaloTile> tile = {}) {
  return scheduledAs(kernel, tile, nvidia::haloSchedule, nvidia::haloCandidates);
}

/// Returns the kernel with smaller tiles, of which two blocks share those of the same channels, and with two
/// warpgroups that stage the source, and so many warps that copy: two bring boxes where they can, one brings
/// rows. In a cluster of two, these blocks share the copies of weights as well, where their tiles allow it.
/// Consumers may take turns, with weights that stay or, in a ring of four stages, not. What the epilogue
/// reads comes as boxes where the source does, to as few stages as may be or, with turns, to one more.
OwningOpRef<ModuleOp> walked(ModuleOp kernel, int64_t cluster, int64_t copiers, bool turns) {
  OwningOpRef<ModuleOp> best = scheduled(kernel);
  auto conv = cast<kernel::ConvOp>(defOf(*best).getKernel());
  HaloTile tile = nvidia::haloPlanOf(conv).tile;
  const shape::Size3 most = {2, 3, 4};
  for (int axis = 0; axis < 3; ++axis)
    tile.results[axis] = std::min(tile.results[axis], most[axis]);
  tile.blocks = 2 * nvidia::HaloPlan(conv, tile).channelTiles();
  // Of two terms, the products of warps leave no registers for another producing warpgroup.
  bool byWarps = nvidia::tensorCoresOf(conv) == nvidia::TensorCores::Warps;
  tile.producers = byWarps && conv.getBf16x3() ? 1 : 2;
  tile.copiers = copiers;
  tile.boxes = copiers == 2;
  tile.boxes = nvidia::HaloPlan(conv, tile).feed().boxes();
  tile.cluster = byWarps ? 1 : cluster;
  tile.turns = !byWarps && turns;
  if (copiers == 1)
    tile.weightStages = nvidia::fewestWeightStages;
  tile.epilogueStages = 0;
  if (nvidia::HaloPlan plan(conv, tile); plan.mayFeedEpilogue())
    tile.epilogueStages = plan.fewestEpilogueStages() + (turns ? 1 : 0);
  if (!nvidia::HaloPlan(conv, tile).clustersMatch())
    tile.cluster = 1;
  return scheduled(kernel, tile);
}

/// Returns the merged partials of all blocks: rows of channels.
std::vector<double> merged(const Tensor &partials, const Case &c) {
  return merge(partials.values, partials.shape, c.forward() ? Form::Moments : Form::Sums).values;
}

/// Expects that the kernel, whose regions are fused, computes what it does without its schedule.
void expectAsReference(const Case &c, ModuleOp kernel, ModuleOp scheduled) {
  std::vector<Tensor> operands = operandsOf(c, Fusion::Regions);
  auto expected = ReferenceKernel(kernel).run(operands), found = ReferenceKernel(scheduled).run(operands);
  double unit = c.unit();
  expectNear(found[0], expected[0], unit);
  auto wanted = merged(expected[1], c), is = merged(found[1], c);
  int64_t channels = c.resultShape()[1];
  for (size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(is[i], wanted[i], unit * (1 + std::abs(wanted[i])))
        << "channel " << i % channels << ", row " << i / channels;
}

class HaloConv : public ::testing::TestWithParam<Case> {};

} // namespace

TEST_P(HaloConv, PlainHasTheReferencesBits) {
  OwningOpRef<ModuleOp> kernel = convKernel(GetParam(), Fusion::None);
  std::vector<Tensor> operands = operandsOf(GetParam(), Fusion::None);
  Tensor expected = ReferenceKernel(*kernel).run(operands)[0];
  expectNear(ReferenceKernel(*scheduled(*kernel)).run(operands)[0], expected, 0.0);
  for (int64_t cluster : {1, 2})
    expectNear(
        ReferenceKernel(*walked(*kernel, cluster, 3 - cluster, /*turns=*/cluster == 1)).run(operands)[0],
        expected, 0.0);
}

TEST_P(HaloConv, PrologueAndEpilogueRide) {
  OwningOpRef<ModuleOp> kernel = convKernel(GetParam(), Fusion::Regions);
  for (int64_t cluster : {0, 1, 2})
    expectAsReference(GetParam(), *kernel,
                      cluster ? *walked(*kernel, cluster, cluster, /*turns=*/cluster == 2)
                              : *scheduled(*kernel));
}

TEST_P(HaloConv, LastBlockMerges) {
  const Case &c = GetParam();
  std::vector<Tensor> operands = operandsOf(c, Fusion::Merge);
  const Tensor &added = operands[6];
  OwningOpRef<ModuleOp> kernel = convKernel(c, Fusion::Merge);
  auto results =
      ReferenceKernel(*walked(*kernel, /*cluster=*/2, /*copiers=*/1, /*turns=*/true)).run(operands);
  ASSERT_EQ(results.size(), 4u);
  auto all = merged(results[1], c);
  int64_t channels = c.resultShape()[1];
  for (int64_t channel = 0; channel < channels; ++channel) {
    auto row = [&](int64_t number) { return all[number * channels + channel]; };
    double first = c.forward() ? row(1) : row(0), second = c.forward() ? row(2) / row(0) : row(1);
    double reach = 1e-6 * (1 + std::abs(first) + std::abs(second));
    EXPECT_NEAR(results[2].values[channel], first + added.values[channel], reach) << "channel " << channel;
    EXPECT_NEAR(results[3].values[channel], second, reach) << "channel " << channel;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, HaloConv, ::testing::ValuesIn(cases()), caseName);

/// Some of the cases for the products of warps: of each kind of feed and of each way through the taps one.
static constexpr const char *withWarps[] = {
    "temporal stride 2",   "odd channels",           "stem",
    "floats, stride 1",    "groups of 4 to 8",       "gradient stride 2",
    "shortcut's gradient", "odd channels, by terms", "gradient beside a pool's"};

INSTANTIATE_TEST_SUITE_P(WithWarps, HaloConv, ::testing::ValuesIn(casesOn("sm_80", cases(), withWarps)),
                         caseName);
INSTANTIATE_TEST_SUITE_P(OthersWithWarps, HaloConv,
                         ::testing::ValuesIn(casesOn("sm_80", cases(), withWarps, /*others=*/true)),
                         caseName);

/// Likewise where sums lie in tensor memory.
static constexpr const char *inTensorMemory[] = {"temporal stride 2", "stem", "gradient stride 2",
                                                 "odd channels, by terms"};

INSTANTIATE_TEST_SUITE_P(InTensorMemory, HaloConv,
                         ::testing::ValuesIn(casesOn("sm_100a", cases(), inTensorMemory)), caseName);
INSTANTIATE_TEST_SUITE_P(OthersInTensorMemory, HaloConv,
                         ::testing::ValuesIn(casesOn("sm_100a", cases(), inTensorMemory, /*others=*/true)),
                         caseName);

TEST(HaloConvTiles, RowsMayBeFrames) {
  for (const shape::Window &window : {spatial, whole})
    for (auto direction : {kernel::Direction::Forward, kernel::Direction::Transposed})
      for (int64_t frames : {2, 3}) {
        const Case c = {{.name = "frames", .in = 40, .out = 24, .input = {5, 7, 7}, .window = window},
                        direction};
        HaloTile tile = {.results = {frames, 7, 7}, .channels = c.resultShape()[1], .depth = 16, .blocks = 2};
        OwningOpRef<ModuleOp> kernel = convKernel(c, Fusion::Regions);
        OwningOpRef<ModuleOp> framed = scheduled(*kernel, tile);
        EXPECT_TRUE(nvidia::haloPlanOf(cast<kernel::ConvOp>(defOf(*framed).getKernel())).rowsAreFrames());
        expectAsReference(c, *kernel, *framed);
      }
}

TEST(HaloConvTiles, HaveWholeGroupsOrPartsOfOne) {
  // The groups are of 16 channels, four of 4 each, or of 64.
  for (auto direction : {kernel::Direction::Forward, kernel::Direction::Transposed})
    for (auto [groups, channels, depth] : {std::array<int64_t, 3>{32, 64, 64},
                                           {32, 32, 32},
                                           {32, 16, 16},
                                           {2, 32, 16},
                                           {2, 64, 64},
                                           {2, 128, 128}}) {
      const Case c = {
          {.name = "groups", .in = 128, .out = 128, .groups = groups, .input = {2, 5, 6}, .window = spatial},
          direction};
      SCOPED_TRACE(fmt::format("{} groups, tiles of {} channels", groups, channels));
      HaloTile tile = {.results = {1, 5, 3},
                       .channels = channels,
                       .depth = depth,
                       .blocks = 2 * 128 / channels,
                       .cluster = 2};
      OwningOpRef<ModuleOp> kernel = convKernel(c, Fusion::None);
      std::vector<Tensor> operands = operandsOf(c, Fusion::None);
      expectNear(ReferenceKernel(*scheduled(*kernel, tile)).run(operands)[0],
                 ReferenceKernel(*kernel).run(operands)[0], 0.0);
    }
}

namespace {

/// Bytes between the blocks of a launch and L2: of the source and the weights, and of the results.
struct Traffic {
  double brought, stored;
};

/// Returns the whole sectors that the emulator counts.
Traffic countedTraffic(ModuleOp kernel, const std::vector<Tensor> &operands) {
  constexpr double sectorBytes = 32;
  emulator::Profile profile;
  profileOfKernels = &profile;
  ReferenceKernel(kernel).run(operands);
  profileOfKernels = nullptr;
  auto bytesOf = [&](int buffer) {
    return profile.ofBuffer(buffer).sectors * sectorBytes / CompiledKernel::attempts;
  };
  return {bytesOf(0) + bytesOf(1), bytesOf(2)};
}

Traffic predictedTraffic(ModuleOp kernel) {
  auto op = cast<kernel::ConvOp>(defOf(kernel).getKernel());
  nvidia::Work work = nvidia::workOfHalo(op, nvidia::processorNamed(hopper)->rates);
  double tiles = nvidia::haloPlanOf(op).tiles(); // blocks may have one less than the model counts for each
  double brought = work.source.bytes + work.weights.bytes / nvidia::haloPlanOf(op).tile.cluster;
  return {tiles * brought, tiles * (work.cached - brought)};
}

} // namespace

// The model of time may be off by this share of a kernel's sectors. It counts the whole halo of each tile,
// and the emulator only what there is of it. A sector that two warps write a half of each, the emulator
// counts twice.
TEST(HaloConvTraffic, TheModelsSectorsAreTheEmulators) {
  constexpr double share = 0.2;
  const Case convs[] = {
      {{.name = "spatial", .in = 64, .out = 64, .input = {2, 28, 28}, .window = spatial}},
      {{.name = "temporal", .in = 64, .out = 64, .input = {8, 14, 14}, .window = temporal}},
      {{.name = "strided", .in = 32, .out = 64, .input = {2, 28, 28}, .window = spatial2}},
      {{.name = "shortcut", .in = 32, .out = 64, .input = {4, 28, 28}, .window = point2}},
      {{.name = "stem", .in = 3, .block = 4, .out = 24, .input = {2, 56, 56}, .window = stem}},
      {{.name = "gradient", .in = 64, .out = 32, .input = {2, 28, 28}, .window = spatial},
       kernel::Direction::Transposed}};
  for (const Case &c : convs) {
    OwningOpRef<ModuleOp> kernel = scheduled(*convKernel(c, Fusion::None));
    Traffic counted = countedTraffic(*kernel, operandsOf(c, Fusion::None)),
            predicted = predictedTraffic(*kernel);
    fmt::print(
        "{}: brought {:.0f} by the model and {:.0f} by the emulator ({:.2f}), stored {:.0f} and {:.0f} "
        "({:.2f})\n",
        c.name, predicted.brought, counted.brought, predicted.brought / counted.brought, predicted.stored,
        counted.stored, predicted.stored / counted.stored);
    EXPECT_NEAR(predicted.brought / counted.brought, 1, share) << c.name;
    EXPECT_NEAR(predicted.stored / counted.stored, 1, share) << c.name;
  }
}

namespace {

const Case plainConv = {{.name = "plain", .in = 96, .out = 16, .input = {1, 14, 14}, .window = line}};
/// This tile has few channels a stage, so that the rings of stages come round, and one block for all tiles.
constexpr HaloTile fewChannels = {
    .results = {1, 14, 7}, .channels = 16, .depth = 16, .blocks = 1, .feedStages = 2, .weightStages = 4};

size_t mutantsFound(const Case &c, Fusion fusion, const HaloTile &tile,
                    llvm::function_ref<bool(StringRef)> concerns = {}) {
  return expectMutantsFound(*scheduled(*convKernel(c, fusion), tile), operandsOf(c, fusion), concerns);
}

} // namespace

TEST(HaloConvMutants, OfAPlainConvAreFound) {
  EXPECT_GE(mutantsFound(plainConv, Fusion::None, fewChannels), 30u);
}

TEST(HaloConvMutants, OfTwoWarpsThatCopyAreFound) {
  HaloTile apart = fewChannels;
  apart.copiers = 2;
  EXPECT_GE(mutantsFound(plainConv, Fusion::None, apart), 30u);
}

TEST(HaloConvMutants, OfBoxesAreFound) {
  HaloTile tile = fewChannels;
  tile.copiers = 3; // of which one begins the boxes
  tile.boxes = 1;
  EXPECT_GE(mutantsFound(plainConv, Fusion::None, tile), 30u);
}

TEST(HaloConvMutants, OfBoxesWithAPrologueAreFound) {
  const Case c = {
      {.name = "strided", .clips = 2, .in = 96, .out = 16, .input = {2, 14, 14}, .window = spatial2}};
  HaloTile tile = fewChannels;
  tile.results = {1, 4, 4};
  tile.copiers = 2;
  tile.boxes = 1;
  // Most warps have no results of so small a tile, and their sums, which others load, are all zero.
  auto isNoSum = [](StringRef mutant) { return !mutant.ends_with("!llvm.ptr<3> -> f32"); };
  EXPECT_GE(mutantsFound(c, Fusion::Regions, tile, isNoSum), 40u);
}

namespace {
/// Of three tiles, one consumer has two.
const Case inTurns = {{.name = "turns", .in = 32, .out = 16, .input = {1, 14, 21}, .window = line}};

HaloTile tileOfTurns() {
  HaloTile tile = fewChannels;
  tile.turns = 1;
  return tile;
}

/// The turns themselves change nothing but the time: without them, consumers contract at the same time.
bool isNoTurn(StringRef mutant) {
  return !mutant.contains("waits until the other consumer has had its turn") &&
         !mutant.contains("counts the turns of a consumer");
}
} // namespace

TEST(HaloConvMutants, OfTurnsAreFound) {
  EXPECT_GE(mutantsFound(plainConv, Fusion::None, tileOfTurns(), isNoTurn), 30u);
  EXPECT_GE(mutantsFound(inTurns, Fusion::Regions, tileOfTurns(), isNoTurn), 40u);
}

// Of three tiles, each with two parts of what the epilogue reads, one consumer has two.
TEST(HaloConvMutants, OfAnEpilogueThatBoxesFeedAreFound) {
  const Case c = {{.name = "fed", .in = 16, .out = 128, .input = {4, 4, 12}, .window = temporal}};
  HaloTile tile = fewChannels;
  tile.results = {4, 4, 4};
  tile.channels = 128;
  tile.copiers = 2;
  tile.boxes = tile.turns = 1;
  tile.epilogueStages = 4;
  OwningOpRef<ModuleOp> kernel = scheduled(*convKernel(c, Fusion::Regions), tile);
  EXPECT_EQ(nvidia::haloPlanOf(cast<kernel::ConvOp>(defOf(*kernel).getKernel())).epilogueFeed().parts(), 2);
  expectAsReference(c, *convKernel(c, Fusion::Regions), *kernel);
  HaloTile inStep = tile;
  inStep.turns = 0;
  inStep.epilogueStages = 2;
  expectAsReference(c, *convKernel(c, Fusion::Regions), *scheduled(*convKernel(c, Fusion::Regions), inStep));
  // The emulator ends each load before it goes on, so that none is ever behind the fence.
  auto concerns = [](StringRef mutant) {
    return mutant.contains("what the epilogue reads") || mutant.contains("mbarrier.arrive.expect_tx");
  };
  EXPECT_GE(mutantsFound(c, Fusion::Regions, tile, concerns), 4u);
}

namespace {
const Case inCluster = {{.name = "cluster", .in = 96, .out = 16, .input = {1, 14, 28}, .window = line}};
constexpr HaloTile tileOfCluster = {.results = {1, 14, 7},
                                    .channels = 16,
                                    .depth = 16,
                                    .blocks = 2,
                                    .cluster = 2,
                                    .feedStages = 2,
                                    .weightStages = 4};
} // namespace

TEST(HaloConvMutants, OfAClusterAreFound) {
  EXPECT_GE(mutantsFound(inCluster, Fusion::None, tileOfCluster), 35u);
}

TEST(HaloConvMutants, OfSeveralWarpsThatCopyTheSourceAreFound) {
  HaloTile tile = fewChannels;
  tile.producers = 2;
  tile.copiers = 5;
  EXPECT_GE(mutantsFound(plainConv, Fusion::None, tile), 30u);
}

// Each block of the cluster brings two blocks of contracted channels by one copy.
TEST(HaloConvMutants, OfAClusterWithCopiesOfSeveralBlocksAreFound) {
  HaloTile tile = tileOfCluster;
  tile.depth = 32;
  tile.copiers = 2;
  EXPECT_GE(mutantsFound(inCluster, Fusion::None, tile), 30u);
}

TEST(HaloConvMutants, OfAPlainConvByWarpsAreFound) {
  HaloTile tile = fewChannels;
  tile.copiers = 4; // nothing is left to stage
  // A thread arrives for weights when all its copies before have come, and those of the source go before.
  auto isNotImplied = [](StringRef mutant) {
    return !mutant.starts_with(
        "drop nvvm.mbarrier.try_wait.parity at loc(\"waits until a stage of the source is "
        "full\")");
  };
  EXPECT_GE(mutantsFound(on("sm_80", plainConv), Fusion::None, tile, isNotImplied), 30u);
}

TEST(HaloConvMutants, OfAPlainConvInTensorMemoryAreFound) {
  EXPECT_GE(mutantsFound(on("sm_100a", plainConv), Fusion::None, fewChannels), 30u);
}

TEST(HaloConvMutantsInTensorMemory, OfAClusterAreFound) {
  // In the emulator, arrivals of a thread's products come in their order, so that none is left at the end.
  auto isNoDrain = [](StringRef mutant) { return !mutant.contains("is read for the last time"); };
  EXPECT_GE(mutantsFound(on("sm_100a", inCluster), Fusion::None, tileOfCluster, isNoDrain), 35u);
}

TEST(HaloConvMutantsInTensorMemory, OfTurnsAreFound) {
  const Case c = on("sm_100a", inTurns);
  OwningOpRef<ModuleOp> kernel = scheduled(*convKernel(c, Fusion::Regions), tileOfTurns());
  EXPECT_TRUE(nvidia::haloPlanOf(cast<kernel::ConvOp>(defOf(*kernel).getKernel())).sumsPlan().joins);
  // At sums by channel the same threads meet.
  auto isNotImplied = [](StringRef mutant) {
    return isNoTurn(mutant) && !mutant.starts_with("drop nvvm.barrier");
  };
  EXPECT_GE(mutantsFound(c, Fusion::Regions, tileOfTurns(), isNotImplied), 40u);
}

namespace {
const Case fusedGradient = {{.name = "fused",
                             .clips = 2,
                             .in = 16,
                             .out = 96,
                             .input = {1, 14, 14},
                             .window = {.kernel = {1, 1, 3}, .stride = {1, 1, 2}, .padHigh = {0, 0, 1}}},
                            kernel::Direction::Transposed};
bool isBarrier(StringRef mutant) { return mutant.starts_with("drop nvvm.barrier"); }
} // namespace

TEST(HaloConvMutants, OfAFusedGradientByWarpsAreFound) {
  HaloTile tile = fewChannels;
  tile.copiers = 2;
  // The rings come round within a tile, which orders the sums of two tiles as barriers do.
  auto isNoBarrier = [](StringRef mutant) { return !isBarrier(mutant); };
  EXPECT_GE(mutantsFound(on("sm_80", fusedGradient), Fusion::Regions, tile, isNoBarrier), 30u);
}

TEST(HaloConvMutants, OfBarriersByWarpsAreFound) {
  HaloTile tile = fewChannels;
  tile.copiers = 2;
  tile.depth = 48; // no ring comes round within a tile
  mutantsFound(on("sm_80", fusedGradient), Fusion::Regions, tile, isBarrier);
}

TEST(HaloConvMutants, ADeadlockIsNamed) {
  std::string complaint = complaintOfMutant(*scheduled(*convKernel(plainConv, Fusion::None), fewChannels),
                                            operandsOf(plainConv, Fusion::None), "drop nvvm.mbarrier.arrive");
  EXPECT_NE(complaint.find("no thread can go on"), std::string::npos) << complaint;
  EXPECT_NE(complaint.find("waits until a stage of the "), std::string::npos) << complaint;
}

TEST(HaloConvMutants, OfAFusedGradientAreFound) {
  const Case c = {{.name = "fused",
                   .in = 16,
                   .out = 96,
                   .input = {1, 14, 14},
                   .window = {.kernel = {1, 1, 3}, .stride = {1, 1, 2}, .padHigh = {0, 0, 1}}},
                  kernel::Direction::Transposed};
  EXPECT_GE(mutantsFound(c, Fusion::Regions, fewChannels), 30u);
}

TEST(HaloConvMutants, OfPhasesWithoutTapsAreFound) {
  // Rows have three taps; every other column has none.
  constexpr shape::Window rows = {
      .kernel = {1, 3, 1}, .stride = {1, 1, 2}, .padLow = {0, 1, 0}, .padHigh = {0, 1, 0}};
  const Case c = {{.name = "rows", .in = 16, .out = 96, .input = {1, 14, 14}, .window = rows},
                  kernel::Direction::Transposed};
  EXPECT_GE(mutantsFound(c, Fusion::None, fewChannels), 30u);
}

TEST(HaloConvMutants, OfAStemAreFound) {
  // Nine rows of taps, so that the ring of weights comes round.
  const shape::Window nineRows = {
      .kernel = {1, 9, 7}, .stride = {1, 2, 2}, .padLow = {0, 4, 3}, .padHigh = {0, 4, 3}};
  const Case c = {{.name = "stem", .in = 3, .block = 4, .out = 16, .input = {1, 12, 14}, .window = nineRows}};
  EXPECT_GE(mutantsFound(c, Fusion::None,
                         {.results = {1, 6, 6},
                          .channels = 16,
                          .depth = 32,
                          .blocks = 1,
                          .feedStages = 2,
                          .weightStages = 4}),
            20u);
}

TEST(HaloConvMutants, OfAConvOfFloatsAreFound) {
  const Case c = {
      {.name = "floats", .in = 48, .floats = true, .out = 16, .input = {1, 14, 14}, .window = line}};
  EXPECT_GE(mutantsFound(c, Fusion::Regions, fewChannels), 30u);
}

TEST(HaloConvMutants, OfAConvByTermsAreFound) {
  EXPECT_GE(mutantsFound({byTerms(plainConv)}, Fusion::None, fewChannels), 35u);
}

TEST(HaloConvMutants, OfAFusedConvThatMergesAreFound) {
  const Case c = {{.name = "fused", .in = 96, .out = 16, .input = {1, 14, 28}, .window = line}};
  HaloTile twoBlocks = fewChannels;
  twoBlocks.blocks = 2;
  twoBlocks.producers = 2;
  EXPECT_GE(mutantsFound(c, Fusion::Merge, twoBlocks), 30u);
}
