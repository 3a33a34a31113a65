// Decides how operands come to the threads that contract before any code is written: the rings of stages in
// shared memory, who fills a stage and who frees it, and where everything lies.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PIPELINEPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_PIPELINEPLAN_H

#include "compiler/Target/NVGPU/Roles.h"
#include "compiler/Target/NVGPU/SharedMemory.h"
#include "compiler/Target/NVGPU/TensorMemory.h"

#include <algorithm>

namespace kinema::nvidia {

/// A RingPlan describes a ring of stages in shared memory, which are filled and read in turn. Two mbarriers a
/// stage count arrivals: of those who fill it, and of those who have read it and so free it.
struct RingPlan {
  const char *name = ""; // of what the stages hold, for messages
  int64_t stages = 0, stageBytes = 0;
  int64_t fills = 0;    // arrivals after which a stage is full
  int64_t cluster = 1;  // blocks of a cluster that fill the stages of each other, and free them
  bool refilled = true; // whether stages are filled more than once; if not, nobody frees one

  // The pipeline sets these.
  int64_t frees = 0; // arrivals after which a stage is empty
  SharedRegion full = {}, empty = {}, data = {};
};

/// A PipelinePlan describes up to four rings. The warps that contract a tile read operands and weights, and
/// free their stages, and so it is with what their epilogue reads; raw stages, if there are any, are read by
/// the warps that stage operands.
struct PipelinePlan {
  PipelinePlan(Roles roles, RingPlan operands, RingPlan weights = {}, RingPlan raw = {},
               RingPlan epilogue = {});

  Roles roles;
  RingPlan operands, weights, raw, epilogue;
  SharedRegion turns;  // one mbarrier of each consumer, if they take turns
  SharedMemory memory; // all of it; a kernel may take more behind it

  // Where sums lie in tensor memory: one mbarrier of each consumer, which counts when its products have
  // ended, and where the block's columns begin.
  SharedRegion productsEnd, tensorAddress;
  TensorMemory tensorMemory;

  /// Returns whether a block may have as much memory of both kinds.
  bool fits(const Processor &processor) const {
    return memory.bytes() <= processor.blockSharedBytes() && (!hasTensorMemory() || tensorMemory.fits());
  }
  bool hasTensorMemory() const { return roles.tensorCores == TensorCores::TensorMemory; }

  /// Returns how many blocks form a cluster.
  int64_t cluster() const { return std::max(operands.cluster, weights.cluster); }
};

} // namespace kinema::nvidia

#endif
