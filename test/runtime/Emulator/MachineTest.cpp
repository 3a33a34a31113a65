// Threads, barriers, and what is said of kernels that use them wrongly.
#include "test/runtime/Emulator/Machine.h"

#include "runtime/Support/Error.h"

#include <numeric>

using namespace kinema;
using namespace kinema::emulator;

namespace {

TEST(EmulatorMachine, everyThreadOfEveryBlockRunsOnce) {
  std::vector<uint32_t> expected(7 * 96);
  std::iota(expected.begin(), expected.end(), 0);
  auto kernel = [](void *const *args) {
    uint32_t i = blockIndex() * 96 + threadIndex();
    storeGlobal<uint32_t>(args[0], i, i);
  };
  for (int workers : {1, 2, 5})
    expectRight(kernel, {.threads = 96, .grid = 7, .workers = workers}, expected);
}

TEST(EmulatorMachine, partsOfAWarp) {
  std::vector<uint32_t> expected(45);
  for (uint32_t i = 0; i < 45; ++i)
    expected[i] = (i + 44) % 45;
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        storeShared(4 * i, i);
        kinema_emulator_barrier(0, 0, 1);
        storeGlobal(args[0], i, loadShared<uint32_t>(4 * ((i + 44) % 45)));
      },
      {.threads = 45}, expected);
}

void reverseThroughShared(void *const *args) {
  uint32_t i = threadIndex();
  storeShared(4 * i, i * 3, 1);
  kinema_emulator_barrier(0, 0, 2);
  storeGlobal(args[0], i, loadShared<uint32_t>(4 * (127 - i), 3), 4);
}

TEST(EmulatorMachine, barrierOrdersSharedMemory) {
  std::vector<uint32_t> expected(128);
  for (uint32_t i = 0; i < 128; ++i)
    expected[i] = (127 - i) * 3;
  expectRight(reverseThroughShared, {.threads = 128}, expected);
}

TEST(EmulatorMachine, readWithoutBarrierIsARace) {
  // Depending on the order, the read comes before the write: then it is a read of what nobody wrote.
  expectCaught(
      [](void *const *) {
        uint32_t i = threadIndex();
        storeShared(4 * i, i, 1);
        loadShared<uint32_t>(4 * (63 - i), 3);
      },
      {.threads = 64}, "of shared memory; ");
}

TEST(EmulatorMachine, raceNamesBothPlaces) {
  std::vector<uint32_t> none(1);
  auto violation = runKernel(
      [](void *const *) {
        if (threadIndex() == 0)
          storeShared(4, 7u, 1);
        if (threadIndex() == 5)
          loadShared<uint32_t>(4, 3);
      },
      {.threads = 64}, /*seed=*/0, {bytesOf(none)});
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->what,
            "kernel test, block 0, thread 5, at site 3: reads 4 bytes of shared memory; thread 0 "
            "wrote the byte at 4, at site 1, and nothing orders the two");
  EXPECT_EQ(violation->thread, 5);
}

TEST(EmulatorMachine, writeAfterReadWithoutBarrierIsARace) {
  expectCaught(
      [](void *const *) {
        uint32_t i = threadIndex();
        storeShared(4 * i, i, 1);
        kinema_emulator_barrier(0, 0, 2);
        loadShared<uint32_t>(4 * (63 - i), 3);
        storeShared(4 * i, i, 4);
      },
      {.threads = 64}, "nothing orders the two");
}

TEST(EmulatorMachine, writeAfterManyReadsWithoutBarrierIsARace) {
  expectCaught(
      [](void *const *) {
        uint32_t i = threadIndex();
        if (i == 0)
          storeShared(0, 1u, 1);
        kinema_emulator_barrier(0, 0, 2);
        if (i != 9)
          loadShared<uint32_t>(0, 3);
        if (i < 32) // all but the second warp's reads are ordered
          kinema_emulator_warp_sync(~0u, 4);
        if (i == 9)
          storeShared(0, 2u, 5);
      },
      {.threads = 64}, "thread ");
}

TEST(EmulatorMachine, reuseAfterASecondBarrierIsNone) {
  std::vector<uint32_t> expected(64);
  for (uint32_t i = 0; i < 64; ++i)
    expected[i] = 63 - i + 100;
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        for (uint32_t step = 0; step < 3; ++step) {
          storeShared(4 * i, i + 50 * step, 1);
          kinema_emulator_barrier(0, 0, 2);
          uint32_t value = loadShared<uint32_t>(4 * (63 - i), 3);
          kinema_emulator_barrier(0, 0, 4);
          if (step == 2)
            storeGlobal(args[0], i, value);
        }
      },
      {.threads = 64}, expected);
}

