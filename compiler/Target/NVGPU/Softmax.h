// Computes the softmax over channels, and its gradient, with all channels of a position in the registers of
// the threads that share it, so that each number is read from memory once.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_SOFTMAX_H
#define KINEMA_COMPILER_TARGET_NVGPU_SOFTMAX_H

#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Holds what is chosen. The lanes of a warp are positions side by side, each with a channel block. Each time
/// that a warp is split, it has half as many positions, of which both halves take different channel blocks.
struct SoftmaxTile {
  static llvm::StringRef schedule(TensorCores tensorCores) {
    return tensorCores == TensorCores::Warpgroups ? "sm90.softmax" : "nvgpu.softmax";
  }
  int64_t splits; // of a warp: 0 to 3
  int64_t warps;  // of a block, which share the channels of its positions

  static void forEach(auto &self, auto visit) {
    visit("splits", self.splits);
    visit("warps", self.warps);
  }
};

// These take kernel.softmax and kernel.softmax_grad.

/// Returns the best schedules; none where tensors do not lie in blocks or have too many channels.
llvm::SmallVector<Candidate> softmaxCandidates(mlir::Operation *op, const Processor &processor);

/// Returns the schedule that the op's own parameters lead to (Strategy::remake).
kernel::ScheduleAttr remakeSoftmax(mlir::Operation *op, const Processor &processor,
                                   ScheduleParameters &parameters);

/// Predicts the seconds of an op that has such a schedule.
Prediction predictSoftmax(mlir::Operation *op, const Processor &processor);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr softmaxSchedule(mlir::Operation *op, const SoftmaxTile &tile);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitSoftmax(mlir::Operation *op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif
