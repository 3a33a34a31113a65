// What the emulator says of operations that are used in a wrong way: each of its messages at least once.
#include "test/runtime/Emulator/Machine.h"

#include "runtime/Emulator/TensorMap.h"
#include "runtime/Support/Error.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

using namespace kinema;
using namespace kinema::emulator;

namespace {

// Shared memory of the kernels below: an mbarrier at 0, data from 1024 on.
void *barrier() { return shared<char>(0); }

void initialise(uint32_t count) {
  kinema_emulator_mbarrier_init(barrier(), count, 1);
  kinema_emulator_fence_mbarrier_init(2);
}

constexpr Shape one = {.threads = 1}, warpgroup = {.threads = 128};

// ---- Threads

TEST(EmulatorWrongUses, accesses) {
  expectCaught([](void *const *) { kinema_emulator_read(shared<char>(2), 4, 4, 3, 1); }, one,
               "reads 4 bytes at an address that is no multiple of 4: 0x402");
  expectCaught(
      [](void *const *) {
        kinema_emulator_read(kinema_emulator_map_rank(shared<char>(0), 1 - blockIndex(), 1), 4, 4, 3, 2);
      },
      {.threads = 1, .grid = 2, .cluster = 2},
      "reads 4 bytes of another block's shared memory as if it were its own");
  expectCaught([](void *const *) { kinema_emulator_register(99, 1); }, one,
               "there is no special register of number 99");
  static uint32_t nobodys = 0;
  auto violation = runKernel([](void *const *) { kinema_emulator_read(&nobodys, 4, 4, 1, 1); }, one, 0, {});
  ASSERT_TRUE(violation);
  EXPECT_NE(violation->what.find("reads 4 bytes of global memory, of which it has none"), std::string::npos);
}

TEST(EmulatorWrongUses, barriers) {
  expectCaught([](void *const *) { kinema_emulator_barrier(16, 0, 1); }, one,
               "there are barriers 0 to 15, not 16");
  expectCaught([](void *const *) { kinema_emulator_barrier(1, 33, 1); }, {},
               "barrier 1 for 33 threads: must be a multiple of 32, up to the block's 32");
  expectCaught(
      [](void *const *) {
        kinema_emulator_barrier_arrive(1, threadIndex() < 32 ? 64 : 96, 1);
        kinema_emulator_barrier(0, 0, 2);
      },
      {.threads = 96}, "threads; the threads that arrived before said");
  expectCaught(
      [](void *const *) {
        kinema_emulator_barrier_arrive(1, 64, 1);
        kinema_emulator_barrier_arrive(1, 64, 2);
      },
      {.threads = 64}, "at site 2: arrives twice at barrier 1");
  expectCaught(
      [](void *const *) {
        kinema_emulator_cluster_arrive(0, 1);
        kinema_emulator_cluster_arrive(0, 2);
      },
      one, "at site 2: arrives twice at the cluster's barrier without a wait");
}

TEST(EmulatorWrongUses, launches) {
  auto message = [](const Shape &shape) -> std::string {
    try {
      runKernel([](void *const *) {}, shape, 0, {});
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({.staticShared = 50000}),
            "kernel test has 50000 bytes of static shared memory; a GPU gives 49152");
  EXPECT_EQ(message({.grid = 17, .cluster = 17}),
            "kernel test has clusters of 17 blocks; a GPU runs 1 to 16");
  EXPECT_EQ(message({.grid = 3, .cluster = 2}),
            "kernel test has clusters of 2 blocks and a grid of 3: not a multiple");
}

// ---- mbarriers

TEST(EmulatorWrongUses, mbarriers) {
  expectCaught([](void *const *args) { kinema_emulator_mbarrier_arrive(args[0], 1, 0, 0, 1); }, one,
               "an mbarrier must be in shared memory, and is at 0x");
  expectCaught([](void *const *args) { kinema_emulator_mbarrier_init(args[0], 1, 1); }, one,
               "an mbarrier must be in the block's shared memory, and is at 0x");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_expect(barrier(), 16, 3);
        kinema_emulator_mbarrier_invalidate(barrier(), 4);
      },
      one,
      "invalidates the mbarrier at 0, phase 0, which lacks 1 of 1 arrivals and 16 bytes, which is still in "
      "use");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_expect(barrier(), 16, 3);
      },
      one, "the block ends with the mbarrier at 0, phase 0, which lacks 1 of 1 arrivals and 16 bytes");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_expect(barrier(), 1 << 20, 3);
      },
      one, "1 of 1 arrivals and 1048576 bytes: it counts up to 1048575");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_wait_parity(barrier(), 2, 3);
      },
      one, "waits for a phase of parity 2: must be 0 or 1");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_test_parity(barrier(), 2, 0, 3);
      },
      one, "tests for a phase of parity 2: must be 0 or 1");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 16, 3);
        kinema_emulator_copy_async_arrive(barrier(), /*isCounted=*/1, 4);
      },
      one, "at site 4: arrives at the mbarrier at 0, phase 0, which lacks 0 of 1 arrivals and 16 bytes");
}

TEST(EmulatorWrongUses, aPhaseThatIsCompleteBeforeItsCopy) {
  std::vector<uint32_t> source(16);
  auto violation = runKernel(
      [](void *const *args) {
        initialise(1);
        kinema_emulator_bulk_load(shared<char>(1024), args[0], barrier(), 16, 0, 3);
        kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 0, 4);
      },
      one, /*seed=*/0, {bytesOf(source)});
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->what,
            "kernel test, block 0, thread 0, at site 3: phase 0 of the mbarrier at 0 is complete before this "
            "copy, which counts for it: fewer bytes were expected than are copied");
}

// ---- Copies

TensorMap map;

TEST(EmulatorWrongUses, copies) {
  expectCaught(
      [](void *const *args) { kinema_emulator_bulk_load(shared<char>(1032), args[0], barrier(), 16, 0, 1); },
      one, "a bulk copy to 1032 of shared memory: must be a multiple of 16");
  TensorParameters parameters;
  alignas(16) static float tensor[64];
  parameters.address = tensor;
  parameters.rank = 2;
  parameters.dims = {8, 8};
  parameters.strides = {0, 32};
  parameters.box = {4, 4};
  map = encode(parameters);
  expectCaught(
      [](void *const *) { kinema_emulator_tensor_prefetch(reinterpret_cast<const char *>(&map) + 8, 1); },
      one, "a tensor map must be at a multiple of 64, and is at 0x");
  expectCaught(
      [](void *const *) {
        alignas(64) static const char zeros[128] = {};
        kinema_emulator_tensor_prefetch(zeros, 1);
      },
      one, "there is no tensor map at 0x");
  expectCaught(
      [](void *const *) {
        int32_t coordinates[3] = {};
        kinema_emulator_tensor_store(&map, shared<char>(1024), 3, coordinates, 1);
      },
      one, "3 coordinates and 0 offsets for a tensor map of 2 dimensions");
  expectCaught(
      [](void *const *) {
        int32_t coordinates[2] = {};
        kinema_emulator_tensor_load(shared<char>(1088), &map, barrier(), 2, coordinates, 0, nullptr, 0, 1);
      },
      one, "a tensor copy to 1088 of shared memory: must be a multiple of 128");
}

TEST(EmulatorWrongUses, tensorMaps) {
  auto message = [](const std::function<void(TensorParameters &)> &change) -> std::string {
    TensorParameters parameters;
    parameters.dims = {16};
    parameters.box = {4};
    change(parameters);
    try {
      encode(parameters);
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message([](TensorParameters &p) { p.rank = 6; }),
            "tensor map: a tensor has 1 to 5 dimensions, not 6");
  EXPECT_EQ(message([](TensorParameters &p) { p.elementBytes = 3; }),
            "tensor map: an element has 1, 2, 4 or 8 bytes, not 3");
  EXPECT_EQ(message([](TensorParameters &p) { p.address = reinterpret_cast<void *>(8); }),
            "tensor map: the tensor's address is no multiple of 16");
  EXPECT_EQ(message([](TensorParameters &p) { p.dims[0] = 0; }),
            "tensor map: dimension 0 has 0 positions; must be 1 to 2^32");
  EXPECT_EQ(message([](TensorParameters &p) { p.steps[0] = 9; }),
            "tensor map: the step along dimension 0 is 9; must be 1 to 8");
  EXPECT_EQ(message([](TensorParameters &) {}), "");
}

TEST(EmulatorWrongUses, tensorMapsForIm2col) {
  auto message = [](const std::function<void(Im2colParameters &)> &change) -> std::string {
    Im2colParameters parameters;
    parameters.tensor.rank = 3;
    parameters.tensor.dims = {16, 8, 8};
    parameters.tensor.strides = {0, 64, 512};
    parameters.channels = parameters.pixels = 4;
    change(parameters);
    try {
      encode(parameters);
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message([](Im2colParameters &p) { p.tensor.rank = 2; }),
            "tensor map: im2col is for 3 to 5 dimensions, not 2");
  EXPECT_EQ(message([](Im2colParameters &p) { p.pixels = 1025; }),
            "tensor map: im2col copies 1 to 256 channels and 1 to 1024 pixels, not 4 and 1025");
  EXPECT_EQ(message([](Im2colParameters &p) { p.lower[0] = -32769; }),
            "tensor map: a corner of the bounding box is -32769; must be -32768 to 32767");
  EXPECT_EQ(message([](Im2colParameters &) {}), "");
}

// ---- Matrix operations

constexpr uint64_t operand = 2048 >> 4; // a descriptor of the shared address 2048
constexpr uint32_t adds = 1;

uint32_t tokenOf(uint32_t serial, uint32_t index) { return 0x7FAu << 20 | serial << 7 | index; }

void multiply(uint32_t *d, uint32_t n, uint64_t a = operand, uint32_t site = 5) {
  kinema_emulator_wgmma(a, operand, d, n, adds, site);
}

// A product with n = 8, whose results `d` names; `next` then goes on.
template <auto next> void afterAProduct(void *const *) {
  uint32_t d[8] = {};
  kinema_emulator_wgmma_fence(4);
  multiply(d, 8);
  next(d);
}

TEST(EmulatorWrongUses, matrices) {
  expectCaught(
      [](void *const *) {
        uint32_t registers[4];
        kinema_emulator_ldmatrix(shared<char>(0), 3, 0, registers, 1);
      },
      {}, "3 matrices: must be 1, 2 or 4");
  expectCaught([](void *const *) { kinema_emulator_set_registers(20, 0, 1); }, warpgroup,
               "20 registers: must be a multiple of 8 from 24 to 256");
  expectCaught([](void *const *) { kinema_emulator_wgmma_fence(1); }, {.threads = 32},
               "the last 32 threads of the block are no warpgroup");
}

TEST(EmulatorWrongUses, products) {
  expectCaught(
      [](void *const *) {
        uint32_t d[8] = {};
        multiply(d, 12);
      },
      warpgroup, "a product with n = 12: must be a multiple of 8 up to 256");
  expectCaught(
      [](void *const *) {
        uint32_t d[8] = {};
        kinema_emulator_wgmma_fence(4);
        multiply(d, 8, threadIndex() == 5 ? operand + 1 : operand);
      },
      warpgroup, "threads of a warpgroup give different descriptors");
  expectCaught(
      [](void *const *) {
        uint32_t d[8] = {};
        kinema_emulator_wgmma_fence(4);
        multiply(d, 8, operand | uint64_t(1) << 50);
      },
      warpgroup, "a matrix descriptor with bits that the emulator does not know: 0x4000000000000");
  expectCaught(afterAProduct<[](uint32_t *d) {
                 kinema_emulator_wgmma_commit(6);
                 kinema_emulator_wgmma_rs(d, operand, d, 8, adds, 7);
               }>,
               warpgroup, "registers of A are used without a wgmma.fence since the last commit");
}

TEST(EmulatorWrongUses, accumulators) {
  expectCaught(afterAProduct<[](uint32_t *d) {
                 if (threadIndex() == 5)
                   std::fill_n(d, 8, 0);
                 multiply(d, 8);
               }>,
               warpgroup, "some registers of D are results of a product before, others are not");
  expectCaught(afterAProduct<[](uint32_t *d) {
                 d[0] = 0;
                 multiply(d, 8);
               }>,
               warpgroup, "some registers of D are results of a product before, others are not");
  expectCaught(afterAProduct<[](uint32_t *d) {
                 std::swap(d[0], d[1]);
                 multiply(d, 8);
               }>,
               warpgroup, "the registers of D are not those of one product before");
  expectCaught(afterAProduct<[](uint32_t *d) {
                 for (uint32_t i = 0; i < 8; ++i)
                   d[i] = tokenOf(1, i);
                 multiply(d, 16);
               }>,
               warpgroup, "the registers of D are those of a product with n = 8");
  expectCaught(afterAProduct<[](uint32_t *d) {
                 kinema_emulator_wgmma_commit(6);
                 kinema_emulator_wgmma_wait(0, 7);
                 kinema_emulator_wgmma_register(d[0], 8);
                 multiply(d, 8);
               }>,
               warpgroup, "the registers of D were read since the last wgmma.fence");
  expectCaught(afterAProduct<[](uint32_t *) { kinema_emulator_wgmma_register(tokenOf(2, 0), 6); }>, warpgroup,
               "a register holds the result of a product that 256 others have followed");
  expectCaught([](void *const *) { kinema_emulator_wgmma_register(tokenOf(1, 0), 1); }, one,
               "a register holds the result of a product that never was");
}

} // namespace
