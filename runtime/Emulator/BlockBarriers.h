// Implements the sixteen barriers of each block: PTX ISA, "barrier".
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/Warps.h"

#include <array>
#include <vector>

namespace kinema::emulator {

class BlockBarriers final : public Awaited {
public:
  BlockBarriers(Threads &threads, Scheduler &scheduler, Knowledge &knowledge, const Warps &warps)
      : threads(threads), scheduler(scheduler), knowledge(knowledge), warps(warps) {}

  // Says how the predicates of the threads that arrive are reduced to one value.
  enum class Reduction : uint32_t { None, Count, All, Any };

  void start();
  // Lets the running thread arrive at a barrier of its block that so many threads take part in (0: all of the
  // block).
  void arrive(uint32_t id, uint32_t threads);
  // Lets the running thread arrive and wait for the others. Returns the reduction of all predicates.
  uint32_t sync(uint32_t id, uint32_t threads, Reduction reduction = Reduction::None, bool predicate = false);
  // Handles the exit of a thread: barriers of the whole block no longer wait for it.
  void leave(const Thread &thread);

  std::string describeWait(const Thread &thread) const override;

private:
  struct Barrier {
    uint32_t expected = 0; // threads; 0: all of the block, or no thread has arrived
    uint32_t arrived = 0;
    std::vector<int> waiting;    // threads
    std::vector<uint32_t> lanes; // lanes that arrived, by warp
    Reduction reduction = Reduction::None;
    uint32_t truths = 0;
    Clock *clock = nullptr;
  };

  void join(uint32_t id, uint32_t count, Reduction reduction, bool predicate, bool waits);
  void begin(Barrier &barrier, uint32_t count, Reduction reduction);
  void complete(int rank, uint32_t id);

  Threads &threads;
  Scheduler &scheduler;
  Knowledge &knowledge;
  const Warps &warps;
  std::vector<std::array<Barrier, 16>> ofBlocks;
};

} // namespace kinema::emulator