TEST(EmulatorMachine, neighbouringBytesAreNoRace) {
  std::vector<uint16_t> expected(64);
  for (uint16_t i = 0; i < 64; ++i)
    expected[i] = uint16_t(63 - i);
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        storeShared<uint16_t>(2 * i, uint16_t(i), 1);
        kinema_emulator_barrier(0, 0, 2);
        uint32_t pair = loadShared<uint32_t>((2 * (63 - i)) & ~3u, 3);
        storeGlobal(args[0], i, uint16_t(pair >> 16 * ((63 - i) & 1)));
      },
      {.threads = 64}, expected);
}

TEST(EmulatorMachine, halfAWordIsARace) {
  expectCaught(
      [](void *const *) {
        if (threadIndex() == 0)
          storeShared<uint32_t>(8, 1, 1);
        kinema_emulator_barrier(0, 0, 2);
        if (threadIndex() == 1)
          storeShared<uint16_t>(10, 1, 3);
        if (threadIndex() == 40)
          storeShared<uint32_t>(8, 1, 4);
      },
      {.threads = 64}, "nothing orders the two");
}

TEST(EmulatorMachine, sharedMemoryStartsPoisoned) {
  expectCaught([](void *const *) { loadShared<uint32_t>(16); }, {}, "the byte at 16 was never written");
}

TEST(EmulatorMachine, namedBarriersOfParts) {
  // Two groups of two warps each, and a handover by arrive and sync.
  std::vector<uint32_t> expected(128);
  for (uint32_t i = 0; i < 128; ++i)
    expected[i] = i ^ 63;
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex(), group = i / 64;
        storeShared(4 * i, i, 1);
        kinema_emulator_barrier(1 + group, 64, 2);
        storeGlobal(args[0], i, loadShared<uint32_t>(4 * (i ^ 63), 3), 4);
        if (group == 0) {
          storeShared(1024 + 4 * i, i, 5);
          kinema_emulator_barrier_arrive(3, 128, 6);
        } else {
          kinema_emulator_barrier(3, 128, 7);
          loadShared<uint32_t>(1024 + 4 * (i - 64), 8);
        }
      },
      {.threads = 128}, expected);
}

TEST(EmulatorMachine, arrivalDoesNotWait) {
  expectCaught(
      [](void *const *) {
        uint32_t i = threadIndex();
        storeShared(4 * i, i, 1);
        kinema_emulator_barrier_arrive(3, 64, 2);
        if (i >= 32)
          loadShared<uint32_t>(4 * (i - 32), 3);
        if (i < 32)
          kinema_emulator_barrier(3, 64, 4);
      },
      {.threads = 64}, "");
}

TEST(EmulatorMachine, barrierReductions) {
  std::vector<uint32_t> expected(64, 20 + 1000 + 0);
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        uint32_t sum = kinema_emulator_barrier_reduce(0, 0, 0, i < 20, 1);
        sum += 1000 * kinema_emulator_barrier_reduce(0, 0, 2, i == 63, 2);
        sum += 5000 * kinema_emulator_barrier_reduce(0, 0, 1, i != 63, 3);
        storeGlobal(args[0], i, sum);
      },
      {.threads = 64}, expected);
}

TEST(EmulatorMachine, deadlockNamesEveryPosition) {
  std::vector<uint32_t> none(1);
  auto violation = runKernel(
      [](void *const *) {
        if (threadIndex() < 64)
          kinema_emulator_barrier(2, 96, 3);
        else if (threadIndex() < 96)
          kinema_emulator_barrier(1, 64, 4);
      },
      {.threads = 128}, 0, {bytesOf(none)});
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->what,
            "kernel test, block 0: no thread can go on:"
            "\n  each of threads 0 to 63 waits at barrier 2, where 64 of 96 threads have arrived, at site 3"
            "\n  each of threads 64 to 95 waits at barrier 1, where 32 of 64 threads have arrived, at site 4"
            "\n  each of threads 96 to 127 has exited");
}

TEST(EmulatorMachine, pollingForEverIsADeadlock) {
  expectCaught(
      [](void *const *args) {
        while (loadGlobal<uint32_t>(args[0], 0) == 0)
          kinema_emulator_pause(2);
      },
      {}, "polls");
}

TEST(EmulatorMachine, exitedThreadsDoNotCount) {
  std::vector<uint32_t> expected(64, 1);
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        storeGlobal(args[0], i, 1u);
        if (i >= 32)
          kinema_emulator_exit(1);
        kinema_emulator_barrier(0, 0, 2);
      },
      {.threads = 64}, expected);
}

TEST(EmulatorMachine, partOfAWarpAtABarrier) {
  expectCaught(
      [](void *const *) {
        if (threadIndex() < 16)
          kinema_emulator_barrier(1, 32, 1);
        else
          kinema_emulator_barrier(2, 32, 1);
        kinema_emulator_barrier(0, 0, 2);
      },
      {.threads = 32}, "no thread can go on");
  expectCaught(
      [](void *const *) {
        if (threadIndex() % 2 == 0)
          kinema_emulator_barrier(1, 32, 1);
        else
          kinema_emulator_barrier(0, 32, 1);
      },
      {.threads = 64}, "only lanes");
}

TEST(EmulatorMachine, boundsOfGlobalMemory) {
  std::vector<uint32_t> buffer(100);
  auto what = [&](KernelFunction kernel) {
    auto violation = runKernel(kernel, {.threads = 1}, 0, {bytesOf(buffer)});
    return violation ? violation->what : "";
  };
  EXPECT_EQ(what([](void *const *args) { loadGlobal<uint32_t>(args[0], 99); }), "");
  EXPECT_EQ(what([](void *const *args) { loadGlobal<uint32_t>(args[0], 100, 4); }),
            "kernel test, block 0, thread 0, at site 4: reads 4 bytes at 400 of buffer 0, which has 400");
  EXPECT_EQ(what([](void *const *args) { storeGlobal(args[0], -1, 0u, 4); }),
            "kernel test, block 0, thread 0, at site 4: writes 4 bytes at -4 of buffer 0, which has 400");
  EXPECT_EQ(
      what([](void *const *args) { kinema_emulator_read(static_cast<char *>(args[0]) + 392, 16, 4, 1, 2); }),
      "kernel test, block 0, thread 0, at site 2: reads 16 bytes at 392 of buffer 0, which has 400");
  EXPECT_NE(what([](void *const *args) {
              kinema_emulator_read(static_cast<char *>(args[0]) + 2, 4, 4, 1, 2);
            }).find("at an address that is no multiple of 4"),
            std::string::npos);
}

TEST(EmulatorMachine, boundsOfSharedMemory) {
  expectCaught([](void *const *) { storeShared<uint32_t>(4096, 1, 1); }, {.threads = 1},
               "writes 4 bytes at 4096 of shared memory, which has 4096");
  expectCaught([](void *const *) { kinema_emulator_write(shared<char>(4088), 16, 8, 3, 1); }, {.threads = 1},
               "writes 16 bytes at 4088 of shared memory, which has 4096");
  expectCaught([](void *const *) { storeShared<uint32_t>(uint32_t(-4), 1, 1); }, {.threads = 1},
               "writes 4 bytes at -4 of shared memory");
  expectCaught([](void *const *) { kinema_emulator_read(shared<char>(8), 16, 16, 3, 1); }, {.threads = 1},
               "no multiple of 16");
  expectCaught([](void *const *args) { kinema_emulator_read(args[0], 4, 4, 3, 1); }, {.threads = 1},
               "which is not in shared memory");
}

TEST(EmulatorMachine, genericAddresses) {
  std::vector<uint32_t> expected(32, 12);
  expectRight(
      // As kernels' code, which no sanitizer moves to a stack of its own.
      [](void *const *args) __attribute__((no_sanitize("address"))) {
        uint32_t local = 5, i = threadIndex();
        store(shared<uint32_t>(4 * i), 7u, 0);
        store(static_cast<uint32_t *>(args[0]) + i, load(&local, 0) + load(shared<uint32_t>(4 * i), 0), 0);
      },
      {}, expected);
}

TEST(EmulatorMachine, blocksThatShareGlobalMemory) {
  const Shape blocks = {.threads = 1, .grid = 3, .workers = 2, .watchesOrder = true};
  std::vector<uint16_t> expected = {0, 1, 2};
  expectRight([](void *const *args) { storeGlobal(args[0], blockIndex(), uint16_t(blockIndex())); }, blocks,
              expected);
  expectCaught([](void *const *args) { storeGlobal(args[0], 2, 7u, 1); }, blocks, "wrote in the same launch");
  expectCaught(
      [](void *const *args) {
        if (blockIndex() == 1)
          storeGlobal(args[0], 2, 7u, 1);
        else
          loadGlobal<uint16_t>(args[0], 5, 2);
      },
      blocks, "in the same launch: nothing orders the two");
  // A block's own is its own.
  std::vector<uint32_t> sums = {0, 0, 0};
  expectRight(
      [](void *const *args) {
        loadGlobal<uint32_t>(args[0], blockIndex(), 1);
        storeGlobal(args[0], blockIndex(), 0u, 2);
        loadGlobal<uint32_t>(args[0], blockIndex(), 3);
      },
      blocks, sums);
}

// The last of three blocks adds up what each thread of all has stored: a counter, the blocks' numbers, sums.
enum class Slip { None, NoMeeting, NoFenceBefore, NoFenceBehind, NotTheLast };
template <Slip slip> void lastBlockAddsUp(void *const *args) {
  uint32_t i = threadIndex(), block = blockIndex();
  storeGlobal(args[0], 1 + 64 * block + i, 100 * block + i, 1);
  if (slip != Slip::NoMeeting)
    kinema_emulator_barrier(0, 0, 2);
  if (i == 0) {
    if (slip != Slip::NoFenceBefore)
      kinema_emulator_fence_device(3);
    kinema_emulator_atomic(args[0], 4, 4, 1, 4);
    storeShared(0, __atomic_fetch_add(static_cast<uint32_t *>(args[0]), 1, __ATOMIC_SEQ_CST), 5);
    if (slip != Slip::NoFenceBehind)
      kinema_emulator_fence_device(6);
  }
  kinema_emulator_barrier(0, 0, 7);
  if (loadShared<uint32_t>(0, 8) != (slip == Slip::NotTheLast ? 1 : 2))
    return;
  uint32_t sum = 0;
  for (uint32_t other = 0; other < 3; ++other)
    sum += loadGlobal<uint32_t>(args[0], 1 + 64 * other + 63 - i, 9);
  storeGlobal(args[0], 1 + 64 * 3 + i, sum, 10);
}

TEST(EmulatorMachine, whatBlocksHandOnIsOrdered) {
  std::vector<uint32_t> expected(1 + 4 * 64, 3);
  for (uint32_t i = 0; i < 64; ++i) {
    for (uint32_t block = 0; block < 3; ++block)
      expected[1 + 64 * block + i] = 100 * block + i;
    expected[1 + 64 * 3 + i] = 300 + 3 * (63 - i);
  }
  for (int workers : {1, 2})
    for (uint64_t seed = 0; seed < 10; ++seed) {
      std::vector<uint32_t> out(expected.size());
      const Shape blocks = {.threads = 64, .grid = 3, .workers = workers, .watchesOrder = true};
      auto violation = runKernel(lastBlockAddsUp<Slip::None>, blocks, seed, {bytesOf(out)});
      ASSERT_FALSE(violation) << violation->what;
      ASSERT_EQ(out, expected);
    }
}

TEST(EmulatorMachine, whatBlocksHandOnAmissIsCaught) {
  const Shape blocks = {.threads = 64, .grid = 3, .watchesOrder = true};
  const std::string unordered = "in the same launch: nothing orders the two";
  expectCaught(lastBlockAddsUp<Slip::NoMeeting>, blocks, unordered);
  expectCaught(lastBlockAddsUp<Slip::NoFenceBefore>, blocks, unordered);
  expectCaught(lastBlockAddsUp<Slip::NoFenceBehind>, blocks, unordered);
  expectCaught(lastBlockAddsUp<Slip::NotTheLast>, blocks, unordered);
}

TEST(EmulatorMachine, atomicsDoNotRaceWithEachOther) {
  std::vector<uint32_t> expected = {64};
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        if (i == 0)
          storeShared(0, 0u, 1);
        kinema_emulator_barrier(0, 0, 2);
        kinema_emulator_atomic(shared<uint32_t>(0), 4, 4, 3, 3);
        ++*shared<uint32_t>(0);
        kinema_emulator_barrier(0, 0, 4);
        if (i == 40)
          storeGlobal(args[0], 0, loadShared<uint32_t>(0, 5));
      },
      {.threads = 64}, expected);
  expectCaught(
      [](void *const *) {
        if (threadIndex() == 0)
          storeShared(0, 0u, 1);
        kinema_emulator_barrier(0, 0, 2);
        if (threadIndex() == 1) {
          kinema_emulator_atomic(shared<uint32_t>(0), 4, 4, 3, 3);
          ++*shared<uint32_t>(0);
        } else if (threadIndex() == 33) {
          loadShared<uint32_t>(0, 5);
        }
      },
      {.threads = 64}, "nothing orders the two");
}

