// Provides what the kernels of all targets are written with: index arithmetic, loops, loads and stores on
// flat buffers, and the inlining of prologue and epilogue regions at scalar or vector width.
#ifndef KINEMA_COMPILER_TARGET_COMMON_KERNELEMITTER_H
#define KINEMA_COMPILER_TARGET_COMMON_KERNELEMITTER_H

#include "compiler/Target/Common/Machine.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <functional>

namespace kinema {

/// Writes the body of one kernel function
///   func.func @name(operands..., results...: memref<NxT>, what the target adds...)
/// Buffers are flat, in their layout's order, N = storedElements. A buffer may serve as operand and result at
/// once where the operation is elementwise on it. All arithmetic is f32: narrower floats are widened as they
/// are loaded and rounded as they are stored.
class KernelEmitter {
public:
  KernelEmitter(mlir::OpBuilder &builder, mlir::Location location, const Machine &machine)
      : b(builder), loc(location), machine(machine) {}

  /// Creates the function for the operation of a kernel.def at the builder's insertion point, with its
  /// buffers in memory `space`, and enters its body.
  mlir::func::FuncOp begin(kernel::DefOp def, llvm::ArrayRef<mlir::Type> more = {},
                           mlir::Attribute space = {});

  mlir::OpBuilder &b;
  mlir::Location loc;
  const Machine &machine;
  llvm::SmallVector<mlir::Value> operands; // one for each operand of the kernel.def
  llvm::SmallVector<mlir::Value> results;  // one for each result
  // This call computes the part [firstBlock, endBlock) of the grid; without an end, the one block.
  mlir::Value firstBlock, endBlock;
  // This is the thread's number among those that share the block; null: it has the block to itself.
  mlir::Value thread;
  int64_t threads = 1;
  mlir::Value scratch; // the block's own memory, where the target gives it any
  using Combine = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;
  // This combines the values of a block's threads; it is set where there are several.
  std::function<llvm::SmallVector<mlir::Value>(mlir::ValueRange, Combine)> combineThreads;
  // This combines the values of the threads that run in step with this one; it is set where there are
  // several.
  std::function<llvm::SmallVector<mlir::Value>(mlir::ValueRange, Combine)> combineWarp;

  /// Returns the buffer that stands for an operand of the kernel operation.
  mlir::Value bufferOf(mlir::OpOperand &operand) { return operands[operand.getOperandNumber()]; }
  /// Loads a field of `%hyper`, which is an operand of the kernel operation.
  mlir::Value loadField(mlir::OpOperand &hyper, clip::HyperField field);

