// Winograd's minimal filtering F(m x m, 3 x 3) along H and W (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015): tiles of m x m results, from (m + 2) x (m + 2) elements of the
// source, by as many products a channel, of which the taps would need 9 m^2.
//
//   Y = A^T ((G g G^T) * (B^T d B)) A
//
// The points are 0, 1, -1, infinity for m = 2, and 2, -2 besides for m = 4.
#ifndef KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H
#define KINEMA_COMPILER_TARGET_CPU_WINOGRAD_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema::cpu {

/// Points of a tile along one axis.
constexpr int64_t winogradPoints(int64_t results) { return results + 2; }

/// Tiles side by side: tile i at position + i * step. All positions are in elements of one buffer.
struct WinogradTiles {
  mlir::Value buffer;                     // f32
  mlir::Value from, fromStep, fromStride; // stride: between rows (of the source), between points (of results)
  mlir::Value to, toStep, toStride;       // likewise: between points, between rows
  mlir::Value count;
};

/// B^T d B: elements, which lie side by side in rows, to points; vectors of `width` channels.
void callWinogradSource(KernelEmitter &e, int64_t results, int64_t width, const WinogradTiles &tiles);
/// A^T m A: points to results, which lie side by side in rows; vectors of `width` channels.
void callWinogradResult(KernelEmitter &e, int64_t results, int64_t width, const WinogradTiles &tiles);

/// The body of kernel.winograd, of weights in blocks: G g G^T.
kernel::ScheduleAttr winogradWeightSchedule(kernel::WinogradOp op);
void emitWinogradWeight(kernel::WinogradOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif
