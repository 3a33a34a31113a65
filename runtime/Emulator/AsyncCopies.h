// Copies that run beside the threads: cp.async, cp.async.bulk and those of tensors. What they touch is
// checked when they start; they land when the seed says, at the latest when a thread needs them to go on.
#pragma once

#include "runtime/Emulator/Accesses.h"
#include "runtime/Emulator/Choices.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/MBarriers.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/TensorMap.h"

#include <array>
#include <span>
#include <vector>

namespace kinema::emulator {

class AsyncCopies {
public:
  AsyncCopies(Threads &threads, Scheduler &scheduler, Choices &choices, const Agents &agents,
              SharedChecks &shared, GlobalChecks &global, Accesses &accesses, MBarriers &mbarriers)
      : threads(threads), scheduler(scheduler), choices(choices), agents(agents), shared(shared),
        global(global), accesses(accesses), mbarriers(mbarriers) {}

  void start() { copies.clear(); }

  // ---- What the running thread does

  // What of `bytes` the source lacks becomes zero.
  void copy(void *to, const void *from, uint32_t bytes, uint32_t sourceBytes);
  void commit();
  void wait(uint32_t pending); // pending: groups that may go on
  void arrive(const void *mbarrier, bool countsItself);

  // ranks: the blocks of the cluster that get it, a bit each; 0: the one where `to` is.
  void loadBulk(void *to, const void *from, const void *mbarrier, uint32_t bytes, uint32_t ranks);
  void storeBulk(void *to, const void *from, uint32_t bytes);
  void loadTensor(void *to, const void *map, const void *mbarrier, std::span<const int32_t> coordinates,
                  std::span<const int32_t> offsets, uint32_t ranks);
  void storeTensor(const void *map, const void *from, std::span<const int32_t> coordinates);
  void prefetchTensor(const void *map);
  void commitBulk();
  void waitBulk(uint32_t pending);

  // ---- For who runs the cluster

  // Lands a copy when no thread can run. False: there is none.
  bool landOne();
  // Lands a copy if the seed says that one lands now.
  void landSome();
  // When all threads have exited: somebody has waited for each copy.
  void checkLeftovers();

private:
  struct Copy {
    enum class Kind : uint8_t { Async, AsyncArrive, BulkLoad, BulkStore, TensorLoad, TensorStore };
    Kind kind = Kind::Async;
    uint8_t coordinateCount = 0, offsetCount = 0;
    int thread = 0;
    uint32_t site = noSite;
    uint32_t time = 0; // Async, BulkStore, TensorStore: of the thread's copies
    MBarriers::Phase phase;
    uint32_t shared = 0;         // address in the cluster
    std::byte *global = nullptr; // or, of TensorLoad and TensorStore, the map
    uint32_t bytes = 0, sourceBytes = 0;
    std::array<int32_t, 5> coordinates = {};
    std::array<int32_t, 3> offsets = {};

    bool countsBytes() const { return kind == Kind::BulkLoad || kind == Kind::TensorLoad; }
    bool isStore() const { return kind == Kind::BulkStore || kind == Kind::TensorStore; }
  };

  void issue(Copy copy);
  void land(size_t index);
  void landUntil(const Thread &thread, bool stores, uint32_t time);
  void perform(const Copy &copy);
  template <typename Function>
  void forTargets(const void *to, const void *mbarrier, uint32_t ranks, Function function);
  const TensorMap &checkMap(const void *map, size_t coordinates, size_t offsets);

  Threads &threads;
  Scheduler &scheduler;
  Choices &choices;
  const Agents &agents;
  SharedChecks &shared;
  GlobalChecks &global;
  Accesses &accesses;
  MBarriers &mbarriers;
  std::vector<Copy> copies; // under way
};

} // namespace kinema::emulator
