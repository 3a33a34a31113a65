// mbarriers and copies that run by themselves: what they do, and what is said of kernels that forget a wait.
#include "test/runtime/Emulator/Machine.h"

#include "runtime/Emulator/TensorMap.h"
#include "runtime/Support/Error.h"

#include <numeric>

using namespace kinema;
using namespace kinema::emulator;

namespace {

// Shared memory of the kernels below: an mbarrier at 0, data from 1024 on.
void *barrier() { return shared<char>(0); }

void initialise(uint32_t count) {
  if (threadIndex() == 0) {
    kinema_emulator_mbarrier_init(barrier(), count, 1);
    kinema_emulator_fence_mbarrier_init(2);
  }
  kinema_emulator_barrier(0, 0, 3);
}

std::vector<uint32_t> iota(uint32_t first, size_t count) {
  std::vector<uint32_t> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

TEST(EmulatorMBarrier, arrivalsOrderMemory) {
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        initialise(32);
        for (uint32_t phase = 0; phase < 4; ++phase) {
          if (i < 32) {
            storeShared(1024 + 4 * i, i + phase, 4);
            kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 0, 5);
          } else {
            kinema_emulator_mbarrier_wait_parity(barrier(), phase & 1, 6);
            storeGlobal(args[0], i - 32, loadShared<uint32_t>(1024 + 4 * (63 - i), 7));
          }
          kinema_emulator_barrier(0, 0, 8);
        }
      },
      {.threads = 64},
      [] {
        auto values = iota(3, 32);
        std::reverse(values.begin(), values.end());
        return values;
      }());
}

TEST(EmulatorMBarrier, aWaitForThePhaseBeforeOrdersNothing) {
  expectCaught(
      [](void *const *) {
        uint32_t i = threadIndex();
        initialise(32);
        if (i < 32) {
          storeShared(1024 + 4 * i, i, 4);
          kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 0, 5);
        } else {
          kinema_emulator_mbarrier_wait_parity(barrier(), 1, 6); // the phase before the first is complete
          loadShared<uint32_t>(1024 + 4 * (63 - i), 7);
        }
      },
      {.threads = 64}, ""); // by then, the phase may have the other parity: that is a wait for ever
}

TEST(EmulatorMBarrier, tests) {
  expectRight(
      [](void *const *args) {
        uint32_t i = threadIndex();
        initialise(64);
        if (i < 32) {
          storeShared(1024 + 4 * i, i, 4);
          kinema_emulator_mbarrier_arrive(barrier(), 2, 0, 0, 5);
        } else {
          uint64_t phase = 0;
          while (!(i % 2 ? kinema_emulator_mbarrier_test(barrier(), phase, i % 4 == 1, 6)
                         : kinema_emulator_mbarrier_test_parity(barrier(), 0, i % 4 == 0, 6))) {
          }
          storeGlobal(args[0], i - 32, loadShared<uint32_t>(1024 + 4 * (i - 32), 7));
        }
      },
      {.threads = 64}, iota(0, 32));
}

TEST(EmulatorMBarrier, wrongUses) {
  expectCaught([](void *const *) { kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 0, 1); }, {.threads = 1},
               "there is no mbarrier at 0");
  expectCaught([](void *const *) { kinema_emulator_mbarrier_init(shared<char>(4), 1, 1); }, {.threads = 1},
               "an mbarrier must be at a multiple of 8, and is at 4");
  expectCaught([](void *const *) { kinema_emulator_mbarrier_init(barrier(), 0, 1); }, {.threads = 1},
               "an mbarrier for 0 arrivals");
  expectCaught(
      [](void *const *) {
        initialise(1);
        kinema_emulator_mbarrier_arrive(barrier(), 2, 0, 0, 4);
      },
      {.threads = 1}, "arrives 2 times at the mbarrier at 0, phase 0, which lacks 1 of 1 arrivals");
  expectCaught(
      [](void *const *) {
        initialise(1);
        loadShared<uint32_t>(4, 4);
      },
      {.threads = 1}, "reads 4 bytes of shared memory; an mbarrier lies at 0");
  expectCaught(
      [](void *const *) {
        if (threadIndex() == 0)
          kinema_emulator_mbarrier_init(barrier(), 1, 1);
        if (threadIndex() == 40)
          kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 0, 1);
      },
      {.threads = 64}, "mbarrier");
  expectCaught(
      [](void *const *) {
        initialise(2);
        kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 16, 4);
        kinema_emulator_mbarrier_wait_parity(barrier(), 0, 5);
      },
      {.threads = 1},
      "thread 0 waits for the mbarrier at 0, phase 0, which lacks 1 of 2 arrivals and 16 bytes, at site 5");
}

