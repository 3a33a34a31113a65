// The model of time beside a simulation of rings and roles, event by event, for convs of R(2+1)D-18.
#include "test/compiler/Target/NVGPU/ConvCases.h"
#include "test/compiler/Target/NVGPU/DeepenedRings.h"
#include "test/compiler/Target/NVGPU/RingSimulation.h"

#include "compiler/Target/NVGPU/HaloConv.h"

#include <fmt/format.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;
using kernel::Yield;
using nvidia::HaloPlan;
using nvidia::HaloTile;

namespace {

const nvidia::Rates &rates() { return nvidia::processorNamed(hopper)->rates; }

OwningOpRef<ModuleOp> convKernel(const ConvCase &c, bool normalises) {
  KernelBuilder k;
  Value weight = k.operand(c.weightType());
  KernelRegion prologue = normalises ? k.normalised(c.inputType()) : k.identity(c.inputType()), epilogue(k);
  epilogue.yield(Yield::Store, epilogue.argument());
  k.conv(kernel::Direction::Forward, weight, c.window, prologue, epilogue, c.outputType());
  return k.finish();
}

/// Cycles of a block, by the model and by the simulation.
struct Cycles {
  double predicted;
  BlockTimes simulated;
};

Cycles cyclesOf(ModuleOp kernel, const HaloTile &tile) {
  OwningOpRef<ModuleOp> copy = kernel.clone();
  auto op = cast<kernel::ConvOp>(defOf(*copy).getKernel());
  op.setScheduleAttr(nvidia::haloSchedule(op, tile));
  HaloPlan plan = nvidia::haloPlanOf(op);
  nvidia::Work work = nvidia::workOfHalo(op, rates());
  BlockTimes simulated = simulate(plan, work, rates());
  work.blocks = 1; // alone on its multiprocessor, and no launch
  work.memory = 0;
  return {(nvidia::secondsOf(rates(), work) - rates().launchSeconds) * rates().clock(), simulated};
}

struct Conv : ConvCase {
  bool normalises = false;
};

std::vector<Conv> convs() {
  auto conv = [](std::string name, int64_t in, int64_t out, shape::Size3 input, shape::Window window,
                 bool normalises) {
    return Conv{{.name = std::move(name), .clips = 8, .in = in, .out = out, .input = input, .window = window},
                normalises};
  };
  return {conv("stage 1 spatial", 64, 144, {16, 56, 56}, spatial, false),
          conv("stage 1 spatial, normalised", 64, 144, {16, 56, 56}, spatial, true),
          conv("stage 1 temporal, normalised", 144, 64, {16, 56, 56}, temporal, true),
          conv("stage 2 strided, normalised", 64, 232, {16, 56, 56}, spatial2, true),
          conv("stage 3 temporal", 576, 256, {4, 14, 14}, temporal, false),
          conv("stage 4 spatial, normalised", 512, 1152, {2, 7, 7}, spatial, true)};
}

class Rings : public ::testing::TestWithParam<Conv> {
protected:
  OwningOpRef<ModuleOp> kernel = convKernel(GetParam(), GetParam().normalises);
  HaloTile best = [&] {
    auto op = cast<kernel::ConvOp>(defOf(*kernel).getKernel());
    op.setScheduleAttr(nvidia::haloCandidates(op, *nvidia::processorNamed(hopper)).front().schedule);
    return nvidia::haloPlanOf(op).tile;
  }();

  bool fits(const HaloTile &tile) {
    HaloPlan plan(cast<kernel::ConvOp>(defOf(*kernel).getKernel()), tile);
    return plan.fits(*nvidia::processorNamed(hopper));
  }
  /// Returns the cycles and prints them.
  Cycles look(const HaloTile &tile) {
    Cycles cycles = cyclesOf(*kernel, tile);
    const BlockTimes &s = cycles.simulated;
    fmt::print("{}, {} copying, {} raw and {} weight stages: {:.0f} cycles by the model, {:.0f} by the "
               "simulation ({:.2f}); of "
               "these the copies of the source wait {:.0f}, of weights {:.0f}, staging {:.0f}, consumers "
               "{:.0f} for the source and {:.0f} for weights\n",
               GetParam().name, tile.copiers, tile.feedStages, tile.weightStages, cycles.predicted, s.cycles,
               s.cycles / cycles.predicted, s.sourceCopiesWait, s.weightCopiesWait, s.stagingWaits,
               s.sourceMissing, s.weightsMissing);
    return cycles;
  }
};

} // namespace

// The schedule that the model chooses, and the same with one copying warp: rings are so deep that they
// seldom run dry. Of rings with few stages the model knows less, since it does not follow them. What the
// model adds for pieces that delay each other, the simulation has only where one waits for another.
TEST_P(Rings, TheModelIsNearTheSimulation) {
  constexpr double factorOfDeep = 1.12, factorOfOne = 1.3, factorOfShallow = 2.1;
  auto expectNear = [&](const HaloTile &tile, double factor) {
    if (!fits(tile))
      return;
    Cycles cycles = look(tile);
    EXPECT_LT(cycles.simulated.cycles, cycles.predicted * factor);
    EXPECT_GT(cycles.simulated.cycles, cycles.predicted / factor);
  };
  HaloTile tile = best;
  for (auto [copiers, factor] : {std::pair(int64_t(1), factorOfOne), std::pair(best.copiers, factorOfDeep)}) {
    tile.copiers = copiers;
    expectNear(tile, factor);
  }
  for (int64_t feedStages : {best.feedStages, int64_t(2)})
    for (int64_t weightStages : {best.weightStages, nvidia::fewestWeightStages})
      if (feedStages != best.feedStages || weightStages != best.weightStages) {
        tile = best;
        tile.feedStages = feedStages;
        tile.weightStages = weightStages;
        expectNear(tile, factorOfShallow);
      }
}

// The search leaves out a size of tiles by what any of its tiles takes at least.
TEST_P(Rings, NoChoiceIsQuickerThanTheBoundOfItsSize) {
  const nvidia::Processor &processor = *nvidia::processorNamed(hopper);
  auto op = cast<kernel::ConvOp>(defOf(*kernel).getKernel());
  int64_t tried = 0;
  auto expectBound = [&](const HaloTile &tile) {
    if (!fits(tile))
      return;
    ++tried;
    op.setScheduleAttr(nvidia::haloSchedule(op, tile));
    EXPECT_GE(nvidia::predictHalo(op, processor).seconds, nvidia::boundOfHalo(op, tile, processor));
  };
  for (const Candidate &candidate : nvidia::haloCandidates(op, processor)) {
    op.setScheduleAttr(candidate.schedule);
    HaloTile tile = nvidia::haloPlanOf(op).tile;
    expectBound(tile);
    for (int64_t producers : {1, 2})
      for (int64_t copiers : {1, 2, 3})
        for (int64_t turns : {0, 1})
          for (int64_t boxes : {int64_t(0), tile.boxes})
            for (int64_t weightStages : {tile.weightStages, nvidia::fewestWeightStages}) {
              HaloTile other = tile;
              other.producers = producers;
              other.copiers = copiers;
              other.turns = turns;
              other.boxes = boxes;
              other.weightStages = weightStages;
              other.epilogueStages = 0;
              expectBound(other);
            }
  }
  EXPECT_GT(tried, 20);
}

TEST_P(Rings, DeeperRingsAreNeverSlower) {
  auto expectFaster = [&](std::initializer_list<int64_t> depths, int64_t HaloTile::*stages) {
    std::optional<Cycles> before;
    for (int64_t depth : depths) {
      HaloTile tile = best;
      tile.*stages = depth;
      if (!fits(tile))
        continue;
      Cycles now = cyclesOf(*kernel, tile);
      if (before) {
        EXPECT_LE(now.predicted, before->predicted * (1 + 1e-9)) << depth << " stages";
        constexpr double ofBursts = 0.01; // copies that begin earlier delay others of the same moment
        EXPECT_LE(now.simulated.cycles, before->simulated.cycles * (1 + ofBursts)) << depth << " stages";
      }
      before = now;
    }
  };
  expectFaster({2, 3, 4, 6, 8, 12}, &HaloTile::feedStages);
  expectFaster({4, 8, 16}, &HaloTile::weightStages);
}

TEST_P(Rings, DeepenWithinABlocksMemory) {
  HaloTile tile = best;
  tile.feedStages = tile.weightStages = 0;
  HaloPlan shallow(cast<kernel::ConvOp>(defOf(*kernel).getKernel()), tile);
  int64_t deepest = 0;
  expectDeepensWithinMemory<HaloPlan>(shallow, &HaloPlan::deepenRings, [&](const HaloPlan &plan) {
    deepest = std::max(deepest, plan.weightStages());
    ASSERT_GE(plan.feedStages(), shallow.feedStages());
  });
  EXPECT_EQ(deepest, best.weightStages);
}

INSTANTIATE_TEST_SUITE_P(Convs, Rings, ::testing::ValuesIn(convs()), caseName);
