// The seam between a program and the machine that runs it: one arena, copies in and out, launches in order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kinema {

// A launch that the device has made ready.
using LaunchId = int64_t;

// All functions throw Error.
class Device {
public:
  virtual ~Device() = default;

  // "CPU, 2 threads".
  virtual std::string describe() const = 0;

  // Makes the arena, zeroed. Once, before everything below.
  virtual void allocate(int64_t bytes) = 0;

  // Offsets and sizes are bytes of the arena.
  virtual void copyIn(int64_t offset, const void *from, int64_t bytes) = 0;
  virtual void copyOut(int64_t offset, void *to, int64_t bytes) = 0;
  // bytes: a multiple of 4.
  virtual void fill(int64_t offset, int64_t bytes, uint32_t pattern) = 0;

  // Loads machine code (the package's entry). name: for messages.
  virtual void loadCode(std::string_view code, const std::string &name) = 0;

  // Makes a launch ready: the kernel `symbol` over `grid` blocks; each thread gets `scratch` bytes. args:
  // offsets.
  virtual LaunchId prepare(const std::string &symbol, int64_t scratch, int64_t grid,
                           std::span<const int64_t> args) = 0;

  // Starts a launch after all that were started before have ended. Does not allocate.
  virtual void launch(LaunchId id) = 0;
  // Returns when all launches have ended. Copies wait by themselves.
  virtual void wait() = 0;
};

// More would cost memory and win nothing.
inline constexpr int maxThreads = 256;

// The cores of this machine. threads 0: as many as the process may use. The results do not depend on the
// number.
std::unique_ptr<Device> makeCpuDevice(int threads = 0);

// Runs kernels made for a GPU on the CPU and checks all that they do; a launch that does what it must not is
// an Error. KINEMA_EMULATOR_SEED decides in which order threads run and copies land
// (runtime/Emulator/Emulator.h).
std::unique_ptr<Device> makeEmulatorDevice(int threads = 0);
inline constexpr char emulatorTarget[] = "emulator";
inline constexpr char emulatorCode[] = "code/emulator.so"; // entry of the package

// Makes the device that code for `target` (Manifest::target, or the emulator's) runs on.
std::unique_ptr<Device> makeDevice(const std::string &target, int threads = 0);

// The part of a grid that thread `thread` of `threads` runs: contiguous, in order, sizes differing by one at
// most.
struct BlockRange {
  int64_t begin = 0, end = 0;
};
constexpr BlockRange blocksOf(int64_t thread, int64_t threads, int64_t grid) {
  return {grid * thread / threads, grid * (thread + 1) / threads};
}

} // namespace kinema
