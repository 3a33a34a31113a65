// Winograd's minimal filtering F(m x m, 3 x 3) along H and W (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015): tiles of m x m results, from (m + 2) x (m + 2) elements of the
// source, by as many products a channel, of which the taps would need 9 m^2.
//
//   Y = A^T ((G g G^T) * (B^T d B)) A
//
// The points are 0, 1, -1, infinity for m = 2, and 2, -2 besides for m = 4.
#ifndef KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H
#define KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Stage.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema::cpu {

/// Points of a tile along one axis.
constexpr int64_t winogradPoints(int64_t results) { return results + 2; }

/// Points of a tile, each a contraction of its own; 1 without tiles.
constexpr int64_t winogradProducts(int64_t results) {
  return results == 1 ? 1 : winogradPoints(results) * winogradPoints(results);
}

/// The taps that the contraction of a point walks: tiles have those of H and W in them. All without tiles.
std::vector<shape::Tap> winogradTaps(const shape::Phase &phase, int64_t results);

/// How far apart points lie in near memory, in elements: an odd number of cache lines, so that the points of
/// one tile go to different sets of a cache.
constexpr int64_t winogradStride(int64_t elements) { return shape::roundUp(elements, 32) + 16; }

/// Whether the recipe lets convs be computed so: `compute.winograd`.
bool allowsWinograd(mlir::ModuleOp module);

/// Whether a window has tiles: 3 x 3 in steps of 1, whatever it does along T.
bool winogradFits(const shape::Window &window);

/// Cycles in which a vector of a tile is brought to its points or back; rough.
constexpr double winogradCycles(int64_t results) { return results == 1 ? 0 : results == 2 ? 40 : 110; }

/// What is brought to points: the source, whose tiles overlap, by B^T d B, or the gradient of the results, by
/// A y A^T.
enum class WinogradInput { Source, Gradient };

/// What the tiles of a staged box are at one point: an element a tile.
StagedBox winogradBox(WinogradInput input, int64_t results, const StagedBox &box);

/// Brings a staged box to its points, each a `winogradBox`. Positions are of the kernel's scratch.
void emitWinogradTiles(KernelEmitter &e, WinogradInput input, int64_t results, const StagedBox &box,
                       mlir::Value boxAt, mlir::Value pointsAt);

/// Tiles side by side: tile i at position + i * step.
struct WinogradTiles {
  mlir::Value source, target;             // f32 buffers
  mlir::Value from, fromStep, fromStride; // stride: between points, or between a tile's rows
  mlir::Value to, toStep, toStride;       // likewise
  mlir::Value count;
};

/// A^T m A: points to results, which lie side by side in rows; vectors of channels.
void callWinogradResult(KernelEmitter &e, int64_t results, const WinogradTiles &tiles);
/// G^T u G: points to the taps of a weight's gradient, all `toStride` apart.
void callWinogradWeightGrad(KernelEmitter &e, int64_t results, const WinogradTiles &tiles);

/// Seconds in which a weight is brought to points, to a tensor of this type; rough.
double secondsOfPoints(const Rates &rates, mlir::RankedTensorType points);

inline constexpr llvm::StringLiteral winogradWeightName = "cpu.winograd";

/// The schedule of that name, which has no parameters, for a weight in blocks that is brought to points
/// (G g G^T); nothing where it lies otherwise.
std::optional<kernel::ScheduleAttr> winogradWeightSchedule(kernel::WinogradOp op, const Machine &machine);
void emitWinogradWeight(kernel::WinogradOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif
