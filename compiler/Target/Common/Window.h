// Finds where the taps of a window fall, for convs and pools and their gradients.
#ifndef KINEMA_COMPILER_TARGET_COMMON_WINDOW_H
#define KINEMA_COMPILER_TARGET_COMMON_WINDOW_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema::reference {

/// A SourcePosition is the source position of one tap for a result, along T, H, W.
struct SourcePosition {
  mlir::Value inside; // whether the source has the position
  mlir::Value coordinates[3];
};

/// Returns the source position of result (t, h, w) at `tap`: forward, result * stride + tap * dilation - pad;
/// transposed, the position from which a forward conv leads to the result.
SourcePosition sourceOf(KernelEmitter &e, const shape::Window &window, bool forward,
                        mlir::RankedTensorType source, llvm::ArrayRef<mlir::Value> result,
                        llvm::ArrayRef<mlir::Value> tap);

/// Loops over the taps of a kernel, carrying one value.
mlir::Value forEachTap(KernelEmitter &e, const shape::Window &window, mlir::Value init,
                       llvm::function_ref<mlir::Value(llvm::ArrayRef<mlir::Value>, mlir::Value)> body);

/// Holds the taps [first, end) along each axis for which a window's result reads inside the source, and where
/// the window begins (`origin`).
struct ClippedWindow {
  llvm::SmallVector<mlir::Value> first, end, origin;
};
ClippedWindow clipWindow(KernelEmitter &e, const shape::Window &window, mlir::RankedTensorType source,
                         mlir::ValueRange result);

/// Loops over the source positions t, h, w of a window and their taps, in this order, carrying values.
llvm::SmallVector<mlir::Value> forEachInWindow(
    KernelEmitter &e, const shape::Window &window, mlir::RankedTensorType source, mlir::ValueRange result,
    mlir::ValueRange init,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(llvm::ArrayRef<mlir::Value> at,
                                                      llvm::ArrayRef<mlir::Value> tap, mlir::ValueRange)>
        body);

} // namespace kinema::reference

#endif
