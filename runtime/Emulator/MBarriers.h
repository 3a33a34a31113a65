// Implements mbarriers: PTX ISA, "Parallel Synchronization and Communication Instructions: mbarrier".
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/SharedChecks.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema::emulator {

class MBarriers final : public Awaited {
public:
  MBarriers(Threads &threads, Scheduler &scheduler, Knowledge &knowledge, Agents &agents,
            SharedChecks &shared)
      : threads(threads), scheduler(scheduler), knowledge(knowledge), agents(agents), shared(shared) {}

  void start();

  // ---- What the running thread does

  void init(const void *pointer, uint32_t count);
  void invalidate(const void *pointer);
  // Makes the mbarriers that the thread has initialised visible to copies, which may then count for them.
  void fenceInit();
  void expectBytes(const void *pointer, int64_t bytes);
  // Expects `bytes` more, then arrives. If it is to `drop`, later phases expect as many arrivals less.
  // Returns the phase.
  uint64_t arrive(const void *pointer, uint32_t count, bool drop, uint32_t bytes);
  // Waits until the phase of this parity has completed.
  void waitParity(const void *pointer, uint32_t parity);
  // Returns whether the phase has completed. If it `waits`, it takes a while before it says no.
  bool testPhase(const void *pointer, uint32_t phase, bool isParity, bool waits);

  // ---- What copies do that count for an mbarrier

  // A Phase is one phase of an mbarrier.
  struct Phase {
    int index = -1; // number of the mbarrier in the order of initialisation
    uint32_t number = 0;
  };
  // Returns the current phase of the mbarrier that lies at the pointer's place in a block.
  Phase phaseFor(const void *pointer, int rank);
  // Returns the rank of the block that has the mbarrier.
  int rankOf(Phase phase) const { return Window::rankOf(mbarriers[size_t(phase.index)].address); }
  // Returns the moment at which a copy that counts for the phase accesses memory.
  Moment momentOf(Phase phase) const { return {agents.ofMBarrier(size_t(phase.index)), phase.number + 1}; }
  // These note that a copy of the running thread has started, and that it has landed.
  void issue(Phase phase);
  void land(Phase phase, const Thread &thread, uint32_t site, uint32_t bytes);
  // Notes that an arrival will follow a thread's cp.async. If it `countsItself`, the phase expects it besides
  // its other arrivals.
  Phase issueArrival(const void *pointer, bool countsItself);
  // Arrives for what a thread has started at a site, of which others then know up to a moment, and also what
  // the clock says, if there is one.
  void landArrival(Phase phase, Moment upTo, const Clock *handedOn, const Thread &thread, uint32_t site);

  // Checks, when all threads have exited, that no mbarrier still expects bytes.
  void checkLeftovers();

  std::string describeWait(const Thread &thread) const override;

private:
  // An MBarrier takes eight bytes of shared memory, which nothing else may touch.
  struct MBarrier {
    uint32_t address = 0; // in the cluster
    uint32_t expected = 0, pending = 0;
    int64_t bytes = 0; // bytes that are expected and have not arrived
    uint32_t phase = 0;
    Moment init;
    uint32_t initSite = noSite;
    bool fenced = false; // its initialisation is visible to the async proxy
    bool live = false;
    Clock *arrivals = nullptr; // what arrivals of the current phase hand on
    Clock *complete = nullptr; // what all phases before handed on; null: there was none
    std::vector<int> waiting;  // threads
    struct Counted {
      int thread;
      uint32_t site, phase;

      bool operator==(const Counted &) const = default;
    };
    std::vector<Counted> copies; // copies under way that count for it
  };

  int16_t &indexAt(uint32_t address);
  uint32_t addressOf(const void *pointer); // in the cluster
  MBarrier &find(uint32_t address);
  MBarrier &use(const void *pointer);
  void count(MBarrier &barrier, int64_t bytes);
  void tryComplete(MBarrier &barrier);
  void pass(const MBarrier &barrier);
  void wait(MBarrier &barrier);
  Phase phaseOf(const MBarrier &barrier) const { return {int(&barrier - mbarriers.data()), barrier.phase}; }
  std::string describe(const MBarrier &barrier) const;

  Threads &threads;
  Scheduler &scheduler;
  Knowledge &knowledge;
  Agents &agents;
  SharedChecks &shared;
  std::vector<MBarrier> mbarriers; // never more than Agents::mostMBarriers
  std::vector<int16_t> indices;    // index for each eight bytes of shared memory; -1: no mbarrier
};

} // namespace kinema::emulator
