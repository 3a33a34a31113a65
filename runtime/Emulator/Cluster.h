// One cluster of blocks (most often one block) while it runs: its threads, who waits for what, what is under
// way.
#pragma once

#include "runtime/Emulator/Clock.h"
#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/Fiber.h"
#include "runtime/Emulator/GlobalLog.h"
#include "runtime/Emulator/Random.h"
#include "runtime/Emulator/SharedMemory.h"
#include "runtime/Emulator/TensorMap.h"

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
enum class Wait : uint8_t { Nothing, Barrier, Warp, Warpgroup, MBarrier, Cluster };

struct Thread {
  Cluster *cluster = nullptr;
  int index = 0;  // in the cluster; also its agent
  int rank = 0;   // of its block in the cluster
  int number = 0; // in its block
  int group = 0;  // its warpgroup in the cluster
  Fiber fiber;
  bool done = false;
  uint32_t site = noSite; // of the call that it is in
  Wait wait = Wait::Nothing;
  uint32_t waitDetail = 0;

  // What it knows, besides its own moments.
  Clock *clock = nullptr;
  uint32_t now = 1;         // its own time; goes on after each release and fence
  uint32_t fencedUntil = 0; // its own moments that a proxy fence has covered
  // What its last fence for the device has covered: of others (null: there was none), and of itself.
  Clock *handedOn = nullptr;
  uint32_t handedOnUntil = 0;

  // Its own copies. Time counts the groups (and, for copyAsync, arrivals) that it has closed, plus one;
  // `seen` says up to which time it has waited for them.
  struct Copies {
    uint32_t time = 1, seen = 0;
    std::vector<uint32_t> groups; // the times of those that were committed
  };
  Copies async;             // cp.async: the generic proxy
  Copies bulk;              // cp.async.bulk to global memory: the async proxy
  uint32_t asyncFenced = 0; // up to which time a proxy fence has covered its cp.async

  uint32_t productsSeen = 0; // the time of its warpgroup's products for which it has waited
  uint32_t arrivals = 0;     // at its warpgroup's operations
  bool isAhead = false;      // of others of its warpgroup, and has not waited for them yet
  uint32_t serials = 0;      // of the accumulators that it has begun

  bool arrivedAtCluster = false; // and has not waited since
  uint32_t clusterPhase = 0;     // in which it arrived

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

// PTX ISA, "mbarrier object". Its eight bytes in shared memory are not to be touched.
struct MBarrier {
  uint32_t address = 0; // in the cluster
  uint32_t expected = 0, pending = 0;
  int64_t bytes = 0; // expected and not yet arrived
  uint32_t phase = 0;
  Moment init;
  uint32_t initSite = noSite;
  bool fenced = false; // its initialisation is visible to the async proxy
  bool live = false;
  Clock *arrivals = nullptr; // of the current phase
  Clock *complete = nullptr; // of all phases before; null: none
  std::vector<int> waiting;  // threads
};

// A copy under way.
struct AsyncCopy {
  enum class Kind : uint8_t { Async, AsyncArrive, BulkLoad, BulkStore, TensorLoad, TensorStore };
  Kind kind = Kind::Async;
  uint8_t coordinateCount = 0, offsetCount = 0;
  int thread = 0;
  uint32_t site = noSite;
  uint32_t time = 0;           // Async, BulkStore, TensorStore: of the thread's copies
  int barrier = -1;            // index
  uint32_t phase = 0;          // of the barrier, in which it was issued
  uint32_t shared = 0;         // address in the cluster
  std::byte *global = nullptr; // or, of TensorLoad and TensorStore, the map
  uint32_t bytes = 0, sourceBytes = 0;
  std::array<int32_t, 5> coordinates = {};
  std::array<int32_t, 3> offsets = {};
};

// The matrix D of a product, 64 x n.
struct Accumulator {
  uint32_t serial = 0; // 0: none
  uint32_t n = 0;
  uint32_t time = 0;         // of the last product that adds to it
  uint32_t touched = 0;      // number of the last fence before a thread last read it
  uint32_t site = noSite;    // of the last product
  std::vector<float> values; // rows of n
};

// A matrix product under way: D = A * B + D with A 64 x 16 and B 16 x n, bf16.
struct Product {
  uint64_t a = 0, b = 0; // descriptors
  bool aInRegisters = false;
  uint32_t n = 0, flags = 0;
  std::vector<uint32_t> registers; // of A, four of each thread
  uint32_t time = 0;
  uint32_t accumulator = 0; // slot
};

// What the threads of a warpgroup do together, while they arrive at it.
struct GroupOperation {
  enum class Kind : uint8_t { Fence, Product, Commit, Wait, SetRegisters };
  Kind kind = Kind::Fence;
  uint32_t site = noSite;
  int arrived = 0;
  uint32_t pending = 0; // Wait: groups that may go on
  // Product. Its accumulator is an old one or begins with the values of the threads' registers.
  Product product;
  uint32_t serial = 0; // of the accumulator
  bool begins = false;
  std::vector<float> values; // rows of n
};

// Four warps beside each other, which make matrix products together. A thread that has arrived at an
// operation goes on to the next one; before it does anything else it waits for the others.
struct Warpgroup {
  static constexpr int size = 128;
  static constexpr uint32_t accumulatorSlots = 256;

  int first = 0;                          // thread
  int count = 0;                          // threads; products need all 128
  uint32_t settled = 0;                   // operations at which all have arrived
  std::vector<GroupOperation> operations; // the others, after `done` of those
  size_t done = 0;
  std::vector<int> waiting; // threads
  // Time counts the groups that were committed, plus one.
  uint32_t time = 1;
  std::vector<uint32_t> groups;
  uint32_t fences = 0;
  bool fencedSinceCommit = false;
  std::vector<Product> products; // under way, in order
  std::vector<Accumulator> accumulators;
};

// All threads of the cluster.
struct ClusterBarrier {
  int arrived = 0;
  uint32_t phase = 0;
  Clock *arrivals = nullptr, *complete = nullptr;
  std::vector<int> waiting; // threads
};

struct Block {
  int64_t number = 0; // in the grid
  int live = 0;       // threads that have not exited
  std::array<NamedBarrier, 16> barriers;
};

class Cluster {
public:
  // globalLog: null where accesses to global memory are not watched.
  Cluster(const Launch &launch, GlobalLog *globalLog);

  // Runs the cluster whose first block is `first` of the grid.
  std::optional<Violation> run(int64_t first);

  // The calls of the thread that runs. Each may end in a violation, and then does not return.
  uint32_t specialRegister(uint32_t which);
  void *sharedAddress(uint32_t address);
  void access(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment, uint32_t space);
  void barrier(uint32_t id, uint32_t threads, uint32_t reduction, uint32_t predicate, bool waits);
  void warpSync(uint32_t mask);
  void arriveAtCluster(bool relaxed);
  void waitForCluster();
  // The same place in another block's shared memory.
  void *mapRank(void *address, uint32_t rank);
  uint32_t clusterAddress(const void *address);
  uint64_t meet(uint32_t mask, void (*complete)(Cluster &, int warp, Meeting &), bool ordersMemory = false);
  [[noreturn]] void exitThread();
  void pause();

  void fenceProxy();
  void fenceMBarrierInit();
  void fenceDevice();

  void initMBarrier(const void *address, uint32_t count);
  void invalidateMBarrier(const void *address);
  uint64_t arrive(const void *address, uint32_t count, bool drop, uint32_t bytes);
  void expectBytes(const void *address, int64_t bytes);
  // Waits until the phase of this parity has completed.
  void waitParity(const void *address, uint32_t parity);
  // Whether the phase has completed; waits for a while if asked to.
  bool testPhase(const void *address, uint32_t phase, bool isParity, bool waits);

  void copyAsync(void *shared, const void *global, uint32_t bytes, uint32_t sourceBytes);
  void commitAsync();
  void waitAsync(uint32_t groups);
  void arriveAsync(const void *address, bool countsItself);
  void bulkLoad(void *shared, const void *global, const void *barrier, uint32_t bytes, uint32_t ranks);
  void bulkStore(void *global, const void *shared, uint32_t bytes);
  void commitBulk();
  void waitBulk(uint32_t groups);
  void tensorLoad(void *shared, const void *map, const void *barrier, std::span<const int32_t> coordinates,
                  std::span<const int32_t> offsets, uint32_t ranks);
  void tensorStore(const void *map, const void *shared, std::span<const int32_t> coordinates);
  const TensorMap &checkMap(const void *map, size_t coordinates, size_t offsets);

  // The thread arrives at an operation of its warpgroup; pending: of a wait.
  void arriveAtGroup(GroupOperation::Kind kind, uint32_t pending = 0);
  // aRegisters: null where A is in shared memory. accumulators: the registers of D, which become tokens.
  void issueProduct(uint64_t a, const uint32_t *aRegisters, uint64_t b, uint32_t *accumulators, uint32_t n,
                    uint32_t flags);
  // Waits until its warpgroup is where the thread is.
  void waitForGroup();
  uint32_t readAccumulator(uint32_t bits);

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
  void record(const Thread *thread, uint32_t site, const std::string &what);
  [[noreturn]] void reportDeadlock();
  std::string describeThreads();
  std::string describeWait(const Thread &thread);
  std::string describeMoment(Moment moment);
  std::string siteText(uint32_t site) const;
  static void enter(Thread &thread);

  // Agents: threads, then mbarriers (what their copies write), warpgroups (what their products read), each
  // thread's bulk copies to global memory, each thread's cp.async.
  static constexpr int mostMBarriers = 256;
  Agent agentOf(const MBarrier &barrier) const {
    return Agent(threads.size() + (&barrier - mbarriers.data()));
  }
  static constexpr int warpsOfGroup = 4;
  Agent agentOf(const Warpgroup &group) const {
    return Agent(threads.size() + mostMBarriers + warpsOfGroup * (&group - warpgroups.data()));
  }
  Agent productAgent(const Thread &thread) const {
    return Agent(agentOf(groupOf(thread)) + thread.number % Warpgroup::size / warpSize);
  }
  bool isProduct(Agent agent) const { return agent >= threads.size() + mostMBarriers && agent < firstBulk; }
  bool knowsProduct(const Clock &clock, const Thread *thread, Moment moment) const;
  int groupsPerBlock() const { return (threadsPerBlock + Warpgroup::size - 1) / Warpgroup::size; }
  const Warpgroup &groupOf(const Thread &thread) const { return warpgroups[thread.group]; }
  Agent bulkAgent(const Thread &thread) const { return Agent(firstBulk + thread.index); }
  Agent asyncAgent(const Thread &thread) const { return Agent(firstBulk + threads.size() + thread.index); }
  bool isGenericProxy(Agent agent) const {
    return agent < threads.size() || agent >= firstBulk + threads.size();
  }
  bool knows(const Thread &thread, Moment moment) const;
  bool knowsFenced(const Thread &thread, Moment moment) const;
  friend struct ThreadView;
  friend struct AsyncView;
  friend struct WarpgroupView;

  void release(Thread &thread, Clock &into);
  void acquire(Thread &thread, Clock *from);
  void setClock(Thread &thread, Clock *clock);

  void accessShared(AccessKind kind, uint32_t address, uint64_t bytes);
  void checkGlobal(AccessKind kind, const void *address, uint64_t bytes);
  void watchGlobal(AccessKind kind, const void *address, uint64_t bytes);
  void handOn(const void *address);
  bool isOrderedAfter(const GlobalLog::Access &earlier) const;
  void checkBounds(AccessKind kind, uint32_t address, uint64_t bytes);
  void accessGeneric(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes);
  // The async proxy's access to shared memory, on the thread's behalf.
  void accessAsync(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes);
  uint32_t ownShared(const void *pointer, uint32_t alignment, const char *what);
  [[noreturn]] void reportConflict(const Conflict &conflict, AccessKind kind, uint64_t bytes);
  [[noreturn]] void reportOutside(AccessKind kind, const void *address, uint64_t bytes);

  void settleMeetings(int warp);
  void completeMeeting(int warp, size_t index);
  void checkBarriers(Block &block, int rank);
  void completeBarrier(Block &block, uint32_t id);
  void settleCluster();

  MBarrier &findMBarrier(uint32_t address);
  MBarrier &useMBarrier(const void *pointer, bool async);
  MBarrier &mbarrierFor(const void *pointer, uint32_t rank);
  void tryComplete(MBarrier &barrier);
  void passPhase(Thread &thread, MBarrier &barrier);
  std::string describe(const MBarrier &barrier);

  void issue(AsyncCopy copy);
  void land(size_t index);
  void landOf(const Thread &thread, bool bulk, uint32_t time);
  void perform(const AsyncCopy &copy);
  bool landSome();
  void checkLeftovers();

  Block &blockOf(const Thread &thread) { return blocks[thread.rank]; }
  int64_t clusterNumber() const { return blocks[0].number / int64_t(blocks.size()); }

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
  ClusterBarrier clusterBarrier;
  std::vector<void *> args;        // of the kernel: two for the fast range, then the launch's
  std::vector<MemoryRange> memory; // sorted
  size_t lastRange = 0;
  GlobalLog *globalLog;
  // Atomic operations on global memory, and when their thread had a fence for the device behind them: then it
  // knows what others handed on there.
  struct TakenOver {
    const void *address;
    int thread;
    std::optional<uint32_t> fencedAt;
  };
  std::vector<TakenOver> takenOver;

  void checkOperand(Warpgroup &group, uint64_t descriptor, uint32_t rows, bool isTransposed);
  GroupOperation &nextOfGroup(GroupOperation::Kind kind);
  void arrive(GroupOperation &operation);
  void settle(Warpgroup &group, GroupOperation &operation);
  void takeRegisters(GroupOperation &operation, uint32_t *registers);
  void startProduct(Warpgroup &group, GroupOperation &operation);
  void commitProducts(Warpgroup &group);
  void waitForProducts(Warpgroup &group, uint32_t pending);
  Accumulator &findAccumulator(Warpgroup &group, uint32_t serial);
  uint32_t takeAccumulator(Warpgroup &group, GroupOperation &operation);
  void performProducts(Warpgroup &group, uint32_t time);
  void performProduct(Warpgroup &group, const Product &product);

  std::vector<Warpgroup> warpgroups;
  std::vector<MBarrier> mbarriers; // never more than mostMBarriers
  std::vector<int16_t> mbarrierAt; // by eight bytes of shared memory; -1: none
  size_t firstBulk;                // agent
  std::vector<AsyncCopy> copies;   // under way
  enum class Landing { Late, Early, Random };
  Landing landing = Landing::Late;

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
