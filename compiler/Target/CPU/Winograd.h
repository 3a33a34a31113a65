// Computes convs by Winograd's minimal filtering F(m, 3) along T, F(m x m, 3 x 3) along H and W, or both
// (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). A tile of m results is made
// from m + 2 elements of the source, by as many products a channel, where the taps would need 3 m. Along H
// and W:
//
//   Y = A^T ((G g G^T) * (B^T d B)) A
//
// The points are 0, 1, -1 and infinity for m = 2, and also 2 and -2 for m = 4. A tile's shape says how many
// results it has along T, H and W; 1 stands for an axis whose taps stay as they are and add up between the
// transforms.
#ifndef KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H
#define KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Stage.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema::cpu {

/// The shape of a tile of one result: all taps stay.
inline constexpr shape::Size3 noTile = {1, 1, 1};
/// Returns the points of a tile along T, H and W.
constexpr shape::Size3 winogradPoints(shape::Size3 tile) {
  for (int64_t &results : tile)
    results += results == 1 ? 0 : 2;
  return tile;
}

/// Returns the points of a tile, each of which is a contraction of its own; 1 without tiles.
constexpr int64_t winogradProducts(const shape::Size3 &tile) { return shape::product(winogradPoints(tile)); }

/// Returns the size of a window without the taps for which points stand.
constexpr shape::Size3 winogradWindow(shape::Size3 kernel, const shape::Size3 &tile) {
  for (int axis = 0; axis < 3; ++axis)
    kernel[axis] = tile[axis] == 1 ? kernel[axis] : 1;
  return kernel;
}

/// Returns the taps that the contraction of a point walks, which are those of such a window; without tiles
/// all.
std::vector<shape::Tap> winogradTaps(const shape::Phase &phase, const shape::Size3 &tile);

/// Returns the distance between points in near memory, in elements: an odd number of cache lines, so that the
/// points of one tile go to different sets of a cache.
constexpr int64_t winogradStride(int64_t elements) { return shape::roundUp(elements, 32) + 16; }

/// Returns whether the recipe (`compute.winograd`) allows convs to be computed this way.
bool allowsWinograd(mlir::ModuleOp module);

/// Returns the shapes of tiles that are tried for a window, the smallest first; none where it takes none.
/// Tiles along T alone are for windows that take none along H and W, which save more.
llvm::SmallVector<shape::Size3> winogradTiles(const shape::Window &window);

/// Returns the cycles in which a vector of a tile is brought to its points or back; a rough estimate.
constexpr double winogradCycles(const shape::Size3 &tile) {
  double plane = tile[1] == 1 ? 0 : tile[1] == 2 ? 40 : 110, line = tile[0] == 1 ? 0 : tile[0] == 2 ? 10 : 18;
  shape::Size3 points = winogradPoints(tile);
  return plane * points[0] + line * points[1] * points[2];
}

/// Says what is brought to points: the source, whose tiles overlap, by B^T d B, or the gradient of the
/// results, by A y A^T (along H and W; along T, by one factor of them).
enum class WinogradInput { Source, Gradient };

/// Returns the box that the tiles of a staged box form at one point, with one element for each tile.
StagedBox winogradBox(WinogradInput input, const shape::Size3 &tile, const StagedBox &box);

/// Brings a staged box to its points, each a `winogradBox`. `boxAt` and `pointsAt` are positions in the
/// kernel's scratch.
void emitWinogradTiles(KernelEmitter &e, WinogradInput input, const shape::Size3 &tile, const StagedBox &box,
                       mlir::Value boxAt, mlir::Value pointsAt);

/// Says where tiles that lie side by side begin, and where their elements are. A tile has a cuboid of points,
/// of elements of a box, or of taps.
struct TilePlaces {
  mlir::Value buffer;     // of f32
  mlir::Value first;      // position of the first tile
  mlir::Value step;       // from one tile to the next
  shape::Size3 strides{}; // between elements that are neighbours along T, H and W
};

/// Returns the strides of points that lie `stride` apart.
constexpr shape::Size3 pointStrides(const shape::Size3 &tile, int64_t stride) {
  shape::Size3 points = winogradPoints(tile);
  return {points[1] * points[2] * stride, points[2] * stride, stride};
}

/// Brings the points of `count` tiles to results by A^T m A, on vectors of channels.
void callWinogradResult(KernelEmitter &e, const shape::Size3 &tile, const TilePlaces &points,
                        const TilePlaces &results, mlir::Value count);
/// Brings points to the taps of a weight's gradient by G^T u G.
void callWinogradWeightGrad(KernelEmitter &e, const shape::Size3 &tile, const TilePlaces &points,
                            const TilePlaces &taps, mlir::Value count);

/// Returns the seconds in which a weight is brought to points, which become a tensor of this type; a rough
/// estimate.
double secondsOfPoints(const Rates &rates, mlir::RankedTensorType points);

inline constexpr llvm::StringLiteral winogradWeightName = "cpu.winograd";

/// The schedule of that name, which has no parameters, for a weight in blocks that is brought to points
/// (G g G^T); nothing where it lies otherwise.
std::optional<kernel::ScheduleAttr> winogradWeightSchedule(kernel::WinogradOp op, const Machine &machine);
void emitWinogradWeight(kernel::WinogradOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif
