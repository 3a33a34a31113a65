// Implements the barrier of all threads of a cluster: PTX ISA, "barrier.cluster".
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"

#include <vector>

namespace kinema::emulator {

class ClusterBarrier final : public Awaited {
public:
  ClusterBarrier(Threads &threads, Scheduler &scheduler, Knowledge &knowledge)
      : threads(threads), scheduler(scheduler), knowledge(knowledge) {}

  void start();
  // Lets the running thread arrive. If it is `relaxed`, the thread does not hand on what it knows.
  void arrive(bool relaxed);
  void wait();
  // Completes the barrier if all threads have arrived or exited. It is called after a thread has done either.
  void settle();

  std::string describeWait(const Thread &thread) const override;

private:
  Threads &threads;
  Scheduler &scheduler;
  Knowledge &knowledge;
  int arrived = 0;
  uint32_t phase = 0;
  Clock *arrivals = nullptr, *complete = nullptr;
  std::vector<int> waiting; // threads
};

} // namespace kinema::emulator