// ---- Bulk copies

// Copies 256 bytes of the input to shared memory, and from there to the output; each flag leaves something
// out.
enum : uint32_t {
  noWait = 1,
  fewerBytes = 2,
  moreBytes = 4,
  noFence = 8,
  noReadWait = 16,
  noInitFence = 32,
  badSize = 64,
  laterReuse = 128
};

template <uint32_t wrong> void bulkKernel(void *const *args) {
  uint32_t i = threadIndex();
  char *out = static_cast<char *>(args[0]), *in = out + 256;
  if (i == 0) {
    kinema_emulator_mbarrier_init(barrier(), 1, 1);
    if (!(wrong & noInitFence))
      kinema_emulator_fence_mbarrier_init(2);
  }
  kinema_emulator_barrier(0, 0, 3);
  if (i == 0) {
    uint32_t bytes = wrong & badSize ? 250 : 256;
    kinema_emulator_mbarrier_arrive(barrier(), 1, 0,
                                    wrong & fewerBytes  ? 128
                                    : wrong & moreBytes ? 512
                                                        : 256,
                                    4);
    kinema_emulator_bulk_load(shared<char>(1024), in, barrier(), bytes / 2, 0, 5);
    kinema_emulator_bulk_load(shared<char>(1024 + 128), in + 128, barrier(), 128, 0, 5);
  }
  if (!(wrong & noWait))
    kinema_emulator_mbarrier_wait_parity(barrier(), 0, 6);
  storeShared(1024 + 4 * i, loadShared<uint32_t>(1024 + 4 * i, 7) + 1, 7);
  if (!(wrong & noFence))
    kinema_emulator_fence_proxy(0, 8);
  kinema_emulator_barrier(0, 0, 3);
  if (i == 0) {
    kinema_emulator_bulk_store(out, shared<char>(1024), 256, 9);
    kinema_emulator_bulk_commit(9);
    if (!(wrong & noReadWait))
      kinema_emulator_bulk_wait(0, 1, 9);
    if (wrong & laterReuse)
      storeShared(1024, 5u, 9);
  }
}

std::string bulkMessage(KernelFunction kernel, uint64_t seed, bool &right) {
  std::vector<uint32_t> values = iota(0, 128);
  auto violation = runKernel(kernel, {.threads = 64}, seed, {bytesOf(values)});
  right = true;
  for (uint32_t i = 0; i < 64; ++i)
    right &= values[i] == 64 + i + 1;
  return violation ? violation->what : "";
}

template <uint32_t wrong> void expectBulk(const std::string &message) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    bool right;
    std::string what = bulkMessage(bulkKernel<wrong>, seed, right);
    if (message.empty()) {
      ASSERT_EQ(what, "") << "seed " << seed;
      ASSERT_TRUE(right) << "seed " << seed;
    } else {
      ASSERT_NE(what.find(message), std::string::npos) << "seed " << seed << ": " << what;
    }
  }
}

