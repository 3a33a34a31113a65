// Provides what kernels of cooperating warpgroups share: addresses in shared memory, rings of stages between
// those who fill them and those who read them, matrix descriptors and products.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_WARPGROUPEMITTER_H
#define KINEMA_COMPILER_TARGET_NVGPU_WARPGROUPEMITTER_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/Roles.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace kinema::nvidia {

/// A Ring is a ring of stages in shared memory that are filled and read in turn, with an mbarrier for each
/// direction.
struct Ring {
  const char *name; // name of what the stages hold, for messages
  int64_t stages;
  int64_t fullAt, emptyAt; // bytes from the start of shared memory
  int64_t dataAt, stageBytes;
  int64_t cluster = 1;  // blocks of a cluster that fill the stages of each other
  bool refilled = true; // whether stages are filled more than once; if not, nobody says that one is empty
};

/// A MatrixOperand is an operand of a product in shared memory, without swizzle (PTX ISA, matrix descriptor).
struct MatrixOperand {
  mlir::Value start;             // what `matrixStart` returns, of a stage or so
  int64_t offset;                // bytes from there on
  int64_t leading, stride;       // bytes, as the descriptor means them
  bool contractedFastest = true; // whether the contracted index is the fastest of the two
};

class WarpgroupEmitter {
public:
  /// The emitter's scratch is the block's shared memory: !llvm.ptr<3>, aligned to 128.
  explicit WarpgroupEmitter(KernelEmitter &e) : e(e) {}

  KernelEmitter &e;

  // These are words of 32 bits, as the machine's instructions take them.
  mlir::Value word(int64_t value);
  mlir::Value word(mlir::Value index);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value choose(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// Returns which of `width` channels from `first` on exist, not being padding; null where all do.
  mlir::Value existing(mlir::Value first, int64_t width, int64_t channels);

  /// Returns the address `bytes` from the start of shared memory.
  mlir::Value pointer(mlir::Value bytes);
  mlir::Value pointer(int64_t bytes) { return pointer(e.index(bytes)); }
  /// Returns the address of an operand's or result's buffer in global memory.
  mlir::Value globalPointer(mlir::Value buffer);
  /// Returns the address of the buffer's unit with this number, counted in units of so many bytes.
  mlir::Value globalPointer(mlir::Value buffer, mlir::Value number, int64_t unitBytes);

  // These work on rings. `step` counts the stages that have passed.

  /// Makes the barriers of a ring: a stage is full after `fills` arrivals and empty after `releases`. One
  /// thread of the block calls it, and then `initialised` when all rings are; the block meets before they are
  /// used.
  void initialise(const Ring &ring, int64_t fills, int64_t releases);
  void initialised();
  mlir::Value stageOf(const Ring &ring, mlir::Value step) { return e.rem(step, ring.stages); }
  /// Returns where the stage's data lie, in bytes from the start of shared memory.
  mlir::Value stageAt(const Ring &ring, mlir::Value stage);
  mlir::Value full(const Ring &ring, mlir::Value stage) { return barrier(ring.fullAt, stage); }
  mlir::Value empty(const Ring &ring, mlir::Value stage) { return barrier(ring.emptyAt, stage); }
  /// Waits until the stage's data are there: it has been filled once more than it was emptied.
  void waitFull(const Ring &ring, mlir::Value step);
  /// Waits until the stage may be filled; it is empty at the beginning.
  void waitEmpty(const Ring &ring, mlir::Value step);
  void arrive(mlir::Value barrier, int64_t times = 1);
  /// Arrives and says that so many more bytes (a word) are to come before the barrier's phase ends.
  void arriveExpecting(mlir::Value barrier, mlir::Value bytes);
  /// Says for this thread's warp, once all its threads are here, that it has read a stage.
  void releaseTogether(const Ring &ring, mlir::Value stage);
  /// Says for the calling warp that its products have read the stage, where `condition` holds, if there is
  /// one.
  void release(const Ring &ring, mlir::Value step, mlir::Value condition = {});
  /// Makes what this thread stored to shared memory visible to the tensor cores.
  void fenceStores();
  /// Copies `bytes` bytes (a word) of global memory to shared memory `to`; they count for the barrier. In a
  /// cluster of several blocks, each of them gets the copy, at the same places.
  void bulkCopy(mlir::Value to, mlir::Value from, mlir::Value bytes, mlir::Value barrier,
                int64_t cluster = 1);
  /// Returns the number of this block in its cluster.
  mlir::Value rankInCluster();
  /// Puts `cluster` blocks side by side into a cluster, where that is more than one.
  void formClusters(int64_t cluster);
  /// Lets all threads of a cluster of so many blocks meet.
  void blocksMeet(int64_t cluster);

  /// Returns a place in shared memory as descriptors have it, a word that counts in 16 bytes.
  mlir::Value matrixStart(mlir::Value at);
  /// Begins sum [64 x columns] += a [64 x 16] * b [16 x columns]; sum is a struct of columns / 2 f32. A null
  /// `sum` means the product alone. Zeros that are known to be zeros must not be given as `sum`: they would
  /// be put into the registers after `beginProducts`, and ptxas would wait for each product.
  mlir::Value product(mlir::Value sum, const MatrixOperand &a, const MatrixOperand &b, int64_t columns);
  /// Returns the accumulators of a product, all zero.
  mlir::Value noSums(int64_t columns);
  void beginProducts();
  /// Makes a group of the products since the last group.
  void commitProducts();
  /// Waits until no more than so many of the last groups are under way. Until then nothing may touch the
  /// accumulators: else ptxas would wait for each product.
  void waitForProducts(int64_t groups);

  mlir::Value lane() { return e.rem(e.thread, warp); }
  /// Returns the index as the warp's first lane has it.
  mlir::Value broadcast(mlir::Value index);
  /// Sums between two threads whose lanes differ by `distance`, a power of two: the thread of the smaller
  /// lane gets the sum of both their `lower`, the other one that of their `upper`. The values are floats or
  /// vectors of them.
  mlir::Value halve(mlir::Value lower, mlir::Value upper, int64_t distance);
  /// Lets `threads` threads meet at the named barrier.
  void meet(mlir::Value barrier, int64_t threads);
  void meet(int64_t barrier, int64_t threads) { meet(word(barrier), threads); }
  /// Shares the work of a block: the first warp begins copies, the producers' other warps stage what they
  /// bring, and the consumers, with more registers, contract.
  void shareOut(const Roles &roles, llvm::function_ref<void()> copy, llvm::function_ref<void()> stage,
                llvm::function_ref<void()> contract);
  void setRegisters(int64_t count, mlir::NVVM::SetMaxRegisterAction action);

private:
  mlir::Value barrier(int64_t at, mlir::Value stage) { return pointer(e.add(e.index(at), e.mul(stage, 8))); }
  /// Waits for the barrier; `until` says in messages what is then the case.
  void wait(mlir::Value barrier, mlir::Value parity, const llvm::Twine &until);
  mlir::Value descriptor(const MatrixOperand &matrix);
};

} // namespace kinema::nvidia

#endif
