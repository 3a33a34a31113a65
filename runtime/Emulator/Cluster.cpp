#include "runtime/Emulator/Cluster.h"

using namespace kinema::emulator;

Cluster::Cluster(const Launch &launch, GlobalLog *globalLog)
    : threads(*launch.kernel), scheduler(*launch.kernel, threads, choices, [this] { runThread(); }),
      agents(threads), knowledge(threads, agents),
      shared(threads, scheduler, knowledge, launch.kernel->staticShared + launch.dynamicShared),
      globalOrder(launch, threads, scheduler, knowledge, globalLog),
      global(launch, scheduler, knowledge, globalOrder), profiler(launch.profile),
      accesses(scheduler, shared, global, profiler), warps(threads, scheduler, knowledge),
      barriers(threads, scheduler, knowledge, warps), clusterBarrier(threads, scheduler, knowledge),
      mbarriers(threads, scheduler, knowledge, agents, shared),
      copies(threads, scheduler, choices, knowledge, shared, globalOrder, global, accesses, mbarriers,
             profiler),
      warpgroups(threads, scheduler),
      tensorCore(launch.arithmetic, threads, scheduler, choices, knowledge, shared, warpgroups),
      tensorMemory(launch.arithmetic, threads, scheduler, knowledge, shared, warps, copies), launch(launch) {
  GlobalChecks::FastRange fast = global.fastRange();
  args = {fast.begin, reinterpret_cast<void *>(fast.starts)};
  args.insert(args.end(), launch.args.begin(), launch.args.end());
}

void Cluster::start(int64_t first) {
  choices = Choices(launch.seed, uint64_t(first));
  threads.start(first);
  agents.start();
  knowledge.start();
  shared.start();
  globalOrder.start();
  profiler.start();
  warps.start();
  barriers.start();
  clusterBarrier.start();
  mbarriers.start();
  copies.start();
  warpgroups.start();
  tensorCore.start();
  tensorMemory.start();
  scheduler.start();
}

std::optional<Violation> Cluster::run(int64_t first) {
  start(first);
  try {
    while (!scheduler.isStopped() && findWork()) {
      scheduler.runOne();
      if (!scheduler.isStopped())
        copies.landSome();
    }
    if (!scheduler.isStopped()) {
      copies.checkLeftovers();
      mbarriers.checkLeftovers();
      tensorMemory.checkLeftovers();
      if (profiler.isOn())
        profiler.finish();
    }
  } catch (const Scheduler::Stopped &) {
  }
  return scheduler.takeViolation();
}

// Makes sure that a thread can run: where none can, copies land until one can. Returns false where all
// threads have exited.
bool Cluster::findWork() {
  if (scheduler.canRun())
    return true;
  if (threads.live() == 0)
    return false;
  while (!scheduler.canRun() && copies.landOne()) {
  }
  if (!scheduler.canRun())
    scheduler.resumePaused();
  return true;
}

// Runs the kernel's function on the current fiber, and then ends the thread.
void Cluster::runThread() {
  launch.kernel->function(args.data() + 2);
  warpgroups.wait();
  exitThread();
}

void Cluster::exitThread() {
  Thread &thread = scheduler.running();
  threads.exit(thread);
  warps.leave(thread);
  barriers.leave(thread);
  clusterBarrier.settle();
  scheduler.exit();
}

void Cluster::fenceProxy(Fence fence) {
  knowledge.fenceProxy(scheduler.running(), fence);
  if (fence != Fence::Global)
    mbarriers.fenceInit();
}
