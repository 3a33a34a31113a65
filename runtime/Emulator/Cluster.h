// Holds one cluster of blocks (most often one block) while it runs. Each part of what its threads share has a
// type of its own.
#pragma once

#include "runtime/Emulator/Accesses.h"
#include "runtime/Emulator/AsyncCopies.h"
#include "runtime/Emulator/BlockBarriers.h"
#include "runtime/Emulator/Choices.h"
#include "runtime/Emulator/ClusterBarrier.h"
#include "runtime/Emulator/MBarriers.h"
#include "runtime/Emulator/TensorCore.h"
#include "runtime/Emulator/TensorMemory.h"
#include "runtime/Emulator/Warps.h"

#include <optional>
#include <vector>

namespace kinema::emulator {

class Cluster {
public:
  // Takes the log of accesses to global memory, which is null where their order is not watched.
  Cluster(const Launch &launch, GlobalLog *globalLog);

  // Runs the cluster whose first block is `first` of the grid.
  std::optional<Violation> run(int64_t first);

  // These are operations of the running thread that concern several parts. They do not return where they end
  // in a violation; the same holds for those of the parts.
  [[noreturn]] void exitThread();
  void fenceProxy(Fence fence);
  // Returns a special register: SpecialRegisters.cpp says which.
  uint32_t specialRegister(uint32_t which);

  Choices choices;
  Threads threads;
  Scheduler scheduler;
  Agents agents;
  Knowledge knowledge;
  SharedChecks shared;
  GlobalOrder globalOrder;
  GlobalChecks global;
  AccessProfiler profiler;
  Accesses accesses;
  Warps warps;
  BlockBarriers barriers;
  ClusterBarrier clusterBarrier;
  MBarriers mbarriers;
  AsyncCopies copies;
  Warpgroups warpgroups;
  TensorCore tensorCore;
  TensorMemory tensorMemory;

private:
  void start(int64_t first);
  void runThread();
  bool findWork();

  const Launch &launch;
  std::vector<void *> args; // arguments of the kernel: two for the fast range, then the launch's
};

} // namespace kinema::emulator
