// The sixteen barriers of each block: PTX ISA, "barrier".
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

  // What the threads that arrive give together, of their predicates.
  enum class Reduction : uint32_t { None, Count, All, Any };

  void start();
  // The running thread arrives at a barrier of its block, of so many threads (0: of all).
  void arrive(uint32_t id, uint32_t threads);
  // The same, and it waits for the others. Returns what their predicates give.
  uint32_t sync(uint32_t id, uint32_t threads, Reduction reduction = Reduction::None, bool predicate = false);
  // After a thread has exited: barriers of the whole block wait for the others only.
  void leave(const Thread &thread);

  std::string describeWait(const Thread &thread) const override;

private:
  struct Barrier {
    uint32_t expected = 0; // threads; 0: the block's, or nobody has arrived
    uint32_t arrived = 0;
    std::vector<int> waiting;    // threads
    std::vector<uint32_t> lanes; // by warp, those that arrived
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
