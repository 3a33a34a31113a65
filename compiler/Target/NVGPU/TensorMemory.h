// Gives out a block's tensor memory, in which sums of products lie that one thread begins (tcgen05). The plan
// of a kernel does it once: the block allocates so many columns, and the code addresses its sums in them.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_TENSORMEMORY_H
#define KINEMA_COMPILER_TARGET_NVGPU_TENSORMEMORY_H

#include "compiler/Target/NVGPU/ProductShape.h"

#include "mlir/IR/BuiltinTypes.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace kinema::nvidia {

/// A SumsPlan describes the sums that a consumer holds at a time, each of ProductShape::rows rows.
struct SumsPlan {
  int64_t columns;    // of a product
  int64_t parts = 1;  // sums of a tile of rows, whose columns lie side by side
  int64_t count = 1;  // of a consumer
  bool joins = false; // whether each two sums that follow one another have rows that do so, too, and the same
                      // columns: in tensor memory, one product makes both
  int64_t firstColumn = 0; // of tensor memory
  mlir::FloatType half;    // that are multiplied

  static constexpr int64_t numbersOfGroup = 4; // of 8 columns, that a thread holds

  /// Returns the columns of tensor memory from one pair of sums to the next. A sum takes half of the lanes.
  int64_t pitch() const { return llvm::alignTo(columns, 16); }
  /// Counts the products that tensor cores make together, where so many share their columns.
  int64_t together(TensorCores tensorCores, int64_t sharing) const {
    return tensorCores == TensorCores::TensorMemory ? 1 + joins : sharing;
  }
  /// Counts the groups of 8 columns that a thread loads together from tensor memory, of so many tiles of
  /// rows.
  static constexpr int64_t groupsTogether(int64_t tiles) {
    constexpr int64_t registers = 32;
    return std::max<int64_t>(1, registers / (numbersOfGroup * tiles));
  }
  /// Counts the registers that a thread needs for what it holds of its sums. Of tensor memory, ptxas begins
  /// the next loads while the last groups are still in use, so both are counted.
  int64_t registers(TensorCores tensorCores) const {
    int64_t tiles = count / parts, all = count * ProductShape::accumulators(columns);
    if (tensorCores != TensorCores::TensorMemory)
      return all;
    return std::min(all, 2 * tiles * ProductShape::accumulators(8 * groupsTogether(tiles)));
  }
  /// Returns whether a product may have twice the rows, which the tensor cores make in the same time.
  static constexpr bool mayJoin(TensorCores tensorCores, int64_t count, int64_t columns) {
    return tensorCores == TensorCores::TensorMemory && count % 2 == 0 && columns % 16 == 0;
  }
};

/// Places sums one behind the other. PTX ISA, "Tensor Memory": 128 lanes by 512 columns of 32 bits.
class TensorMemory {
public:
  static constexpr int64_t mostColumns = 512, addressBytes = 4;

  /// Returns the sums of so many consumers with their place.
  SumsPlan take(SumsPlan sums, int64_t consumers) {
    sums.firstColumn = end;
    end += llvm::divideCeil(consumers * sums.count, 2) * sums.pitch();
    return sums;
  }
  /// Returns the columns that a block allocates: a power of two.
  int64_t columns() const {
    constexpr int64_t fewest = 32;
    return llvm::bit_ceil(uint64_t(std::max(end, fewest)));
  }
  bool fits() const { return end <= mostColumns; }

private:
  int64_t end = 0;
};

} // namespace kinema::nvidia

#endif
