// Where a pipeline's rings lie in shared memory, and how many arrivals fill and free their stages.
#include "compiler/Target/NVGPU/PipelinePlan.h"

#include <gtest/gtest.h>

using namespace kinema::nvidia;

namespace {

void expectRegion(const SharedRegion &region, int64_t at, int64_t bytes) {
  EXPECT_EQ(region.at, at);
  EXPECT_EQ(region.bytes, bytes);
}

constexpr Roles roles = {2, 2};

/// Expects that producers give back at least as many registers of those that a block is launched with as
/// consumers take, who would wait for them for ever.
void expectEnoughRegisters(const Roles &some) {
  SCOPED_TRACE(std::to_string(some.producers) + " producers, " + std::to_string(some.consumers) +
               " consumers, " + std::to_string(some.terms) + " terms");
  constexpr int64_t step = 8;
  const int64_t launched = 65536 / some.threads() / step * step;
  EXPECT_LE(some.consumers * (some.consumerRegisters() - launched),
            some.producers * (launched - some.producerRegisters()));
  EXPECT_EQ(some.producerRegisters() % step, 0);
  EXPECT_EQ(some.consumerRegisters() % step, 0);
  EXPECT_TRUE(some.exist());
}

} // namespace

TEST(SharedMemory, RegionsLieOneBehindTheOther) {
  SharedMemory memory;
  EXPECT_EQ(memory.bytes(), 0);
  expectRegion(memory.take(24, 8), 0, 24);
  expectRegion(memory.take(100, 8), 24, 100);
  EXPECT_EQ(memory.bytes(), 124);
}

TEST(SharedMemory, ARegionBeginsAtAMultipleOfItsAlignment) {
  SharedMemory memory;
  memory.take(8, 8);
  expectRegion(memory.take(40, 128), 128, 40);
  expectRegion(memory.take(16, 16), 176, 16);
  EXPECT_EQ(memory.bytes(), 192);
}

TEST(SharedMemory, NothingTakesNoBytes) {
  SharedMemory memory;
  memory.take(130, 8);
  expectRegion(memory.take(0, 1), 130, 0);
  EXPECT_EQ(memory.bytes(), 130);
}

TEST(PipelinePlan, TheBarriersOfAllRingsLieBeforeTheirData) {
  PipelinePlan plan(roles, {"operands", 2, 384, 5}, {"weights", 4, 256, 1}, {"raw", 3, 80, 7});
  expectRegion(plan.operands.full, 0, 16);
  expectRegion(plan.operands.empty, 16, 16);
  expectRegion(plan.weights.full, 32, 32);
  expectRegion(plan.weights.empty, 64, 32);
  expectRegion(plan.raw.full, 96, 24);
  expectRegion(plan.raw.empty, 120, 24);
  expectRegion(plan.operands.data, 256, 2 * 384);
  expectRegion(plan.weights.data, 1024, 4 * 256);
  expectRegion(plan.raw.data, 2048, 3 * 80);
  EXPECT_EQ(plan.memory.bytes(), 2288);
  expectRegion(plan.memory.take(32, 16), 2288, 32);
}

TEST(PipelinePlan, ARingWithoutStagesTakesNoMemory) {
  PipelinePlan plan(roles, {"operands", 2, 384, 5});
  EXPECT_EQ(plan.operands.data.at, 128);
  EXPECT_EQ(plan.memory.bytes(), 128 + 2 * 384);
  expectRegion(plan.raw.data, plan.memory.bytes(), 0);
}

TEST(PipelinePlan, WarpsFreeWhatTheyHaveRead) {
  PipelinePlan plan(roles, {"operands", 2, 384, 5}, {"weights", 4, 256, 1}, {"raw", 3, 80, 7});
  EXPECT_EQ(plan.operands.frees, 8); // the warps of two warpgroups
  EXPECT_EQ(plan.weights.frees, 8);
  EXPECT_EQ(plan.raw.frees, 7); // those of two, without the one that begins copies
  EXPECT_EQ(plan.operands.fills, 5);
  EXPECT_EQ(plan.weights.fills, 1);
  EXPECT_EQ(plan.raw.fills, 7);
}

TEST(PipelinePlan, TheBlocksOfAClusterFreeStagesTogether) {
  PipelinePlan plan(roles, {"operands", 2, 384, 5}, {"weights", 4, 256, 1, /*cluster=*/2});
  EXPECT_EQ(plan.cluster(), 2);
  EXPECT_EQ(plan.operands.frees, 8);
  EXPECT_EQ(plan.weights.frees, 16);
  EXPECT_EQ(PipelinePlan(roles, {"operands", 2, 384, 5}).cluster(), 1);
}

TEST(Roles, ProducersGiveTheRegistersThatConsumersTake) {
  for (TensorCores tensorCores : {TensorCores::Warpgroups, TensorCores::TensorMemory})
    for (auto [producers, consumers] : {std::pair{1, 2}, {1, 3}, {2, 2}})
      for (int64_t terms : {1, 2})
        expectEnoughRegisters({producers, consumers, 1, tensorCores, false, terms});
}

TEST(Roles, MoreWarpgroupsThanRegistersDoNotExist) {
  EXPECT_FALSE((Roles{2, 3}.exist()));
  EXPECT_FALSE((Roles{3, 2}.exist()));
}
