// Finds, in code, where the tiles of a conv lie, what their taps reach and which results their positions are:
// what HaloAxis knows in numbers.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOWALK_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOWALK_H

#include "compiler/Target/NVGPU/Epilogue.h"
#include "compiler/Target/NVGPU/Feed.h"
#include "compiler/Target/NVGPU/HaloPlan.h"

namespace kinema::nvidia {

/// Says which clip and which results a tile has.
struct TilePlace {
  struct Axis {
    mlir::Value first;  // the tile's first result, counted within its phase
    mlir::Value count;  // how many results the phase has
    mlir::Value offset; // of the phase
    mlir::Value taps, firstTap, firstShift;
    mlir::Value reached; // whether a tap reaches the phase; null where one reaches all
  };
  mlir::Value n;
  std::array<Axis, 3> axes;
};

class HaloWalk {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  HaloWalk(WarpgroupEmitter &w, const std::array<HaloAxis, 3> &axes) : w(w), e(w.e), axes(axes) {}

  /// Takes the tile's place along each axis from the first digits, and its phases from the second ones.
  TilePlace placeOf(Digits &places, Digits &phases);
  /// Says where the feed of a tile begins.
  FeedPlace feedPlace(const TilePlace &tile);
  /// Returns by how many positions a tap shifts the halo, counted from the first shift of the tile's phase,
  /// if a tile is given.
  mlir::Value shiftOf(llvm::ArrayRef<mlir::Value> tap, const TilePlace *tile = nullptr);
  /// Returns the row that holds a position of a tile, which is counted through the axes from `outermost` on,
  /// in planes of the halo. `before` is the row's number in the result along the dimensions before these,
  /// and `column` the first channel of the thread's pair in each group.
  Row rowOf(const TilePlace &tile, mlir::Value position, mlir::Value before, mlir::Value column,
            int outermost = 0);
  /// Returns the first of a tile's results in the result tensor, along each axis.
  std::array<mlir::Value, 3> firstResult(const TilePlace &tile);
  /// Returns a row's number along each axis among the tile's results; 0 where it is none.
  std::array<mlir::Value, 3> inTile(const TilePlace &tile, const Row &row);
  /// Returns how many positions of the tile are results.
  mlir::Value resultsOf(const TilePlace &tile);

  /// Runs the body for each tap of a box that has so many along each axis, the last one fastest.
  Values overTaps(llvm::ArrayRef<mlir::Value> counts, mlir::ValueRange init,
                  llvm::function_ref<Values(llvm::ArrayRef<mlir::Value>, mlir::ValueRange)> body,
                  llvm::ArrayRef<mlir::Value> outer = {});

private:
  mlir::Value pick(mlir::Value phase, const HaloAxis &axis,
                   llvm::function_ref<int64_t(const HaloAxis::Phase &)> field);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  const std::array<HaloAxis, 3> &axes;
};

} // namespace kinema::nvidia

#endif
