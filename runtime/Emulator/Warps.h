// Keeps the warps of a cluster, and the operations at which lanes meet and exchange values.
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"

#include <vector>

namespace kinema::emulator {

constexpr uint32_t everyLane = 0xFFFFFFFF;

class Warps;

// A Meeting is an operation in which lanes of a warp meet.
struct Meeting {
  int warp = 0;
  uint32_t mask = 0, arrived = 0;
  uint32_t site = noSite;
  void (*complete)(Warps &warps, const Meeting &meeting) = nullptr;
  Clock *clock = nullptr; // what those that arrived know; only where the operation orders memory
};

struct Warp {
  int first = 0;      // thread of lane 0
  uint32_t lanes = 0; // lanes that exist
  uint32_t left = 0;  // lanes that have exited
  std::vector<Meeting> meetings;
};

class Warps final : public Awaited {
public:
  Warps(Threads &threads, Scheduler &scheduler, Knowledge &knowledge);

  void start();

  // Brings the running thread's lane to an operation of the lanes in the mask. Once all of them have come or
  // exited, `complete` does the operation. Returns the thread's result.
  uint64_t meet(uint32_t mask, void (*complete)(Warps &, const Meeting &), bool ordersMemory = false);
  void sync(uint32_t mask);
  // Makes sure that all lanes take part in an operation for whole warps.
  void requireWhole(const Meeting &meeting);
  // Handles the exit of a thread: no operation waits for its lane any more.
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
