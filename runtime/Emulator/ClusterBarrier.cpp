#include "runtime/Emulator/ClusterBarrier.h"

using namespace kinema::emulator;

void ClusterBarrier::start() {
  arrived = 0;
  phase = 0;
  arrivals = complete = nullptr;
  waiting.clear();
}

void ClusterBarrier::arrive(bool relaxed) {
  Thread &thread = scheduler.running();
  if (thread.arrivedAtCluster)
    scheduler.violate("arrives twice at the cluster's barrier without a wait");
  thread.arrivedAtCluster = true;
  thread.clusterPhase = phase;
  if (!arrivals)
    arrivals = knowledge.clocks.make();
  if (!relaxed)
    knowledge.release(thread, *arrivals);
  ++arrived;
  settle();
}

void ClusterBarrier::settle() {
  if (arrived == 0 || arrived < threads.live())
    return;
  knowledge.clocks.release(complete);
  complete = arrivals;
  arrivals = nullptr;
  arrived = 0;
  ++phase;
  for (int index : waiting)
    scheduler.wake(threads[index]);
  waiting.clear();
}

void ClusterBarrier::wait() {
  Thread &thread = scheduler.running();
  if (!thread.arrivedAtCluster)
    scheduler.violate("waits at the cluster's barrier without having arrived");
  thread.arrivedAtCluster = false;
  if (phase == thread.clusterPhase) {
    waiting.push_back(thread.index);
    scheduler.wait(*this);
  }
  knowledge.acquire(thread, complete);
}

std::string ClusterBarrier::describeWait(const Thread &) const {
  return fmt::format("waits for the cluster, of which {} threads have arrived", arrived);
}
