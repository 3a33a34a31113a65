// Computes what needs all channels of a position, with these in the registers of the threads that share it,
// so that each number is read from memory once: the softmax, the standardisation of a layer norm, and the
// gradients of both.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_OVERCHANNELS_H
#define KINEMA_COMPILER_TARGET_NVGPU_OVERCHANNELS_H

#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Holds what is chosen. The lanes of a warp are positions side by side, each with a channel block. Each time
/// that a warp is split, it has half as many positions, of which both halves take different channel blocks.
struct OverChannelsTile {
  /// Returns the schedule's name for the softmax and its gradient, or for the standardisation and its own.
  static llvm::StringRef schedule(TensorCores tensorCores, bool ofSoftmax) {
    if (tensorCores == TensorCores::Warpgroups)
      return ofSoftmax ? "sm90.softmax" : "sm90.standardise";
    return ofSoftmax ? "nvgpu.softmax" : "nvgpu.standardise";
  }
  int64_t splits; // of a warp: 0 to 3
  int64_t warps;  // of a block, which share the channels of its positions

  static void forEach(auto &self, auto visit) {
    visit("splits", self.splits);
    visit("warps", self.warps);
  }
};

// These take kernel.softmax and kernel.softmax_grad, and, over channels in one group, kernel.standardise and
// kernel.standardise_grad.

/// Returns whether the operation is the softmax or its gradient.
bool isOfSoftmax(mlir::Operation *op);

/// Returns the best schedules; none where tensors do not lie in blocks or have too many channels.
llvm::SmallVector<Candidate> overChannelsCandidates(mlir::Operation *op, const Processor &processor);

/// Returns the schedule that the op's own parameters lead to (Strategy::remake).
kernel::ScheduleAttr remakeOverChannels(mlir::Operation *op, ScheduleParameters &parameters);

/// Predicts the seconds of an op that has such a schedule.
Prediction predictOverChannels(mlir::Operation *op, const Processor &processor);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr overChannelsSchedule(mlir::Operation *op, const OverChannelsTile &tile);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitOverChannels(mlir::Operation *op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif
