// Moves operands through the rings of a pipeline: who waits for what, and who tells whom.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PIPELINE_H
#define KINEMA_COMPILER_TARGET_NVGPU_PIPELINE_H

#include "compiler/Target/NVGPU/PipelinePlan.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// Writes the code of one ring. `step` counts the stages that have passed.
class Ring {
public:
  Ring(WarpgroupEmitter &w, const RingPlan &plan) : plan(plan), w(w), e(w.e) {}

  const RingPlan plan;

  /// Makes the barriers of all stages. One thread of the block calls it.
  void initialise() const;
  /// Returns where the stage's data lie, in bytes from the start of shared memory.
  mlir::Value stageAt(mlir::Value step) const;
  /// Returns the barrier at which those arrive who have read the stage.
  mlir::Value empty(mlir::Value step) const { return barrier(plan.empty, step); }
  /// Returns the barrier at which those arrive who fill the stage.
  mlir::Value full(mlir::Value step) const { return barrier(plan.full, step); }
  /// Waits until the stage's data are there: it has been filled once more than it was emptied.
  void waitFull(mlir::Value step) const;
  /// Waits until the stage may be filled; it is empty at the beginning.
  void waitEmpty(mlir::Value step) const;
  /// Waits until all stages that are filled before this step have been freed, where products do so by
  /// themselves and in the other block of a cluster as well: nothing may arrive at a block that has ended.
  void drain(mlir::Value step) const;
  /// Lets this thread store its share of the stage as soon as that is empty, and says that it has. Returns
  /// what `store` returns.
  mlir::Value fill(mlir::Value step, llvm::function_ref<mlir::Value()> store) const;
  /// Says for the calling warp that its products have read the stage, where `condition` holds, if there is
  /// one.
  void free(mlir::Value step, mlir::Value condition = {}) const;
  /// Says for this thread's warp, once all its threads are here, that it has read the stage.
  void freeTogether(mlir::Value step) const;

private:
  mlir::Value barrier(const SharedRegion &barriers, mlir::Value step) const;
  void wait(mlir::Value barrier, mlir::Value round, const char *state) const;

  WarpgroupEmitter &w;
  KernelEmitter &e;
};

/// Writes how two consumers take turns: they have the block's tiles one by one, and one contracts while the
/// other one is in the epilogue of the tile before. A turn passes when all products of a tile are begun.
class Turns {
public:
  Turns(WarpgroupEmitter &w, SharedRegion barriers) : w(w), e(w.e), barriers(barriers) {}

  /// Makes the barriers. One thread of the block calls it.
  void initialise() const;
  /// Waits for a consumer's turn in the tile with this number among its own.
  void await(mlir::Value consumer, mlir::Value tile) const;
  /// Says for the calling warp that it has begun all products of the consumer's tile.
  void pass(mlir::Value consumer) const;

private:
  mlir::Value barrier(mlir::Value consumer) const;

  WarpgroupEmitter &w;
  KernelEmitter &e;
  SharedRegion barriers;
};

/// Numbers the named barriers of a block that are not a kernel's own: those of kernels come before.
struct NamedBarriers {
  static constexpr int64_t ofSums = 8;       // of each consumer, whose warps have loaded its sums
  static constexpr int64_t ofConsumers = 15; // who have loaded their last sums
};

/// The rings of a kernel, and the threads between which they lie.
class Pipeline {
public:
  Pipeline(WarpgroupEmitter &w, const PipelinePlan &plan)
      : plan(plan), operands(w, plan.operands), weights(w, plan.weights), raw(w, plan.raw),
        epilogue(w, plan.epilogue), turns(w, plan.turns), w(w) {}

  const PipelinePlan plan;
  const Ring operands, weights, raw, epilogue;
  const Turns turns;

  // These belong to sums in tensor memory, and are there while consumers contract.
  mlir::Value tensorMemory; // address of the block's first column, a word
  mlir::Value consumer;     // number of this thread's warpgroup among the consumers
  mlir::Value isFirstWarp;  // whether this is the warpgroup's first warp

  /// Returns the barrier that counts when a consumer's products have ended.
  mlir::Value productsEnd(mlir::Value consumer) const;
  /// Waits until that has happened once more than the given number of times.
  void awaitProducts(mlir::Value number) const;
  /// Returns this thread's number among those that stage what copies bring.
  mlir::Value stagingThread() const;
  /// Returns this thread's number among those that contract.
  mlir::Value consumerThread() const;
  /// Makes the rings and shares the work of the block: the first warps begin copies, the producers' other
  /// warps stage what they bring, and the consumers, with more registers, contract.
  void run(llvm::function_ref<void()> copy, llvm::function_ref<void()> stage,
           llvm::function_ref<void()> contract);

private:
  void allocateTensorMemory() const;
  void enterTensorMemory();
  void leaveTensorMemory() const;
  mlir::Value isAllocator() const;

  WarpgroupEmitter &w;
};

} // namespace kinema::nvidia

#endif
