// Brings chunks of a source to shared memory, where its prologue is computed in place, once for each element.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILSTAGE_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILSTAGE_H

#include "compiler/Target/NVGPU/StencilPlan.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// Returns whether a prologue can be computed in place: its tensors lie as bfloat16 in blocks of 8 channels.
bool canStageStencil(const kernel::AccessRegion &prologue);
/// Returns whether a prologue computes anything.
bool isStencilTransformed(const kernel::AccessRegion &prologue);

/// A source whose positions [first, first + extent) a block walks through, frame by frame. Threads copy what
/// they then transform themselves, so that they meet once a chunk: all loads of a chunk are under way
/// together, whatever ptxas makes of the code. Zeros are copied where the source does not reach.
class StencilStage {
public:
  /// `n` is the clip, `block` the channel block, `first` the source's position [T, H, W] where the first
  /// chunk begins; `ringAt` is where the ring lies in shared memory, `restAt` where a chunk for each further
  /// tensor of the prologue lies, in bytes.
  StencilStage(WarpgroupEmitter &w, kernel::AccessRegion prologue, const StencilRing &ring, mlir::Value n,
               mlir::Value block, std::array<mlir::Value, 3> first, int64_t ringAt, int64_t restAt)
      : w(w), e(w.e), prologue(prologue), type(prologue.getPixelType()), ring(ring), n(n), block(block),
        first(first), ringAt(ringAt), restAt(restAt) {}

  /// Begins to copy this thread's share of a chunk.
  void copy(mlir::Value chunk);
  /// Transforms this thread's share of a chunk, whose copies have landed. Once the threads have met, the chunk
  /// is there.
  void transform(mlir::Value chunk);

  /// Returns where a frame that a step reads lies, in bytes from the start of shared memory: the frame with
  /// number `frame` of those from the first of chunk `chunk` - ring.before on.
  mlir::Value frameAt(mlir::Value chunk, int64_t frame);
  /// Returns the bytes from a frame's start to a position.
  mlir::Value positionAt(mlir::Value row, mlir::Value column) {
    return e.mul(e.add(e.mul(row, ring.columns), column), positionBytes);
  }

private:
  struct Position {
    mlir::Value inside; // whether the source reaches there
    mlir::Value at;     // element of the channel block's first channel; of any where it does not
  };
  Position positionOf(mlir::Value chunk, mlir::Value number);
  /// Returns where the chunk's position with this number lies, of the prologue's tensor `operand`.
  mlir::Value placeOf(mlir::Value chunk, mlir::Value number, int64_t operand);
  llvm::SmallVector<mlir::Value> vectors();

  WarpgroupEmitter &w;
  KernelEmitter &e;
  kernel::AccessRegion prologue;
  mlir::RankedTensorType type;
  StencilRing ring;
  mlir::Value n, block;
  std::array<mlir::Value, 3> first;
  int64_t ringAt, restAt;
};

/// Waits for the copies that this thread has begun.
void awaitStencilCopies(KernelEmitter &e);

/// Loads 8 channels of a position in f32.
mlir::Value loadPosition(WarpgroupEmitter &w, mlir::Value at);

} // namespace kinema::nvidia

#endif
