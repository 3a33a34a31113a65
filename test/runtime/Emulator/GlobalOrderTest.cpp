// Accesses to global memory that conflict, and what orders them.
#include "runtime/Emulator/TensorMap.h"
#include "test/runtime/Emulator/Machine.h"

using namespace kinema::emulator;

namespace {

// ---- Threads of a block

constexpr Shape watched = {.threads = 64, .watchesOrder = true};
const std::string unordered = "nothing orders the two";

// Each thread reads what another one has stored to global memory, of its own warp or of the other warp.
enum class Meeting { None, Barrier, NamedBarrier, MBarrier, WarpSync, Shuffle };
template <Meeting meeting, uint32_t distance> void neighbours(void *const *args) {
  uint32_t i = threadIndex();
  void *barrier = shared<void>(0);
  if (meeting == Meeting::MBarrier && i == 0)
    kinema_emulator_mbarrier_init(barrier, 64, 1);
  if (meeting == Meeting::MBarrier)
    kinema_emulator_barrier(0, 0, 1);
  storeGlobal(args[0], i, i, 2);
  if (meeting == Meeting::Barrier)
    kinema_emulator_barrier(0, 0, 3);
  if (meeting == Meeting::NamedBarrier)
    kinema_emulator_barrier(3, 64, 3);
  if (meeting == Meeting::WarpSync)
    kinema_emulator_warp_sync(~0u, 3);
  if (meeting == Meeting::Shuffle)
    kinema_emulator_shuffle(0, ~0u, i, 1, 31, 3);
  if (meeting == Meeting::MBarrier) {
    kinema_emulator_mbarrier_arrive(barrier, 1, 0, 0, 3);
    kinema_emulator_mbarrier_wait_parity(barrier, 0, 3);
  }
  storeGlobal(args[0], 64 + i, loadGlobal<uint32_t>(args[0], i ^ distance, 4), 5);
}

TEST(EmulatorGlobalOrder, whatOrdersThreadsInGlobalMemory) {
  std::vector<uint32_t> near(128), far(128);
  for (uint32_t i = 0; i < 64; ++i) {
    near[i] = far[i] = i;
    near[64 + i] = i ^ 1;
    far[64 + i] = i ^ 32;
  }
  expectRight(neighbours<Meeting::Barrier, 32>, watched, far);
  expectRight(neighbours<Meeting::NamedBarrier, 32>, watched, far);
  expectRight(neighbours<Meeting::MBarrier, 32>, watched, far);
  expectRight(neighbours<Meeting::WarpSync, 1>, watched, near);
}

TEST(EmulatorGlobalOrder, racesInGlobalMemory) {
  expectCaught(neighbours<Meeting::None, 32>, watched, unordered);
  expectCaught(neighbours<Meeting::None, 1>, watched, unordered);
  expectCaught(neighbours<Meeting::WarpSync, 32>, watched, unordered);
  expectCaught(neighbours<Meeting::Shuffle, 1>, watched, unordered); // a shuffle orders no memory
  // Two threads write to one place.
  expectCaught([](void *const *args) { storeGlobal(args[0], threadIndex() / 2, 7u, 1); }, watched, unordered);
  // A thread writes what another one may still read.
  expectCaught(
      [](void *const *args) {
        uint32_t i = threadIndex();
        if (i == 0)
          storeGlobal(args[0], 0, 5u, 1);
        kinema_emulator_barrier(0, 0, 2);
        if (i < 40)
          loadGlobal<uint32_t>(args[0], 0, 3);
        else if (i == 40)
          storeGlobal(args[0], 0, 6u, 4);
      },
      watched, unordered);
}

TEST(EmulatorGlobalOrder, racesInGlobalMemoryAreTold) {
  std::vector<uint32_t> out(64);
  auto violation = runKernel(
      [](void *const *args) {
        if (threadIndex() < 2)
          storeGlobal(args[0], 2, 7u, 1);
      },
      watched, 0, {bytesOf(out)});
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->what,
            "kernel test, block 0, thread 1, at site 1: writes 4 bytes at 8 of buffer 0; thread 0 "
            "wrote the byte at 8, at site 1, and nothing orders the two");
}

// Atomic operations of threads of a block do not race; a plain load beside them does.
template <bool isPlain> void countsInGlobalMemory(void *const *args) {
  auto *counter = static_cast<uint32_t *>(args[0]);
  kinema_emulator_atomic(counter, 4, 4, 1, 1);
  ++*counter;
  if (threadIndex() == 33) {
    if (isPlain)
      loadGlobal<uint32_t>(args[0], 0, 2);
    else
      kinema_emulator_read_strong(counter, 4, 4, 1, 2);
  }
}

TEST(EmulatorGlobalOrder, atomicsInGlobalMemory) {
  expectRight(countsInGlobalMemory<false>, watched, std::vector<uint32_t>{63});
  expectCaught(countsInGlobalMemory<true>, watched, unordered);
}

// ---- Copies of the async proxy

const std::string fenceMissing = "without a fence.proxy.async since then";

// Thread 0 copies to global memory, and thread 33 reads that.
enum class Wait { Whole, ReadsOnly, None };
template <Wait wait> void readsWhatACopyWrote(void *const *args) {
  uint32_t i = threadIndex();
  storeShared(1024 + 4 * i, i, 1);
  kinema_emulator_fence_proxy(2, 2);
  kinema_emulator_barrier(0, 0, 3);
  if (i == 0) {
    kinema_emulator_bulk_store(args[0], shared<char>(1024), 256, 4);
    kinema_emulator_bulk_commit(4);
    if (wait != Wait::None)
      kinema_emulator_bulk_wait(0, wait == Wait::ReadsOnly, 5);
  }
  kinema_emulator_barrier(0, 0, 6);
  if (i == 33)
    loadGlobal<uint32_t>(args[0], 2, 7);
  kinema_emulator_barrier(0, 0, 8);
  if (i == 0)
    kinema_emulator_bulk_wait(0, 0, 9);
}

// Threads store to global memory, and thread 0 copies from there: by a bulk copy or by one of a tensor.
constexpr uint32_t noFence = 7;
template <uint32_t fence, bool isTensor> void copiesWhatThreadsWrote(void *const *args) {
  uint32_t i = threadIndex();
  storeGlobal(args[0], i, i, 1);
  if (fence != noFence)
    kinema_emulator_fence_proxy(fence, 2);
  if (i == 0) {
    kinema_emulator_mbarrier_init(shared<void>(0), 1, 3);
    kinema_emulator_fence_mbarrier_init(3);
  }
  kinema_emulator_barrier(0, 0, 4);
  if (i == 0) {
    kinema_emulator_mbarrier_arrive(shared<void>(0), 1, 0, 256, 5);
    int32_t origin[] = {0};
    if (isTensor)
      kinema_emulator_tensor_load(shared<char>(1024), args[1], shared<void>(0), 1, origin, 0, nullptr, 0, 6);
    else
      kinema_emulator_bulk_load(shared<char>(1024), args[0], shared<void>(0), 256, 0, 6);
  }
  kinema_emulator_mbarrier_wait_parity(shared<void>(0), 0, 7);
  storeGlobal(args[0], i, loadShared<uint32_t>(1024 + 4 * i, 8), 9); // behind what the copy has read
}

std::string messageOf(KernelFunction function, uint64_t seed) {
  alignas(16) static uint32_t values[64];
  TensorParameters parameters;
  parameters.address = values;
  parameters.dims[0] = parameters.box[0] = 64;
  TensorMap map = encode(parameters);
  auto violation =
      runKernel(function, watched, seed,
                {std::as_writable_bytes(std::span(values)), std::as_writable_bytes(std::span(&map, 1))});
  return violation ? violation->what : "";
}

TEST(EmulatorGlobalOrder, copiesOfTheAsyncProxy) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    EXPECT_EQ(messageOf(readsWhatACopyWrote<Wait::Whole>, seed), "");
    for (KernelFunction wrong : {readsWhatACopyWrote<Wait::ReadsOnly>, readsWhatACopyWrote<Wait::None>})
      EXPECT_NE(messageOf(wrong, seed)
                    .find("a bulk copy of thread 0 wrote the byte at 8, at site 4, and " + unordered),
                std::string::npos);
    for (KernelFunction right : {copiesWhatThreadsWrote<0, false>, copiesWhatThreadsWrote<1, false>,
                                 copiesWhatThreadsWrote<1, true>})
      EXPECT_EQ(messageOf(right, seed), "");
    for (KernelFunction wrong : {copiesWhatThreadsWrote<2, false>, copiesWhatThreadsWrote<noFence, false>,
                                 copiesWhatThreadsWrote<noFence, true>})
      EXPECT_NE(messageOf(wrong, seed).find(fenceMissing), std::string::npos);
  }
}

// ---- Loads that a first-level cache may answer

// One block counts by atomic operations, the other one looks by a load: a plain one may return an old value
// for ever, a volatile one does not.
template <bool isPlain> void looksAtACounter(void *const *args) {
  if (blockIndex() == 0) {
    kinema_emulator_atomic(args[0], 4, 4, 1, 1);
    __atomic_fetch_add(static_cast<uint32_t *>(args[0]), 1, __ATOMIC_SEQ_CST);
  } else if (isPlain) {
    loadGlobal<uint32_t>(args[0], 0, 2);
  } else {
    kinema_emulator_read_strong(args[0], 4, 4, 1, 2);
  }
}

// Block 0 stores data, then a flag; block 1 takes the flag, then loads the data.
enum class Handing { Right, PlainFlag, NoFenceBefore, NoFenceBehind, FenceOfAnotherThread };
template <Handing handing> void handsOnByAFlag(void *const *args) {
  auto *words = static_cast<uint32_t *>(args[0]);
  uint32_t i = threadIndex();
  if (blockIndex() == 0) {
    storeGlobal(args[0], 1 + i, 5u, 1);
    kinema_emulator_barrier(0, 0, 2);
    if (i > 0)
      return;
    if (handing != Handing::NoFenceBefore)
      kinema_emulator_fence_device(3);
    kinema_emulator_write_strong(words, 4, 4, 1, 4);
    __atomic_store_n(words, 3u, __ATOMIC_SEQ_CST);
    return;
  }
  if (i == 0) {
    if (handing == Handing::PlainFlag)
      loadGlobal<uint32_t>(args[0], 0, 5);
    else
      kinema_emulator_read_strong(words, 4, 4, 1, 5);
  }
  bool fences = handing == Handing::FenceOfAnotherThread ? i == 1 : i == 0;
  if (fences && handing != Handing::NoFenceBehind)
    kinema_emulator_fence_device(6);
  kinema_emulator_barrier(0, 0, 7);
  if (__atomic_load_n(words, __ATOMIC_SEQ_CST) == 3u)
    loadGlobal<uint32_t>(args[0], 1 + (i ^ 32), 8);
}

// Blocks run in their order with seed 0, so that the flag is seen.
std::optional<Violation> inOrder(KernelFunction function) {
  std::vector<uint32_t> out(65);
  return runKernel(function, {.threads = 64, .grid = 2, .watchesOrder = true}, 0, {bytesOf(out)});
}

TEST(EmulatorGlobalOrder, loadsThatAFirstLevelCacheMayAnswer) {
  const Shape blocks = {.threads = 1, .grid = 2, .watchesOrder = true};
  expectCaught(looksAtACounter<true>, blocks, "in the same launch: nothing orders the two");
  expectRight(looksAtACounter<false>, blocks, std::vector<uint32_t>{0});
  EXPECT_FALSE(inOrder(handsOnByAFlag<Handing::Right>));
  for (KernelFunction wrong :
       {handsOnByAFlag<Handing::PlainFlag>, handsOnByAFlag<Handing::NoFenceBefore>,
        handsOnByAFlag<Handing::NoFenceBehind>, handsOnByAFlag<Handing::FenceOfAnotherThread>}) {
    auto violation = inOrder(wrong);
    ASSERT_TRUE(violation);
    EXPECT_NE(violation->what.find("which block 0 wrote in the same launch: nothing orders the two, and a "
                                   "first-level cache may hold what was there before"),
              std::string::npos)
        << violation->what;
  }
}

// What is written in a launch, nobody may read by a load for constants in it, not even behind a barrier.
TEST(EmulatorGlobalOrder, loadsForConstants) {
  expectCaught(
      [](void *const *args) {
        storeGlobal(args[0], threadIndex(), 1u, 1);
        kinema_emulator_barrier(0, 0, 2);
        kinema_emulator_read_constant(static_cast<uint32_t *>(args[0]) + threadIndex(), 4, 4, 1, 3);
      },
      watched, "by a load for constants (ld.global.nc), which block 0 wrote in the same launch");
  expectCaught(
      [](void *const *args) {
        kinema_emulator_read_constant(static_cast<uint32_t *>(args[0]) + threadIndex(), 4, 4, 1, 1);
        kinema_emulator_barrier(0, 0, 2);
        storeGlobal(args[0], threadIndex(), 1u, 3);
      },
      watched, "which block 0 read by a load for constants (ld.global.nc) in the same launch");
  std::vector<uint32_t> sums(64, uint32_t(-1));
  expectRight(
      [](void *const *args) {
        kinema_emulator_read_constant(static_cast<uint32_t *>(args[0]) + threadIndex(), 4, 4, 1, 1);
      },
      watched, sums);
}

} // namespace
