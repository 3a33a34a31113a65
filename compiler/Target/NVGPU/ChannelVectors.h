// Keeps what an epilogue reads by channel in shared memory. All tiles of a block have the same channels, so
// the block loads it once, and no thread waits for L2 at each group of channels of each tile.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CHANNELVECTORS_H
#define KINEMA_COMPILER_TARGET_NVGPU_CHANNELVECTORS_H

#include "compiler/Target/NVGPU/SharedMemory.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"
#include "dialects/Kernel/AccessRegion.h"

namespace kinema::nvidia {

class ChannelVectors {
public:
  /// Returns whether an operand is kept: all clips and positions have the same number of a channel.
  static bool keeps(const kernel::AccessOperand &operand) {
    return operand.access == kernel::Access::Channel;
  }
  static int64_t countOf(const kernel::AccessRegion &region) { return llvm::count_if(region, keeps); }
  /// Returns the bytes of shared memory for so many vectors: [vector, channel of the tile] in f32.
  static constexpr int64_t bytes(int64_t vectors, int64_t channels) { return 4 * vectors * channels; }

  /// `region` has their bytes, and `result` is the type of the tensor whose tiles have so many channels.
  ChannelVectors(WarpgroupEmitter &w, kernel::AccessRegion epilogue, mlir::RankedTensorType result,
                 int64_t channels, SharedRegion region)
      : w(w), e(w.e), epilogue(epilogue), result(result), channels(channels), region(region) {}

  /// Loads the vectors from the tile's first channel on. `thread` is the number of this thread among
  /// `threads`, which must meet before one of them reads what another one has loaded.
  void fill(mlir::Value firstChannel, mlir::Value thread, int64_t threads);
  /// Loads a pair of an operand that is kept; `channel` counts from the tile's first one.
  mlir::Value load(const kernel::AccessOperand &operand, mlir::Value channel);

private:
  mlir::Value place(const kernel::AccessOperand &operand, mlir::Value channel);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  kernel::AccessRegion epilogue;
  mlir::RankedTensorType result;
  int64_t channels;
  SharedRegion region;
};

} // namespace kinema::nvidia

#endif