TEST(EmulatorBulk, loadsAndStores) { expectBulk<0>(""); }
TEST(EmulatorBulk, loadNotWaitedFor) { expectBulk<noWait>("of shared memory; "); }
TEST(EmulatorBulk, fewerBytesExpectedThanCopied) { expectBulk<fewerBytes>("the mbarrier at 0"); }
TEST(EmulatorBulk, moreBytesExpectedThanCopied) {
  expectBulk<moreBytes>("waits for the mbarrier at 0, phase 0, which lacks 0 of 1 arrivals and 256 bytes");
}
TEST(EmulatorBulk, storeWithoutProxyFence) { expectBulk<noFence>("without a fence.proxy.async since then"); }
TEST(EmulatorBulk, storeNotWaitedFor) {
  // Where the copy has landed by chance when the block ends, nothing shows.
  bool right;
  EXPECT_NE(bulkMessage(bulkKernel<noReadWait>, 0, right).find("the block ends while this copy is under way"),
            std::string::npos);
}
TEST(EmulatorBulk, initialisationWithoutFence) {
  expectBulk<noInitFence>("but no fence.mbarrier_init follows");
}
TEST(EmulatorBulk, oddSize) { expectBulk<badSize>("a bulk copy of 125 bytes: must be a multiple of 16"); }
TEST(EmulatorBulk, sourceReusedAfterTheWait) {
  bool right;
  for (uint64_t seed = 0; seed < 10; ++seed)
    EXPECT_EQ(bulkMessage(bulkKernel<laterReuse>, seed, right), "");
}
TEST(EmulatorBulk, sourceReusedBeforeTheWait) {
  expectBulk<laterReuse | noReadWait>("a bulk copy of thread 0 read the byte at 1024");
}

// ---- cp.async

template <bool waits, bool synchronises> void copyAsyncKernel(void *const *args) {
  uint32_t i = threadIndex();
  char *out = static_cast<char *>(args[0]), *in = out + 256;
  for (uint32_t stage = 0; stage < 2; ++stage) {
    kinema_emulator_copy_async(shared<char>(1024 * (stage + 1) + 4 * i), in + 4 * i, 4,
                               stage   ? 4
                               : i % 4 ? 4
                                       : 0,
                               1);
    kinema_emulator_copy_async_commit(2);
  }
  if (waits)
    kinema_emulator_copy_async_wait(1, 3); // the first of the two
  if (synchronises)
    kinema_emulator_barrier(0, 0, 4);
  uint32_t first = loadShared<uint32_t>(1024 + 4 * (i ^ 1), 5);
  kinema_emulator_copy_async_wait(0, 6);
  storeGlobal(out, i, first + 1000 * loadShared<uint32_t>(2048 + 4 * i, 7));
}

std::string copyAsyncMessage(KernelFunction kernel, uint64_t seed, std::vector<uint32_t> &values) {
  values = iota(0, 128);
  auto violation = runKernel(kernel, {.threads = 64}, seed, {bytesOf(values)});
  return violation ? violation->what : "";
}

TEST(EmulatorCopyAsync, groupsAndZeros) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<uint32_t> values;
    ASSERT_EQ(copyAsyncMessage(copyAsyncKernel<true, true>, seed, values), "");
    for (uint32_t i = 0; i < 64; ++i)
      ASSERT_EQ(values[i], ((i ^ 1) % 4 ? 64 + (i ^ 1) : 0) + 1000 * (64 + i)) << "seed " << seed;
  }
}

TEST(EmulatorCopyAsync, missingWaitsAndBarriers) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<uint32_t> values;
    EXPECT_NE(copyAsyncMessage(copyAsyncKernel<false, true>, seed, values).find("a cp.async of thread"),
              std::string::npos);
    EXPECT_NE(copyAsyncMessage(copyAsyncKernel<true, false>, seed, values), "");
  }
}

TEST(EmulatorCopyAsync, arrivesAtAnMBarrier) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<uint32_t> values;
    ASSERT_EQ(copyAsyncMessage(
                  [](void *const *args) {
                    uint32_t i = threadIndex();
                    char *out = static_cast<char *>(args[0]), *in = out + 256;
                    initialise(64);
                    kinema_emulator_copy_async(shared<char>(1024 + 4 * i), in + 4 * i, 4, 4, 4);
                    kinema_emulator_copy_async_arrive(barrier(), /*isCounted=*/1, 5);
                    kinema_emulator_mbarrier_wait_parity(barrier(), 0, 6);
                    storeGlobal(out, i, loadShared<uint32_t>(1024 + 4 * (63 - i), 7));
                  },
                  seed, values),
              "");
    for (uint32_t i = 0; i < 64; ++i)
      ASSERT_EQ(values[i], 64 + 63 - i);
  }
}

