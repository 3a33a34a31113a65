// mbarriers: PTX ISA, "Parallel Synchronization and Communication Instructions: mbarrier".
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
  // Copies may count for the mbarriers that the thread has initialised.
  void fenceInit();
  void expectBytes(const void *pointer, int64_t bytes);
  // Expects `bytes` more, then arrives. drop: later phases expect as many arrivals less. Returns the phase.
  uint64_t arrive(const void *pointer, uint32_t count, bool drop, uint32_t bytes);
  // Waits until the phase of this parity has completed.
  void waitParity(const void *pointer, uint32_t parity);
  // Whether the phase has completed; waits for a while if asked to.
  bool testPhase(const void *pointer, uint32_t phase, bool isParity, bool waits);

  // ---- What copies do that count for an mbarrier

  // A phase of an mbarrier.
  struct Phase {
    int index = -1; // by the order of initialisation
    uint32_t number = 0;
  };
  // The phase that the mbarrier at the pointer's place in a block is in.
  Phase phaseFor(const void *pointer, int rank);
  // The moment at which a copy that counts for the phase accesses memory.
  Moment momentOf(Phase phase) const { return {agents.ofMBarrier(size_t(phase.index)), phase.number + 1}; }
  // A copy of the running thread is under way, and has landed.
  void issue(Phase phase);
  void land(Phase phase, const Thread &thread, uint32_t site, uint32_t bytes);
  // The same of the arrival that follows a thread's cp.async of up to a time. countsItself: the phase expects
  // it besides the arrivals that it expects anyway.
  Phase issueArrival(const void *pointer, bool countsItself);
  void landArrival(Phase phase, const Thread &thread, uint32_t time);

  // When all threads have exited: none expects bytes.
  void checkLeftovers();

  std::string describeWait(const Thread &thread) const override;

private:
  // Its eight bytes in shared memory are not to be touched.
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
    struct Copy {
      int thread;
      uint32_t site, phase;

      bool operator==(const Copy &) const = default;
    };
    std::vector<Copy> copies; // under way, that count for it
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
  std::vector<int16_t> indices;    // by eight bytes of shared memory; -1: none
};

} // namespace kinema::emulator
