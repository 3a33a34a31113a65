// Kernels written in C++ for tests of the emulator: what the retargeted code of a kernel does, by hand.
#pragma once

#include "runtime/Emulator/Calls.h"
#include "runtime/Emulator/Emulator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace kinema::emulator {

// Special registers, by their numbers.
enum : uint32_t { threadX = 0, blockX = 6, laneRegister = 12 };

inline uint32_t threadIndex() { return kinema_emulator_register(threadX, 0); }
inline uint32_t blockIndex() { return kinema_emulator_register(blockX, 0); }

constexpr uint32_t sharedBase = 1024; // the first shared address

template <typename T> T *shared(uint32_t offset) {
  return static_cast<T *>(kinema_emulator_shared(sharedBase + offset));
}

template <typename T> T load(const T *from, uint32_t space, uint32_t site = 0) {
  kinema_emulator_read(from, sizeof(T), alignof(T), space, site);
  return *from;
}
template <typename T> void store(T *to, T value, uint32_t space, uint32_t site = 0) {
  kinema_emulator_write(to, sizeof(T), alignof(T), space, site);
  *to = value;
}
template <typename T> T loadShared(uint32_t offset, uint32_t site = 0) {
  return load(shared<T>(offset), 3, site);
}
template <typename T> void storeShared(uint32_t offset, T value, uint32_t site = 0) {
  store(shared<T>(offset), value, 3, site);
}
template <typename T> T loadGlobal(const void *base, int64_t index, uint32_t site = 0) {
  return load(static_cast<const T *>(base) + index, 1, site);
}
template <typename T> void storeGlobal(void *base, int64_t index, T value, uint32_t site = 0) {
  store(static_cast<T *>(base) + index, value, 1, site);
}

inline const char *const testSites[] = {"site 0", "site 1", "site 2", "site 3", "site 4",
                                        "site 5", "site 6", "site 7", "site 8", "site 9"};

struct Shape {
  int threads = 32;
  int64_t grid = 1;
  uint32_t sharedBytes = 4096;
  int cluster = 1;
  int workers = 1;
  bool watchesOrder = false;
  Arithmetic arithmetic = Arithmetic::InOrder;
  Profile *profile = nullptr;
  uint32_t sharedLimit = 227 * 1024; // as Hopper gives
  uint32_t staticShared = 0;
};

// Runs a kernel whose arguments are these buffers.
inline std::optional<Violation> runKernel(KernelFunction function, const Shape &shape, uint64_t seed,
                                          std::vector<std::span<std::byte>> buffers) {
  Kernel kernel;
  kernel.name = "test";
  kernel.function = function;
  kernel.threads[0] = shape.threads;
  kernel.cluster = shape.cluster;
  kernel.sharedLimit = shape.sharedLimit;
  kernel.staticShared = shape.staticShared;
  kernel.sites = testSites;
  Launch launch;
  launch.kernel = &kernel;
  launch.grid = shape.grid;
  launch.dynamicShared = shape.sharedBytes;
  launch.seed = seed;
  launch.workers = shape.workers;
  launch.watchesOrder = shape.watchesOrder;
  launch.arithmetic = shape.arithmetic;
  launch.profile = shape.profile;
  for (std::span<std::byte> buffer : buffers) {
    launch.args.push_back(buffer.data());
    launch.memory.push_back({buffer.data(), int64_t(buffer.size())});
  }
  return run(launch);
}

template <typename T> std::span<std::byte> bytesOf(std::vector<T> &values) {
  return std::as_writable_bytes(std::span(values));
}

// The kernel does its work under every order of threads.
template <typename T>
void expectRight(KernelFunction function, const Shape &shape, const std::vector<T> &expected) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<T> out(expected.size(), T(-1));
    auto violation = runKernel(function, shape, seed, {bytesOf(out)});
    ASSERT_FALSE(violation) << "seed " << seed << ": " << violation->what;
    ASSERT_EQ(out, expected) << "seed " << seed;
  }
}

// The kernel is caught under every order of threads, with this in the message.
inline void expectCaught(KernelFunction function, const Shape &shape, const std::string &message) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<uint32_t> out(4096);
    auto violation = runKernel(function, shape, seed, {bytesOf(out)});
    ASSERT_TRUE(violation) << "seed " << seed;
    EXPECT_NE(violation->what.find(message), std::string::npos) << "seed " << seed << ": " << violation->what;
  }
}

} // namespace kinema::emulator