// ---- Tensors

struct Tensor {
  TensorParameters parameters;
  std::vector<uint8_t> storage;
  std::byte *memory = nullptr;
  uint64_t bytes = 1;

  // Values differ from byte to byte. A row is padded to a multiple of 16 bytes, and 16 more.
  Tensor(int elementBytes, std::vector<uint64_t> dims, std::vector<uint32_t> box, Swizzle swizzle,
         std::vector<uint32_t> steps = {}) {
    parameters.elementBytes = elementBytes;
    parameters.rank = int(dims.size());
    bytes = (dims[0] * elementBytes + 15) / 16 * 16 + 16;
    for (size_t i = 0; i < dims.size(); ++i) {
      parameters.dims[i] = dims[i];
      parameters.box[i] = box[i];
      if (!steps.empty())
        parameters.steps[i] = steps[i];
      if (i > 0) {
        parameters.strides[i] = bytes;
        bytes *= dims[i];
      }
    }
    parameters.swizzle = swizzle;
    storage.resize(bytes + 16);
    memory = reinterpret_cast<std::byte *>((reinterpret_cast<uint64_t>(storage.data()) + 15) / 16 * 16);
    for (uint64_t i = 0; i < bytes; ++i)
      memory[i] = std::byte(1 + i * 7 % 251);
    parameters.address = memory;
  }

  // The byte `part` of an element; 0 outside.
  std::byte at(const std::vector<int64_t> &coordinates, int part) const {
    uint64_t offset = uint64_t(coordinates[0]) * parameters.elementBytes + part;
    for (int i = 0; i < parameters.rank; ++i) {
      if (coordinates[i] < 0 || coordinates[i] >= int64_t(parameters.dims[i]))
        return std::byte(0);
      if (i > 0)
        offset += uint64_t(coordinates[i]) * parameters.strides[i];
    }
    return memory[offset];
  }
};

// Element by element from the definitions: what a box at these coordinates looks like in shared memory.
std::vector<std::byte> expectedBox(const Tensor &tensor, const std::vector<int32_t> &first,
                                   uint32_t address) {
  const TensorParameters &p = tensor.parameters;
  std::vector<uint32_t> counts;
  uint32_t elements = 1;
  for (int i = 0; i < p.rank; ++i) {
    uint32_t step = i == 0 ? 1 : p.steps[i];
    counts.push_back((p.box[i] + step - 1) / step);
    elements *= counts.back();
  }
  std::vector<std::byte> box(elements * p.elementBytes);
  for (uint32_t e = 0; e < elements; ++e) {
    std::vector<int64_t> coordinates;
    uint32_t rest = e;
    for (int i = 0; i < p.rank; ++i) {
      coordinates.push_back(first[i] + int64_t(rest % counts[i]) * (i == 0 ? 1 : p.steps[i]));
      rest /= counts[i];
    }
    for (int part = 0; part < p.elementBytes; ++part) {
      uint32_t at = address + e * p.elementBytes + part;
      // 16-byte chunk within 32, 64 or 128 bytes, exclusive-or the number of the 128-byte line
      uint32_t span = p.swizzle == Swizzle::None ? 16 : 16u << int(p.swizzle);
      uint32_t chunk = at / 16 % (span / 16), line = at / 128 % (span / 16);
      at = at / span * span + (chunk ^ line) * 16 + at % 16;
      box[at - address] = tensor.at(coordinates, part);
    }
  }
  return box;
}

void tensorKernel(void *const *args) {
  const int32_t *setup = static_cast<const int32_t *>(args[2]); // rank, coordinates, box bytes
  initialise(1);
  if (threadIndex() == 0) {
    kinema_emulator_mbarrier_arrive(barrier(), 1, 0, uint32_t(setup[6]), 4);
    kinema_emulator_tensor_load(shared<char>(1024), args[1], barrier(), uint32_t(setup[0]), setup + 1, 0,
                                nullptr, 0, 5);
  }
  kinema_emulator_mbarrier_wait_parity(barrier(), 0, 6);
  for (int i = int(threadIndex()); i < setup[6]; i += 32)
    storeGlobal(args[0], i, loadShared<uint8_t>(uint32_t(1024 + i), 7));
}

