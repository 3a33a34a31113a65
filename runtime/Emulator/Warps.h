// The warps of a cluster: operations at which lanes meet, and exchange values.
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"

#include <vector>

namespace kinema::emulator {

class Warps;

// Lanes of a warp that meet in an operation.
struct Meeting {
  int warp = 0;
  uint32_t mask = 0, arrived = 0;
  uint32_t site = noSite;
  void (*complete)(Warps &warps, const Meeting &meeting) = nullptr;
  Clock *clock = nullptr; // of those that arrived; only where the operation orders memory
};

struct Warp {
  int first = 0;      // thread of lane 0
  uint32_t lanes = 0; // that exist
  uint32_t left = 0;  // that have exited
  std::vector<Meeting> meetings;
};

class Warps final : public Awaited {
public:
  Warps(Threads &threads, Scheduler &scheduler, Knowledge &knowledge);

  void start();

  // The running thread's lane comes to an operation of the lanes in the mask. Once all of them have come or
  // exited, `complete` does it. Returns the thread's result.
  uint64_t meet(uint32_t mask, void (*complete)(Warps &, const Meeting &), bool ordersMemory = false);
  void sync(uint32_t mask);
  // A thread has exited: nobody waits for its lane any more.
  void leave(const Thread &thread);

  Thread &lane(const Meeting &meeting, int lane) { return threads[warps[meeting.warp].first + lane]; }
  const Warp &operator[](int index) const { return warps[index]; }
  std::string describeWait(const Thread &thread) const override;

  Scheduler &scheduler;

private:
  void complete(Warp &warp, size_t meeting);

  Threads &threads;
  Knowledge &knowledge;
  std::vector<Warp> warps;
};

} // namespace kinema::emulator