  // Index arithmetic is folded where it is constant.
  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, index(b)); }
  mlir::Value div(mlir::Value a, int64_t b); // for non-negative values
  mlir::Value rem(mlir::Value a, int64_t b); // for non-negative values
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  /// Returns whether 0 <= i < n.
  mlir::Value inRange(mlir::Value i, int64_t n);
  mlir::Value equal(mlir::Value i, int64_t n);
  mlir::Value both(mlir::Value a, mlir::Value b); // whether both conditions hold

  // These compute in f32, on scalars or vectors.
  mlir::Value constant(float value, mlir::Type type = {});
  mlir::VectorType vectorType(int64_t width);
  mlir::Value splat(mlir::Value scalar, int64_t width);
  mlir::Value zero(int64_t width); // f32, or a vector of them
  mlir::Value addf(mlir::Value a, mlir::Value b);
  mlir::Value subf(mlir::Value a, mlir::Value b);
  mlir::Value mulf(mlir::Value a, mlir::Value b);
  mlir::Value divf(mlir::Value a, mlir::Value b);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c); // a * b + c
  mlir::Value toFloat(mlir::Value index);                       // f32
  /// Returns the terms of a number (#kernel.precision), in bfloat16: what it is rounded to, and the rest.
  std::array<mlir::Value, 2> termsOf(mlir::Value x);
  /// Returns an f32 number, or a vector of them, of one that is narrower.
  mlir::Value asF32(mlir::Value x);
  /// These return an f32 number, or a vector of them, as f64, and an f64 one rounded to f32.
  mlir::Value asF64(mlir::Value x);
  mlir::Value roundedToF32(mlir::Value x);
  /// Returns a[i] + b[i] for each i.
  llvm::SmallVector<mlir::Value> sums(mlir::ValueRange a, mlir::ValueRange b);

  /// Loops over i in [from, to) by `step`.
  void loop(mlir::Value from, mlir::Value to, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  void loop(int64_t to, llvm::function_ref<void(mlir::Value)> body) { loop(index(0), index(to), 1, body); }
  /// Loops and carries values: the body returns their next state.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);
  /// Runs `body` for each block of this call's part of the grid.
  void forEachBlock(llvm::function_ref<void(mlir::Value)> body);
  /// Runs `body` for each i in [from, to), which do not depend on one another: in turn, or each by one of the
  /// block's threads.
  void spread(mlir::Value from, mlir::Value to, llvm::function_ref<void(mlir::Value)> body);
  /// Combines the threads' values in a fixed order and returns the result to each of them; all threads of the
  /// block must come here.
  llvm::SmallVector<mlir::Value> acrossThreads(mlir::ValueRange values, Combine combine);
  llvm::SmallVector<mlir::Value> sumAcrossThreads(mlir::ValueRange values);
  /// Combines the values of the warp's threads likewise; all of these must come here.
  llvm::SmallVector<mlir::Value> acrossWarp(mlir::ValueRange values, Combine combine);
  /// Returns how many threads a warp has; it is the one thread where a block is one thread's.
  int64_t warp() const { return thread ? machine.warp : 1; }
  /// Returns the thread's number in its warp, and the warp's in the block.
  mlir::Value lane() { return thread ? rem(thread, machine.warp) : index(0); }
  mlir::Value warpNumber() { return thread ? div(thread, machine.warp) : index(0); }
  /// Runs `body` in one of the block's threads.
  void once(llvm::function_ref<void()> body);
  void when(mlir::Value condition, llvm::function_ref<void()> then,
            llvm::function_ref<void()> otherwise = nullptr);
  /// Returns what `then` or `otherwise` returns, values of these types.
  llvm::SmallVector<mlir::Value> choose(mlir::Value condition, mlir::TypeRange types,
                                        llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
                                        llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);
  /// Returns condition ? then() : otherwise, where `then` is computed only if the condition holds.
  mlir::Value select(mlir::Value condition, llvm::function_ref<mlir::Value()> then, mlir::Value otherwise);

  /// These load floats as f32, whatever the buffer holds, and all else as it is.
  mlir::Value load(mlir::Value buffer, mlir::Value at);
  void store(mlir::Value value, mlir::Value buffer, mlir::Value at);
  mlir::Value loadVector(mlir::Value buffer, mlir::Value at, int64_t width) {
    return asFloats(loadStored(buffer, at, width));
  }
  /// These are the halves of loadVector: the load, of what the buffer holds, and what makes floats f32. In
  /// between, a thread does not wait for the load.
  mlir::Value loadStored(mlir::Value buffer, mlir::Value at, int64_t width);
  mlir::Value asFloats(mlir::Value stored);
  void storeVector(mlir::Value value, mlir::Value buffer, mlir::Value at);

  /// These move a vector of `width` elements, or a scalar where `width` is 1.
  mlir::Value loadElements(mlir::Value buffer, mlir::Value at, int64_t width);
  void storeElements(mlir::Value value, mlir::Value buffer, mlir::Value at);

  /// Returns the flat position of the element at logical coordinates (one for each dimension).
  mlir::Value position(mlir::RankedTensorType type, mlir::ValueRange coordinates);

  /// Copies a region's arithmetic here, at the width of the arguments (f32 or vector<Kxf32>) or, without
  /// arguments, at `width`; returns what the region yields.
  llvm::SmallVector<mlir::Value> inlineRegion(mlir::Region &region, mlir::ValueRange arguments,
                                              int64_t width = 1);

  /// Loads a region's operand for the element (or the vector of `width` channels from c on) at n, c, t, h, w.
  /// The operand is read in domain coordinates as `access` says; the stride of a lattice operand follows from
  /// its coarser type.
  mlir::Value loadAccess(mlir::Value buffer, mlir::RankedTensorType type, kernel::Access access,
                         mlir::RankedTensorType domain, mlir::ValueRange nctHW, int64_t width);
  mlir::Value loadAccess(const kernel::AccessOperand &operand, mlir::RankedTensorType domain,
                         mlir::ValueRange nctHW, int64_t width) {
    return loadAccess(bufferOf(*operand.operand), operand.getType(), operand.access, domain, nctHW, width);
  }
};

} // namespace kinema

#endif