// Each block of a cluster of four reads what the next one wrote.
template <bool synchronises, bool waitsAtTheEnd> void clusterKernel(void *const *args) {
  uint32_t i = threadIndex(), block = blockIndex(), rank = block % 4;
  storeShared(4 * i, 100 * block + i, 1);
  if (synchronises) {
    kinema_emulator_cluster_arrive(0, 2);
    kinema_emulator_cluster_wait(2);
  }
  uint32_t *remote =
      static_cast<uint32_t *>(kinema_emulator_map_rank(shared<uint32_t>(4 * i), (rank + 1) % 4, 3));
  storeGlobal(args[0], 64 * block + i, load(remote, 7, 4));
  if (waitsAtTheEnd) {
    kinema_emulator_cluster_arrive(0, 5);
    kinema_emulator_cluster_wait(5);
  }
}

TEST(EmulatorMachine, clusters) {
  std::vector<uint32_t> expected(8 * 64);
  for (uint32_t block = 0; block < 8; ++block)
    for (uint32_t i = 0; i < 64; ++i)
      expected[64 * block + i] = 100 * (block / 4 * 4 + (block + 1) % 4) + i;
  for (int workers : {1, 2})
    expectRight(clusterKernel<true, true>, {.threads = 64, .grid = 8, .cluster = 4, .workers = workers},
                expected);
}

TEST(EmulatorMachine, clusterMistakes) {
  Shape shape{.threads = 64, .grid = 4, .cluster = 4};
  expectCaught(clusterKernel<false, true>, shape, "of shared memory; ");
  std::vector<uint32_t> out(512);
  auto violation = runKernel(clusterKernel<true, false>, shape, 0, {bytesOf(out)});
  ASSERT_TRUE(violation);
  EXPECT_NE(violation->what.find("of the shared memory of block 0, which has exited"), std::string::npos)
      << violation->what;
  expectCaught([](void *const *) { kinema_emulator_map_rank(shared<char>(0), 4, 3); }, shape,
               "there is no block 4 in a cluster of 4");
  expectCaught(
      [](void *const *) {
        kinema_emulator_cluster_arrive(0, 2);
        if (blockIndex() == 2)
          while (true)
            kinema_emulator_pause(3);
        kinema_emulator_cluster_wait(4);
        kinema_emulator_cluster_wait(4);
      },
      shape, "waits at the cluster's barrier without having arrived");
}

TEST(EmulatorMachine, trap) {
  expectCaught([](void *const *) { kinema_emulator_trap(3); }, {.threads = 1},
               "kernel test, block 0, thread 0, at site 3: the kernel gives up (trap)");
}

TEST(EmulatorMachine, reportsTheLowestBlock) {
  for (int workers : {1, 3})
    for (uint64_t seed = 0; seed < 20; ++seed) {
      std::vector<uint32_t> none(1);
      auto violation = runKernel(
          [](void *const *) {
            if (blockIndex() % 5 == 3)
              kinema_emulator_trap(1);
          },
          {.threads = 1, .grid = 40, .workers = workers}, seed, {bytesOf(none)});
      ASSERT_TRUE(violation);
      EXPECT_EQ(violation->block, 3);
    }
}

TEST(EmulatorMachine, impossibleLaunches) {
  auto message = [](const Shape &shape) -> std::string {
    try {
      runKernel([](void *const *) {}, shape, 0, {});
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({.threads = 1025}), "kernel test has 1025 threads a block; a GPU runs 1 to 1024");
  EXPECT_EQ(message({.sharedBytes = 300000}),
            "kernel test needs 300000 bytes of shared memory; a block has 232448");
  EXPECT_EQ(message({.sharedBytes = 232448}), "");
  EXPECT_EQ(message({.sharedBytes = 101377, .sharedLimit = 101376}),
            "kernel test needs 101377 bytes of shared memory; a block has 101376");
  EXPECT_EQ(message({.sharedBytes = 101376, .sharedLimit = 101376}), "");
}

} // namespace
