// Provides the words in which kernels of cooperating threads are written: addresses in shared memory,
// barriers, bulk copies, and what threads of a warp tell each other.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_WARPGROUPEMITTER_H
#define KINEMA_COMPILER_TARGET_NVGPU_WARPGROUPEMITTER_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/Roles.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace kinema::nvidia {

/// Takes a number apart, the digit that counts least first.
class Digits {
public:
  Digits(KernelEmitter &e, mlir::Value number) : e(e), rest(number) {}

  mlir::Value next(int64_t size) {
    mlir::Value digit = e.rem(rest, size);
    rest = e.div(rest, size);
    return digit;
  }
  /// Returns the digit that counts most, which is all that is left.
  mlir::Value last() const { return rest; }

private:
  KernelEmitter &e;
  mlir::Value rest;
};

class WarpgroupEmitter {
public:
  /// The emitter's scratch is the block's shared memory: !llvm.ptr<3>, aligned to 128.
  explicit WarpgroupEmitter(KernelEmitter &e, TensorCores tensorCores = TensorCores::None)
      : e(e), tensorCores(tensorCores) {}

  KernelEmitter &e;
  const TensorCores tensorCores; // that the kernel uses

  // These are words of 32 bits, as the machine's instructions take them.
  mlir::Value word(int64_t value);
  mlir::Value word(mlir::Value index);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value choose(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// Returns which of `width` channels from `first` on exist, not being padding; null where all do.
  mlir::Value existing(mlir::Value first, int64_t width, int64_t channels);

  /// Returns the values of channels from `first` on, a vector, with zeros in place of padding.
  mlir::Value onlyExisting(mlir::Value values, mlir::Value first, int64_t channels);

  /// Returns the address `bytes` from the start of shared memory.
  mlir::Value pointer(mlir::Value bytes);
  mlir::Value pointer(int64_t bytes) { return pointer(e.index(bytes)); }
  /// Returns the pointer to tensor memory of this address, a word.
  mlir::Value tensorPointer(mlir::Value address);
  /// Returns so many words that are zero.
  mlir::Value zeroWords(int64_t count);
  /// Writes zeros to the 16 bytes from `at` on.
  void clear(mlir::Value at);
  /// Writes zeros to so many bytes from `at` on, which `threads` threads share.
  void clear(mlir::Value at, int64_t bytes, mlir::Value thread, int64_t threads);
  /// Returns the address of an operand's or result's buffer in global memory.
  mlir::Value globalPointer(mlir::Value buffer);
  /// Returns the address of the buffer's unit with this number, counted in units of so many bytes.
  mlir::Value globalPointer(mlir::Value buffer, mlir::Value number, int64_t unitBytes);

  /// Arrives at an mbarrier or, with a cluster of several blocks, at the one at the same place in each. In a
  /// cluster this says that products have read something, and orders no stores of the thread.
  void arrive(mlir::Value barrier, int64_t cluster = 1);
  void arriveTimes(mlir::Value barrier, int64_t times);
  /// Arrives and says that so many more bytes (a word) are to come before the barrier's phase ends.
  void arriveExpecting(mlir::Value barrier, mlir::Value bytes);
  /// Has what this thread stored to shared memory and loaded from it come before what tensor cores and copies
  /// do there once they know of it.
  void fenceShared(llvm::StringRef why = {});
  /// Makes the mbarriers that this thread has made visible to bulk copies, if there are any.
  void fenceBarriers();
  /// Copies one position of 16 bytes of global memory to shared memory `to`, by this thread; where `exists`
  /// does not hold, zeros are written there. Null: it holds.
  void copyPosition(mlir::Value to, mlir::Value from, mlir::Value exists = {});
  /// Lets this thread arrive at an mbarrier as soon as its copies have.
  void arriveWithCopies(mlir::Value barrier);
  /// Copies `bytes` bytes (a word) of global memory to shared memory `to`; they count for the barrier. In a
  /// cluster of several blocks, each of them gets the copy, at the same places.
  void bulkCopy(mlir::Value to, mlir::Value from, mlir::Value bytes, mlir::Value barrier,
                int64_t cluster = 1);
  /// Adds a parameter to the kernel that describes a buffer to the copy engine. Returns its address.
  mlir::Value tensorMap(kernel::TensorMapAttr map);
  /// Copies a box of the map's buffer to shared memory `to`, a multiple of TensorMapAttr::targetAlignment;
  /// its bytes, all of them, count for the barrier. `first` has words, where the box begins, the innermost
  /// axis last. One elected thread calls it.
  void boxCopy(mlir::Value to, mlir::Value map, mlir::ValueRange first, mlir::Value barrier);
  /// Returns the number of this block in its cluster.
  mlir::Value rankInCluster();
  /// Puts `cluster` blocks side by side into a cluster, where that is more than one.
  void formClusters(int64_t cluster);
  /// Lets all threads of a cluster of so many blocks meet.
  void blocksMeet(int64_t cluster);

  mlir::Value lane() { return e.rem(e.thread, warp); }
  /// Returns the index as the warp's first lane has it.
  mlir::Value broadcast(mlir::Value index);
  /// Sums between two threads whose lanes differ by `distance`, a power of two: the thread of the smaller
  /// lane gets the sum of both their `lower`, the other one that of their `upper`. The values are floats or
  /// vectors of them.
  mlir::Value halve(mlir::Value lower, mlir::Value upper, int64_t distance);
  /// Returns whether this thread is the one that its warp, all of which is here, has elected. ptxas then
  /// knows that one thread works, and begins a bulk copy by one instruction in place of a loop over the
  /// threads.
  mlir::Value elected();
  /// Lets the threads of each warp meet.
  void warpMeets();
  /// Lets `threads` threads meet at the named barrier.
  void meet(mlir::Value barrier, int64_t threads);
  void meet(int64_t barrier, int64_t threads) { meet(word(barrier), threads); }
};

} // namespace kinema::nvidia

#endif
