// Brings chunks of a source to shared memory, where its prologue is computed in place, once for each element.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILSTAGE_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILSTAGE_H

#include "compiler/Target/NVGPU/StencilPlan.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// Returns whether a prologue can be computed in place: its tensors lie as halves in blocks of 8 channels.
bool canStageStencil(const kernel::AccessRegion &prologue);
/// Returns whether a prologue computes anything.
bool isStencilTransformed(const kernel::AccessRegion &prologue);

/// A source that a block walks through frame by frame. Each thread copies some positions of every frame, the
/// same ones, and then transforms these itself, so that the threads meet once a chunk and all loads of a
/// chunk are under way together, whatever ptxas makes of the code. Where the source does not reach, there are
/// zeros.
class StencilStage {
public:
  /// `n` is the clip, `block` the channel block, `first` the source's position [T, H, W] where the first
  /// chunk begins; `at` is where the stage lies in shared memory, in bytes.
  StencilStage(WarpgroupEmitter &w, kernel::AccessRegion prologue, const StencilRing &ring, mlir::Value n,
               mlir::Value block, std::array<mlir::Value, 3> first, int64_t at)
      : w(w), e(w.e), prologue(prologue), type(prologue.getPixelType()), ring(ring), n(n), block(block),
        first(first), at(at) {}

  /// Takes `count` frames of the source from `from` on for all that it has.
  void setFrames(mlir::Value from, int64_t count) { frames = {from, count}; }
  /// Notes where this thread's positions lie in a frame of the source. It comes before the first copy.
  void begin();
  /// Writes zeros to this thread's share of a chunk.
  void clear(mlir::Value chunk);
  /// Begins to copy this thread's share of a chunk; `inSource` says that the source is known to have its
  /// frames.
  void copy(mlir::Value chunk, bool inSource = false);
  /// Transforms this thread's share of a chunk, whose copies have landed. Once the threads have met, the
  /// chunk is there.
  void transform(mlir::Value chunk);

  /// Returns where a frame lies, counted from the first one of chunk 0, in bytes from the start of shared
  /// memory.
  mlir::Value frameAt(mlir::Value number);
  /// Returns the bytes from a frame's start to a position.
  mlir::Value positionAt(mlir::Value row, mlir::Value column) {
    return e.mul(e.add(e.mul(row, ring.columns), column), positionBytes);
  }
  /// Loads channels of a position, of what the prologue has made, in f32. `at` is where they lie in shared
  /// memory, in bytes from its start.
  mlir::Value load(mlir::Value at, int64_t channels = blockChannels);

private:
  /// Runs the body for each frame of a chunk, with its number in the source and whether that has it.
  void forEachFrame(mlir::Value chunk,
                    llvm::function_ref<void(int64_t frame, mlir::Value number, mlir::Value exists)> body);
  /// Runs the body for each of this thread's positions that the source has, with its number in a frame of
  /// the ring and in one of the source.
  void forEachPosition(llvm::function_ref<void(mlir::Value number, mlir::Value inSource)> body);
  void clearFrame(mlir::Value frame);
  mlir::Value noteAt(mlir::Value number);
  /// Returns where a frame of a chunk lies, of the prologue's tensor `operand`.
  mlir::Value frameOf(mlir::Value chunk, int64_t frame, int64_t operand);
  mlir::Value placeOf(mlir::Value frame, mlir::Value number) {
    return w.pointer(e.add(frame, e.mul(number, positionBytes)));
  }
  llvm::SmallVector<mlir::Value> vectors();
  mlir::Value load(mlir::Type half, mlir::Value at, int64_t channels);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  kernel::AccessRegion prologue;
  mlir::RankedTensorType type;
  StencilRing ring;
  mlir::Value n, block;
  std::array<mlir::Value, 3> first;
  int64_t at;
  std::optional<std::pair<mlir::Value, int64_t>> frames;
};

/// Makes one group of the copies that this thread has begun, and waits for all groups.
void commitStencilCopies(KernelEmitter &e);
void awaitStencilCopies(KernelEmitter &e);

} // namespace kinema::nvidia

#endif
