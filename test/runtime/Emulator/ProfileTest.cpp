// What is counted of the accesses of each place.
#include "test/runtime/Emulator/Machine.h"

using namespace kinema::emulator;

namespace {

// Returns the counts of site 1, which is a place of this buffer.
AccessCounts countsOf(KernelFunction function, int buffer, const Shape &shape = {}) {
  Profile profile;
  Shape counted = shape;
  counted.profile = &profile;
  std::vector<uint32_t> out(4096);
  for (uint64_t seed : {0, 1, 2}) { // the order of lanes makes no difference
    auto violation = runKernel(function, counted, seed, {bytesOf(out)});
    EXPECT_FALSE(violation) << violation->what;
  }
  auto found = profile.counts().find({1, buffer});
  AccessCounts all = found == profile.counts().end() ? AccessCounts() : found->second;
  for (uint64_t *count : {&all.accesses, &all.bytes, &all.sectors, &all.fewestSectors, &all.wavefronts,
                          &all.fewestWavefronts}) {
    EXPECT_EQ(*count % 3, 0u);
    *count /= 3;
  }
  return all;
}

// Lanes load words that lie `step` words apart, `times` times.
template <uint32_t step, uint32_t first, uint32_t times> void loadsWords(void *const *args) {
  for (uint32_t i = 0; i < times; ++i)
    loadGlobal<uint32_t>(args[0], first + 1024 * i + step * threadIndex(), 1);
}

void expectSectors(const AccessCounts &counts, uint64_t accesses, uint64_t sectors, uint64_t fewest) {
  EXPECT_EQ(counts.accesses, accesses);
  EXPECT_EQ(counts.sectors, sectors);
  EXPECT_EQ(counts.fewestSectors, fewest);
}

TEST(EmulatorProfile, sectorsOfWarps) {
  expectSectors(countsOf(loadsWords<1, 0, 3>, 0), 3, 12, 12);
  expectSectors(countsOf(loadsWords<1, 4, 3>, 0), 3, 15, 12); // from the middle of a sector on
  expectSectors(countsOf(loadsWords<8, 0, 2>, 0), 2, 64, 8);  // a sector each
  expectSectors(countsOf(loadsWords<0, 0, 1>, 0), 1, 1, 1);   // all the same word
  expectSectors(countsOf(loadsWords<32, 0, 1>, 0), 1, 32, 4); // far apart
}

TEST(EmulatorProfile, lanesThatLookElsewhere) {
  auto counts = countsOf(
      [](void *const *args) {
        if (threadIndex() % 8 == 0)
          loadGlobal<uint32_t>(args[0], 8 * threadIndex(), 1);
      },
      0);
  expectSectors(counts, 1, 4, 1);
}

// Lanes store to words that lie `step` words apart in shared memory.
template <uint32_t step> void storesWords(void *const *) { storeShared(4 * step * threadIndex(), 1u, 1); }

TEST(EmulatorProfile, wavefrontsOfWarps) {
  auto wavefronts = [](KernelFunction function) {
    AccessCounts counts = countsOf(function, Profile::sharedMemory);
    EXPECT_EQ(counts.accesses, 1u);
    return std::pair(counts.wavefronts, counts.fewestWavefronts);
  };
  EXPECT_EQ(wavefronts(storesWords<1>), std::pair(uint64_t(1), uint64_t(1)));
  EXPECT_EQ(wavefronts(storesWords<2>), std::pair(uint64_t(2), uint64_t(1)));
  EXPECT_EQ(wavefronts(storesWords<32>), std::pair(uint64_t(32), uint64_t(1))); // one bank
  EXPECT_EQ(wavefronts(storesWords<33>), std::pair(uint64_t(1), uint64_t(1)));  // padded
  // 16 bytes each: eight lanes at a time.
  EXPECT_EQ(wavefronts(
                [](void *const *) { kinema_emulator_write(shared<char>(16 * threadIndex()), 16, 16, 3, 1); }),
            std::pair(uint64_t(4), uint64_t(4)));
  EXPECT_EQ(wavefronts(
                [](void *const *) { kinema_emulator_write(shared<char>(32 * threadIndex()), 16, 16, 3, 1); }),
            std::pair(uint64_t(8), uint64_t(4)));
  EXPECT_EQ(wavefronts([](void *const *) {
              kinema_emulator_write(shared<char>(128 * threadIndex()), 16, 16, 3, 1);
            }),
            std::pair(uint64_t(32), uint64_t(4)));
}

TEST(EmulatorProfile, copies) {
  // A copy of 64 bytes is two sectors, or three where it begins in the middle of one.
  auto counts = countsOf(
      [](void *const *args) {
        if (threadIndex() > 0)
          return;
        kinema_emulator_mbarrier_init(shared<void>(0), 1, 2);
        kinema_emulator_fence_mbarrier_init(2);
        kinema_emulator_mbarrier_arrive(shared<void>(0), 1, 0, 128, 2);
        for (uint32_t i : {0, 1})
          kinema_emulator_bulk_load(shared<char>(1024 + 64 * i), static_cast<char *>(args[0]) + 112 * i,
                                    shared<void>(0), 64, 0, 1);
        kinema_emulator_mbarrier_wait_parity(shared<void>(0), 0, 2);
      },
      0);
  expectSectors(counts, 2, 5, 4);
}

TEST(EmulatorProfile, isATable) {
  Kernel kernel;
  kernel.name = "k";
  kernel.sites = testSites;
  Profile profile;
  profile.add({{{2, 0}, {.accesses = 3, .bytes = 96, .sectors = 3, .fewestSectors = 3}},
               {{1 | 1 << 16, Profile::sharedMemory},
                {.accesses = 1, .bytes = 128, .wavefronts = 32, .fewestWavefronts = 1}}});
  EXPECT_EQ(
      describe(kernel, profile),
      "kernel k\n"
      "  accesses        bytes    sectors     fewest  wavefronts      fewest  place\n"
      "         1          128          0          0          32           1  site 1 #2, shared memory\n"
      "         3           96          3          3           0           0  site 2, buffer 0\n");
}

} // namespace
