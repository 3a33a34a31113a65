// Cuts a contraction's positions into blocks of clips, frames and rows; columns are never cut.
#ifndef KINEMA_COMPILER_TARGET_CPU_BLOCKS_H
#define KINEMA_COMPILER_TARGET_CPU_BLOCKS_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema::cpu {

/// A Cut is one axis cut into blocks of `size`; the last one may be smaller.
struct Cut {
  int64_t total, size;

  int64_t count() const { return shape::ceilDiv(total, size); }
  int64_t last() const { return total - (count() - 1) * size; }
};

/// Holds clips, frames and rows.
using BlockShape = std::array<int64_t, 3>;

struct BlockCuts : std::array<Cut, 3> {
  /// Cuts a tensor [N, C, T, H, W].
  BlockCuts() = default;
  BlockCuts(llvm::ArrayRef<int64_t> tensor, BlockShape block);

  int64_t count() const { return at(0).count() * at(1).count() * at(2).count(); }
  int64_t rows() const { return at(0).size * at(1).size * at(2).size; }

  /// Returns the shape of a block's variant. Blocks at the end of axes may be smaller: variant v is a block
  /// that is last along axis i where bit i of v is set.
  static constexpr int64_t variants = 8;
  BlockShape shapeOf(int64_t variant) const;
  /// Returns whether there are such blocks: where the last block of an axis is whole, it counts as an inner
  /// one.
  bool occurs(int64_t variant) const;
};

/// A BlockPlace is a block at run time.
struct BlockPlace {
  std::array<mlir::Value, 3> first, size; // clips, frames, rows
  mlir::Value variant;
};
BlockPlace emitBlockPlace(KernelEmitter &e, const BlockCuts &cuts, mlir::Value block);

/// Things that are shared out evenly: share i starts at first(i).
struct Shares {
  int64_t total, parts;

  int64_t first(int64_t i) const { return total * i / parts; }
};
struct Interval {
  mlir::Value from, to;
};
Interval emitShare(KernelEmitter &e, const Shares &shares, mlir::Value i);

/// Returns numbers of parts worth trying: powers of two and the halves between them, up to `most`.
llvm::SmallVector<int64_t> partCounts(int64_t most);

} // namespace kinema::cpu

#endif
