// Runs copies beside the threads: cp.async, cp.async.bulk and those of tensors. What a copy touches is
// checked when the copy starts. It lands when the seed says so, at the latest when a thread needs it to go
// on.
#pragma once

#include "runtime/Emulator/Accesses.h"
#include "runtime/Emulator/Choices.h"
#include "runtime/Emulator/CopiesUnderWay.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/MBarriers.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/TensorMap.h"

#include <span>

namespace kinema::emulator {

class AsyncCopies {
public:
  AsyncCopies(Threads &threads, Scheduler &scheduler, Choices &choices, Knowledge &knowledge,
              SharedChecks &shared, const GlobalOrder &order, GlobalChecks &global, Accesses &accesses,
              MBarriers &mbarriers, AccessProfiler &profiler)
      : threads(threads), scheduler(scheduler), choices(choices), knowledge(knowledge),
        agents(knowledge.agents), shared(shared), order(order), global(global), accesses(accesses),
        mbarriers(mbarriers), profiler(profiler) {}

  void start() { copies.reset(threads.size()); }

  // ---- What the running thread does

  // Starts a cp.async. If the source has fewer than `bytes`, zeros take the place of the rest.
  void copy(void *to, const void *from, uint32_t bytes, uint32_t sourceBytes);
  void commit();
  void wait(uint32_t pending); // `pending` is how many groups may go on
  void arrive(const void *mbarrier, bool countsItself);
  // Arrives at an mbarrier of the thread's block when its products in tensor memory up to a time have ended.
  // What the thread knew when it began them is handed on, since they come behind it.
  // `ranks` has a bit for each block of the cluster that gets the arrival, at the same place; 0 stands for
  // the own one.
  void arriveAfterProducts(const void *mbarrier, uint32_t ranks, uint32_t time);

  // Starts a bulk copy. `ranks` has a bit for each block of the cluster that gets it; 0 stands for the block
  // in which `to` lies.
  void loadBulk(void *to, const void *from, const void *mbarrier, uint32_t bytes, uint32_t ranks);
  void storeBulk(void *to, const void *from, uint32_t bytes);
  void loadTensor(void *to, const void *map, const void *mbarrier, std::span<const int32_t> coordinates,
                  std::span<const int32_t> offsets, uint32_t ranks);
  void storeTensor(const void *map, const void *from, std::span<const int32_t> coordinates);
  void prefetchTensor(const void *map);
  void commitBulk();
  // `readsOnly` says that the thread waits for what the copies read, and not for what they write.
  void waitBulk(uint32_t pending, bool readsOnly);

  // ---- For who runs the cluster

  // Lands a copy when no thread can run. Returns false where there is none.
  bool landOne();
  // Lands a copy if the seed says that one lands now.
  void landSome();
  // Checks, when all threads have exited, that a thread has waited for each copy.
  void checkLeftovers();

private:
  void issue(Copy copy);
  void land(CopiesUnderWay::Place place);
  void landUntil(const Thread &thread, bool stores, uint32_t time);
  void perform(const Copy &copy);
  template <typename Function>
  void forTargets(const void *to, const void *mbarrier, uint32_t ranks, Function function);
  void noteTensor(AccessKind kind, Moment moment, const TensorMap &map, std::span<const int32_t> coordinates,
                  std::span<const int32_t> offsets);
  const TensorMap &checkMap(const void *map, size_t coordinates, size_t offsets);

  Threads &threads;
  Scheduler &scheduler;
  Choices &choices;
  Knowledge &knowledge;
  const Agents &agents;
  SharedChecks &shared;
  const GlobalOrder &order;
  GlobalChecks &global;
  Accesses &accesses;
  MBarriers &mbarriers;
  AccessProfiler &profiler;
  CopiesUnderWay copies;
};

} // namespace kinema::emulator
