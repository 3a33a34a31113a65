// One cluster of blocks (most often one block) while it runs: its threads, who waits for what, what is under
// way.
#pragma once

#include "runtime/Emulator/Clock.h"
#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/Fiber.h"
#include "runtime/Emulator/Random.h"
#include "runtime/Emulator/SharedMemory.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kinema::emulator {

class Cluster;

constexpr int warpSize = 32;
constexpr uint32_t noSite = 0xFFFFFFFF;
constexpr uint32_t sharedLimit = 227 * 1024; // bytes that a block may have
constexpr uint32_t sharedStart = 1024;       // the first address; what lies below is the system's

// What a thread waits for.
enum class Wait : uint8_t { Nothing, Barrier, Warp };

struct Thread {
  Cluster *cluster = nullptr;
  int index = 0;  // in the cluster; also its agent
  int rank = 0;   // of its block in the cluster
  int number = 0; // in its block
  Fiber fiber;
  bool done = false;
  uint32_t site = noSite; // of the call that it is in
  Wait wait = Wait::Nothing;
  uint32_t waitDetail = 0;

  // What it knows, besides its own moments.
  Clock *clock = nullptr;
  uint32_t now = 1;         // its own time; goes on after each release and fence
  uint32_t fencedUntil = 0; // its own moments that a proxy fence has covered

  // Operands and result of a collective operation.
  std::array<uint64_t, 4> operand = {};
  uint64_t result = 0;

  int lane() const { return number % warpSize; }
  uint32_t laneBit() const { return 1u << lane(); }
};

// Lanes of a warp that meet in an operation.
struct Meeting {
  uint32_t mask = 0, arrived = 0;
  uint32_t site = noSite;
  void (*complete)(Cluster &cluster, int warp, Meeting &meeting) = nullptr;
  Clock *clock = nullptr; // of those that arrived; only where the operation orders memory
};

struct Warp {
  int first = 0;      // thread of lane 0
  uint32_t lanes = 0; // that exist
  uint32_t left = 0;  // that have exited
  std::vector<Meeting> meetings;
};

struct NamedBarrier {
  uint32_t expected = 0; // threads; 0: nobody has arrived
  uint32_t arrived = 0;
  std::vector<int> waiting;    // threads
  std::vector<uint32_t> lanes; // by warp, those that arrived
  uint32_t reduction = 0, truths = 0;
  Clock *clock = nullptr;
};

struct Block {
  int64_t number = 0; // in the grid
  int live = 0;       // threads that have not exited
  std::array<NamedBarrier, 16> barriers;
};

class Cluster {
public:
  explicit Cluster(const Launch &launch);

  // Runs the cluster whose first block is `first` of the grid.
  std::optional<Violation> run(int64_t first);

  // The calls of the thread that runs. Each may end in a violation, and then does not return.
  uint32_t specialRegister(uint32_t which);
  void *sharedAddress(uint32_t address);
  void access(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment, uint32_t space);
  void barrier(uint32_t id, uint32_t threads, uint32_t reduction, uint32_t predicate, bool waits);
  void warpSync(uint32_t mask);
  uint64_t meet(uint32_t mask, void (*complete)(Cluster &, int warp, Meeting &), bool ordersMemory = false);
  [[noreturn]] void exitThread();
  void pause();

  Thread &thread() { return *current; }
  Thread &lane(int warp, int lane) { return threads[warps[warp].first + lane]; }
  const Warp &warp(int index) const { return warps[index]; }
  template <typename... Args> [[noreturn]] void violate(fmt::format_string<Args...> format, Args &&...args) {
    stop(fmt::format(format, std::forward<Args>(args)...));
  }

private:
  struct Stopped {}; // thrown where no thread runs

  void start(int64_t first);
  void schedule();
  Thread *next();
  void switchTo(Thread &thread);
  void block(Wait wait, uint32_t detail);
  void wake(Thread &thread);
  [[noreturn]] void stop(std::string what);
  [[noreturn]] void reportDeadlock();
  std::string describeThreads();
  std::string describeWait(const Thread &thread);
  std::string describeMoment(Moment moment);
  std::string siteText(uint32_t site) const;
  static void enter(Thread &thread);

  void release(Thread &thread, Clock &into);
  void acquire(Thread &thread, Clock *from);
  void setClock(Thread &thread, Clock *clock);

  void accessShared(AccessKind kind, uint32_t address, uint64_t bytes);
  void checkGlobal(AccessKind kind, const void *address, uint64_t bytes);
  [[noreturn]] void reportConflict(const Conflict &conflict, AccessKind kind, uint64_t bytes);
  [[noreturn]] void reportOutside(AccessKind kind, const void *address, uint64_t bytes);

  void settleMeetings(int warp);
  void completeMeeting(int warp, size_t index);
  void checkBarriers(Block &block, int rank);
  void completeBarrier(Block &block, uint32_t id);
  Block &blockOf(const Thread &thread) { return blocks[thread.rank]; }

  const Launch &launch;
  int threadsPerBlock;
  int warpsPerBlock;
  uint32_t sharedBytes; // of one block

  Window window;
  AccessLog log;
  ClockPool clocks;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<Block> blocks;
  std::vector<MemoryRange> memory; // sorted
  size_t lastRange = 0;

  Random random;
  bool inOrder = true, reversed = false;
  std::vector<Thread *> runnable; // from runnableFrom on
  size_t runnableFrom = 0;
  std::vector<Thread *> paused; // run again when nobody else can
  int idleRounds = 0;           // of paused threads, since something happened
  Thread *current = nullptr;
  FiberContext scheduler = nullptr;
  std::optional<Violation> violation;
};

} // namespace kinema::emulator