// Shared address 1024 + 1024: a multiple of 1024, where all swizzles start.
void expectTensor(Tensor tensor, const std::vector<int32_t> &first) {
  TensorMap map = encode(tensor.parameters);
  std::vector<std::byte> expected = expectedBox(tensor, first, 2048);
  int32_t setup[7] = {tensor.parameters.rank};
  std::copy(first.begin(), first.end(), setup + 1);
  setup[6] = int32_t(expected.size());
  ASSERT_EQ(map.boxBytes(), expected.size());
  for (uint64_t seed : {0, 1, 3, 4}) {
    std::vector<std::byte> out(expected.size());
    Kernel kernel;
    kernel.sharedLimit = 227 * 1024;
    kernel.name = "tensor";
    kernel.function = tensorKernel;
    kernel.threads[0] = 32;
    kernel.sites = testSites;
    Launch launch;
    launch.kernel = &kernel;
    launch.dynamicShared = 64 * 1024;
    launch.args = {out.data(), &map, setup};
    launch.memory = {{out.data(), int64_t(out.size())}, {tensor.memory, int64_t(tensor.bytes)}};
    launch.seed = seed;
    auto violation = run(launch);
    ASSERT_FALSE(violation) << violation->what;
    EXPECT_EQ(out, expected);
  }
}

TEST(EmulatorTensor, boxes) {
  expectTensor(Tensor(4, {40}, {16}, Swizzle::None), {8});
  expectTensor(Tensor(2, {40, 9}, {16, 4}, Swizzle::None), {8, 3});
  expectTensor(Tensor(8, {6, 5, 4}, {4, 3, 2}, Swizzle::None), {1, 1, 1});
  expectTensor(Tensor(2, {16, 5, 4, 3, 2}, {8, 2, 3, 2, 2}, Swizzle::None), {8, 2, 1, 1, 0});
  expectTensor(Tensor(1, {100, 5}, {48, 5}, Swizzle::None), {3, 0});
}

TEST(EmulatorTensor, outsideIsZero) {
  expectTensor(Tensor(4, {10, 7}, {8, 4}, Swizzle::None), {-3, -2});
  expectTensor(Tensor(4, {10, 7}, {8, 4}, Swizzle::None), {6, 5});
  expectTensor(Tensor(4, {10, 7}, {8, 4}, Swizzle::None), {40, 0});
  expectTensor(Tensor(2, {56, 8, 3}, {64, 3, 2}, Swizzle::Bytes128), {-1, -1, 2});
}

TEST(EmulatorTensor, swizzles) {
  expectTensor(Tensor(2, {64, 40}, {16, 32}, Swizzle::Bytes32), {16, 4});
  expectTensor(Tensor(2, {64, 40}, {32, 32}, Swizzle::Bytes64), {16, 4});
  expectTensor(Tensor(2, {64, 40}, {64, 32}, Swizzle::Bytes128), {0, 4});
  expectTensor(Tensor(4, {64, 40}, {32, 9}, Swizzle::Bytes128), {8, 4});
}

TEST(EmulatorTensor, steps) {
  expectTensor(Tensor(4, {16, 20, 9}, {8, 7, 5}, Swizzle::None, {1, 2, 3}), {4, 1, 2});
}

