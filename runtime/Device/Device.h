// Defines the seam between a program and the machine that runs it: one arena, copies in and out, launches in
// order.
#pragma once

#include "runtime/Device/Peak.h"
#include "runtime/Package/TargetKind.h"
#include "runtime/Support/BoxMap.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

using LaunchId = int64_t;   // a launch that the device has made ready
using SequenceId = int64_t; // launches that run one after the other, again and again
using CopyId = int64_t;     // a copy that was begun

// An ArenaRange is a part of the arena.
struct ArenaRange {
  int64_t offset = 0, bytes = 0; // multiples of 4
};

// Describes a launch. Offsets are bytes of the arena.
struct LaunchDescription {
  std::string symbol;  // the kernel's symbol in the code
  std::string layer;   // for messages
  int64_t grid = 0;    // blocks
  int64_t block = 0;   // threads, on a GPU
  int64_t scratch = 0; // bytes, of a thread on a CPU, of a block on a GPU
  std::span<const int64_t> args;
  std::span<const BoxMap> maps = {}; // which the kernel takes behind its arguments, on a GPU
};

// Tells a device from those of other ranks, and how it can be joined with them.
struct DeviceLink {
  std::string device;   // differs for any two devices
  std::string library;  // by which devices are joined, with its version
  std::string obstacle; // why this device cannot be joined with others; empty: it can
};

// Says which devices are joined, each that of one rank.
struct DeviceGroup {
  std::string id; // of Device::makeGroup of one of them
  int rank = 0, count = 1;
  double patience = 0;         // seconds to wait for the others
  int64_t roundedElements = 0; // the most numbers that one sum takes rounded
  // Is called on another thread where the others have not joined in that time, and ends the process.
  std::function<void()> unjoined;
};

// Names f32 numbers of the arena that are to be added up over a group, multiplied by a factor of this device
// where there is one; then there is one for all devices. Those that are to be rounded travel as bfloat16:
// what is added up is rounded, and so are the sums. They have no factor.
struct ArenaSum {
  int64_t offset = 0, elements = 0;
  std::optional<float> factor;
  bool rounded = false;
};

// Says what a sequence adds up behind so many of its launches.
struct SequenceSums {
  int64_t behind = 0;
  std::vector<ArenaSum> sums;
  bool awaited = false; // the next launch finds the sums; else those behind the sequence do
};

// A Device is a machine that runs kernels. All functions throw Error.
class Device {
public:
  virtual ~Device() = default;

  // Returns, for instance, "CPU, 2 threads".
  virtual std::string describe() const = 0;

  // Makes the arena, filled with zeros. It is called once, before all functions below.
  virtual void allocate(int64_t bytes) = 0;

  // Copies take place after the launches that were started before them, and before those that are started
  // later. Offsets and sizes are bytes of the arena.

  // The caller may use `from` again on return, though the copy may still be under way.
  virtual void copyIn(int64_t offset, const void *from, int64_t bytes) = 0;
  virtual void copyOut(int64_t offset, void *to, int64_t bytes) = 0;
  // These two copy out in two parts, so that launches may be started between them. Each copy is finished
  // once.
  virtual CopyId beginCopyOut(int64_t offset, int64_t bytes) = 0;
  virtual void finishCopyOut(CopyId id, void *to) = 0;
  // Returns the arena itself where it lies in this machine's memory, to be read and written between launches
  // in place of copies; else null.
  virtual void *hostMemory(int64_t offset, int64_t bytes) { return nullptr; }
  // `bytes` is a multiple of 4.
  virtual void fill(int64_t offset, int64_t bytes, uint32_t pattern) = 0;

  // Loads machine code (an entry of the package), which messages call `name`. A GPU takes several, one after
  // the other, and finds kernels in all of them.
  virtual void loadCode(std::string_view code, const std::string &name) = 0;

  // Has the calling thread be one that may call all other functions; whoever made the device is one already.
  virtual void enterThread() {}

  // Says that the kernels of the code have a watchdog, which leaves the number of one of these sites where it
  // ends a kernel that waits for ever. It is called before anything is prepared. A device whose kernels have
  // no watchdog does nothing.
  virtual void watch(const std::vector<std::string> &sites) {}

  // Says that each kernel of the code waits by itself until the launches before its own have ended, so that
  // it may be begun earlier. It is called before anything is prepared. A device that cannot do so does
  // nothing.
  virtual void beginLaunchesEarly() {}

  virtual LaunchId prepare(const LaunchDescription &description) = 0;
  // Makes a sequence of launches ready, which messages call `name`. Each run of it first fills `zeroed` with
  // zeros.
  virtual SequenceId prepareSequence(const std::string &name, std::span<const LaunchId> launches,
                                     ArenaRange zeroed) = 0;
  // Makes a sequence ready that adds up over the joined devices between its launches, as `addUp` and
  // `awaitSums` do, without this machine's help. It returns nothing unless the device `capturesSums`.
  virtual std::optional<SequenceId> prepareSequenceWithSums(const std::string &name,
                                                            std::span<const LaunchId> launches,
                                                            ArenaRange zeroed,
                                                            std::span<const SequenceSums> sums) {
    return std::nullopt;
  }
  virtual bool capturesSums() const { return false; }

  // These two start what was made ready, after all that was started before. They do not allocate.
  virtual void launch(LaunchId id) = 0;
  virtual void run(SequenceId id) = 0;
  // Returns when all launches have ended. Copies out wait by themselves.
  virtual void wait() = 0;

  // Remembers as moment `number`, from 0, when all that was started before has ended; an earlier moment of
  // that number is forgotten.
  virtual void mark(int64_t number) = 0;
  // Returns the seconds from one remembered moment to a later one, and waits for the latter.
  virtual double secondsBetween(int64_t from, int64_t to) = 0;

  // Returns whether `launch` only starts a launch, which ends later.
  virtual bool launchesAhead() const { return false; }

  // These join the device with those of other ranks, all of which call them in the same order, so that sums
  // need not pass through the machines' memory. They are for a device whose link names no obstacle.
  virtual DeviceLink link() { return {"", "", "it is not a GPU"}; }
  virtual std::string makeGroup() { return ""; }
  virtual void join(const DeviceGroup &group) {}
  // Starts adding up what the launches leave that were started before. Launches that are started later may
  // begin before it has ended; they must not touch these numbers before `awaitSums`, behind which what is
  // started finds the sums.
  virtual void addUp(std::span<const ArenaSum> sums) {}
  virtual void awaitSums() {}

  // Counts the bytes of the device's memory that are in use: the arena and what copies and sums take besides.
  virtual int64_t memory() const = 0;

  // Measures what the device can do at most with all its threads; returns zeros where nobody measures it.
  virtual Peak measurePeak() { return {}; }
};

// More threads would cost memory and win nothing.
inline constexpr int maxThreads = 256;

// Makes a device of this machine's cores. `threads` 0 means as many as the process may use. The results do
// not depend on the number.
std::unique_ptr<Device> makeCpuDevice(int threads = 0);

// Makes a device that runs kernels made for a GPU on the CPU and checks all that they do; a launch that does
// what it must not do is an Error. KINEMA_EMULATOR_SEED decides in which order threads run and copies land
// (runtime/Emulator/Emulator.h).
std::unique_ptr<Device> makeEmulatorDevice(int threads = 0);
inline constexpr char emulatorTarget[] = "emulator";
inline constexpr char emulatorLevel[] = "x86-64-v3";       // of its code
inline constexpr char emulatorCode[] = "code/emulator.so"; // the package's entry

// Makes a device of an NVIDIA GPU (runtime/Cuda), numbered from 0 as the driver does. `target` is that of the
// code, "sm_90a". With KINEMA_CUDA_SYNC=1 in the environment each launch is waited for, so that an error
// names its kernel.
std::unique_ptr<Device> makeCudaDevice(int number, const std::string &target);

struct CudaGpu {
  std::string name;
  std::string architecture;                // such as "sm_90"; empty where the driver does not say
  std::optional<int64_t> sharedBytes = {}; // the most shared memory that a block may have; null: unknown
};
// Returns the GPU of that number; nothing where there is no such GPU or no driver.
std::optional<CudaGpu> findCudaGpu(int number = 0);
// Lists the GPUs by their numbers; there are none where there is no driver.
std::vector<CudaGpu> cudaGpus();

// Returns the number in "cuda:N", `gpu` for "cuda", and -1 for other names.
int cudaNumber(const std::string &name, int gpu = 0);

// Throws Error where there is no device of that name, whatever the code is for.
void checkDeviceName(const std::string &name);

// Makes the device `name` for code of a target (Manifest::kind, Manifest::target). "auto" or an empty name
// means what the target wants; the others are "cpu", "cuda", "cuda:N" and "emulator". Throws Error where the
// code is for another device, or where there is no such device. `gpu` is the GPU that "auto" and "cuda" mean.
std::unique_ptr<Device> makeDevice(const std::string &name, TargetKind kind, const std::string &target,
                                   int threads = 0, int gpu = 0);

} // namespace kinema
