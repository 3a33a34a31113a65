// Computes convs by Winograd's minimal filtering F(m x m, 3 x 3) along H and W (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2015). A tile of m x m results is made from
// (m + 2) x (m + 2) elements of the source, by as many products a channel, where the taps would need 9 m^2:
//
//   Y = A^T ((G g G^T) * (B^T d B)) A
//
// The points are 0, 1, -1 and infinity for m = 2, and also 2 and -2 for m = 4.
#ifndef KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H
#define KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Stage.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema::cpu {

/// Returns the points of a tile along one axis.
constexpr int64_t winogradPoints(int64_t results) { return results + 2; }

/// Returns the points of a tile, each of which is a contraction of its own; 1 without tiles.
constexpr int64_t winogradProducts(int64_t results) {
  return results == 1 ? 1 : winogradPoints(results) * winogradPoints(results);
}

/// Returns the taps that the contraction of a point walks: with tiles those along T, since the points stand
/// for the taps along H and W; without tiles all.
std::vector<shape::Tap> winogradTaps(const shape::Phase &phase, int64_t results);

/// Returns the distance between points in near memory, in elements: an odd number of cache lines, so that the
/// points of one tile go to different sets of a cache.
constexpr int64_t winogradStride(int64_t elements) { return shape::roundUp(elements, 32) + 16; }

/// Returns whether the recipe (`compute.winograd`) allows convs to be computed this way.
bool allowsWinograd(mlir::ModuleOp module);

/// Returns whether a window can be computed in tiles: it is 3 x 3 in steps of 1, whatever it does along T.
bool winogradFits(const shape::Window &window);

/// Returns the cycles in which a vector of a tile is brought to its points or back; a rough estimate.
constexpr double winogradCycles(int64_t results) { return results == 1 ? 0 : results == 2 ? 40 : 110; }

/// Says what is brought to points: the source, whose tiles overlap, by B^T d B, or the gradient of the
/// results, by A y A^T.
enum class WinogradInput { Source, Gradient };

/// Returns the box that the tiles of a staged box form at one point, with one element for each tile.
StagedBox winogradBox(WinogradInput input, int64_t results, const StagedBox &box);

/// Brings a staged box to its points, each a `winogradBox`. `boxAt` and `pointsAt` are positions in the
/// kernel's scratch.
void emitWinogradTiles(KernelEmitter &e, WinogradInput input, int64_t results, const StagedBox &box,
                       mlir::Value boxAt, mlir::Value pointsAt);

/// Describes tiles side by side: tile i lies at position + i * step.
struct WinogradTiles {
  mlir::Value source, target;             // f32 buffers
  mlir::Value from, fromStep, fromStride; // the stride lies between points, or between a tile's rows
  mlir::Value to, toStep, toStride;       // as for the source
  mlir::Value count;
};

/// Brings points to results by A^T m A, on vectors of channels. The results lie side by side in rows.
void callWinogradResult(KernelEmitter &e, int64_t results, const WinogradTiles &tiles);
/// Brings points to the taps of a weight's gradient by G^T u G. The taps lie `toStride` apart.
void callWinogradWeightGrad(KernelEmitter &e, int64_t results, const WinogradTiles &tiles);

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