TEST(EmulatorTensor, whatTheDriverRefuses) {
  auto message = [](Tensor tensor) -> std::string {
    try {
      encode(tensor.parameters);
    } catch (const Error &error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message(Tensor(4, {16}, {3}, Swizzle::None)),
            "tensor map: a box is 12 bytes wide; must be a multiple of 16");
  EXPECT_EQ(message(Tensor(4, {16}, {16}, Swizzle::Bytes32)),
            "tensor map: a box is 64 bytes wide; the swizzle takes 32 at most");
  EXPECT_EQ(message(Tensor(4, {16}, {260}, Swizzle::None)),
            "tensor map: a box spans 260 positions of dimension 0; must be 1 to 256");
  Tensor odd(4, {16, 2}, {4, 1}, Swizzle::None);
  odd.parameters.strides[1] = 72;
  EXPECT_EQ(message(odd),
            "tensor map: the stride of dimension 1 is 72 bytes; must be a multiple of 16 below 2^40");
}

// ---- Copies to several blocks

TEST(EmulatorBulk, multicast) {
  // Block 0 of each pair copies for both; each waits at its own mbarrier.
  for (uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<uint32_t> values = iota(0, 64 + 64);
    auto violation = runKernel(
        [](void *const *args) {
          uint32_t i = threadIndex(), block = blockIndex();
          initialise(1);
          if (i == 0)
            kinema_emulator_mbarrier_arrive(barrier(), 1, 0, 128, 4);
          kinema_emulator_cluster_arrive(0, 4);
          kinema_emulator_cluster_wait(4);
          if (block == 0 && i == 0)
            kinema_emulator_bulk_load(shared<char>(1024), static_cast<char *>(args[0]) + 256, barrier(), 128,
                                      3, 5);
          kinema_emulator_mbarrier_wait_parity(barrier(), 0, 6);
          storeGlobal(args[0], 32 * block + i, loadShared<uint32_t>(1024 + 4 * i, 7));
          kinema_emulator_cluster_arrive(0, 8);
          kinema_emulator_cluster_wait(8);
        },
        {.threads = 32, .grid = 2, .cluster = 2}, seed, {bytesOf(values)});
    ASSERT_FALSE(violation) << violation->what;
    for (uint32_t i = 0; i < 64; ++i)
      ASSERT_EQ(values[i], 64 + i % 32);
  }
}

// ---- im2col

TEST(EmulatorTensor, im2col) {
  // N 2, D 3, H 4, W 5, C 8, bf16-sized elements; a 3 x 3 x 3 window padded by one: the corners are -1 and
  // -1.
  constexpr int C = 8, W = 5, H = 4, D = 3, N = 2, pixels = 70;
  alignas(64) std::array<uint16_t, C * W * H * D * N> tensor;
  for (size_t i = 0; i < tensor.size(); ++i)
    tensor[i] = uint16_t(i + 1);
  Im2colParameters parameters;
  parameters.tensor.address = tensor.data();
  parameters.tensor.elementBytes = 2;
  parameters.tensor.rank = 5;
  parameters.tensor.dims = {C, W, H, D, N};
  parameters.tensor.strides = {2, C * 2, C * W * 2, C * W * H * 2, C * W * H * D * 2};
  parameters.lower = {-1, -1, -1};
  parameters.upper = {-1, -1, -1};
  parameters.channels = C;
  parameters.pixels = pixels;
  TensorMap map = encode(parameters);
  for (int dw = 0; dw < 3; ++dw)
    for (int dh = 0; dh < 3; ++dh)
      for (int dd = 0; dd < 3; ++dd) {
        // Output pixels of the convolution are as many as inputs; from (w 2, h 1, d 0, n 0) on.
        int32_t coordinates[5] = {0, 2 - 1, 1 - 1, 0 - 1, 0}, offsets[3] = {dw, dh, dd};
        std::array<uint16_t, C * pixels> box;
        box.fill(9999);
        loadIm2col(map, coordinates, offsets, reinterpret_cast<std::byte *>(box.data()), 0);
        int first = 2 + W * 1;
        for (int p = 0; p < pixels; ++p) {
          int output = first + p, n = output / (W * H * D);
          int w = output % W + dw - 1, h = output / W % H + dh - 1, d = output / W / H % D + dd - 1;
          bool inside = w >= 0 && w < W && h >= 0 && h < H && d >= 0 && d < D && n < N;
          for (int c = 0; c < C; ++c)
            ASSERT_EQ(box[p * C + c], inside ? tensor[(((n * D + d) * H + h) * W + w) * C + c] : 0)
                << "pixel " << p << " tap " << dw << dh << dd;
        }
      }
}

} // namespace
