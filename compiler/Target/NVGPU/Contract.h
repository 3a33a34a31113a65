// Contracts what lies in shared memory: which products do it, who waits for them, and which results a thread
// then holds. The kernels know no more of an instruction than this and its ProductShape.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CONTRACT_H
#define KINEMA_COMPILER_TARGET_NVGPU_CONTRACT_H

#include "compiler/Target/NVGPU/Pipeline.h"
#include "compiler/Target/NVGPU/ProductShape.h"

#include <memory>

namespace kinema::nvidia {

/// A Matrix is an operand in shared memory: core matrices of 8 rows (or columns) by 8 contracted numbers, of
/// which each takes 128 bytes. They may overlap.
struct Matrix {
  mlir::Value start;             // as Contract::matrix returns it
  int64_t leading, stride;       // bytes to the next 8 contracted numbers, and to the next 8 rows or columns
  bool contractedFastest = true; // whether the contracted index is the fastest of a core matrix
  int64_t offset = 0;            // bytes from the start
  int64_t rest = 0;              // bytes to the same of what rounding has left; 0: numbers have one term

  /// Returns the matrix so many bytes further on.
  Matrix behind(int64_t bytes) const {
    Matrix matrix = *this;
    matrix.offset += bytes;
    return matrix;
  }
  /// Returns the bytes from what one product contracts to what the next one does.
  int64_t stepBytes() const { return ProductShape::depth / 8 * leading; }
  bool operator==(const Matrix &) const = default;
};

/// The operands of one sum: rows [ProductShape::rows x depth] and columns [depth x columns].
struct Factors {
  Matrix rows, columns;

  /// Returns what the product with this number contracts, of those that follow one another.
  Factors step(int64_t number) const {
    return {rows.behind(number * rows.stepBytes()), columns.behind(number * columns.stepBytes())};
  }
};

/// Writes the products of the threads that contract. Each instruction is a class of its own.
class Contract {
public:
  using Sums = llvm::SmallVector<mlir::Value>; // of ProductShape::rows rows each

  Contract(WarpgroupEmitter &w, const Pipeline &pipeline, const SumsPlan &plan)
      : w(w), e(w.e), pipeline(pipeline), plan(plan) {}
  virtual ~Contract() = default;

  /// Returns the operand that lies `at` bytes from the start of shared memory.
  virtual Matrix matrix(mlir::Value at, int64_t leading, int64_t stride = 8 * positionBytes,
                        bool contractedFastest = true) = 0;
  /// Returns the columns that lie there as a stage of weights has them: [contracted blocks of 8, columns, 8].
  Matrix weights(mlir::Value at) { return matrix(at, plan.columns * positionBytes); }

  /// Returns so many sums, all zero.
  virtual Sums zero(int64_t count);
  /// Returns so many sums that nothing has been added to, for the only products of a tile. Zeros would be put
  /// into the registers after products have begun that run by themselves, and ptxas would wait for each.
  virtual Sums none(int64_t count) { return zero(count); }

  /// Waits until a stage is full, before products read it.
  virtual void await(const Ring &ring, mlir::Value step) { ring.waitFull(step); }
  /// Begins sums[i] += factors[i], over `depth` contracted numbers; of numbers with two terms, the products
  /// of all but both rests. Until `follow` or `finish` nothing may touch the sums: else ptxas would wait for
  /// each product.
  virtual Sums begin(mlir::ValueRange sums, llvm::ArrayRef<Factors> factors, int64_t depth) = 0;
  /// Begins the same for sums of rows that lie `tileBytes` apart, by the same columns.
  Sums begin(mlir::ValueRange sums, const Matrix &rows, int64_t tileBytes, const Matrix &columns,
             int64_t depth);
  /// Begins as many products more, over the contracted numbers [from, to), in a loop.
  virtual Sums proceed(mlir::ValueRange sums, llvm::ArrayRef<Factors> factors, int64_t from, int64_t to) = 0;
  /// Waits for all products but those begun last, and frees the stage of the step before theirs. Returns
  /// whether there was one: `first` is the first step of the sums. Then the warp may free other stages that
  /// the products before have read.
  virtual mlir::Value follow(const Ring &ring, mlir::Value step, mlir::Value first) = 0;
  /// Says that products have read a stage, where `condition` holds, if there is one: all that have ended or,
  /// where products run by themselves until `finish`, all that have begun, as soon as they end.
  virtual void free(const Ring &ring, mlir::Value step, mlir::Value condition = {}) {
    ring.free(step, condition);
  }
  /// A stage that products have read, where `condition` holds, if there is one.
  struct Read {
    const Ring &ring;
    mlir::Value step, condition = {};
  };
  /// Waits for all products, and frees the stages that the last ones have read. The warpgroup has finished
  /// `number` times before.
  virtual void finish(mlir::Value number, llvm::ArrayRef<Read> read = {}) = 0;

  // What a thread holds: of each sum, some rows, and of every 8 columns a pair that lies side by side.

  static constexpr int64_t rowsOfThread = 2;
  /// A Held is what a thread has in registers of finished sums: some groups of 8 columns of some tiles of
  /// rows. Groups are counted through all parts.
  struct Held {
    Sums ofTiles;
    int64_t first = 0, groups = 0;

    bool has(int64_t group) const { return first <= group && group < first + groups; }
  };
  /// Returns some groups from `group` on, as many as `most` if they are of one part, of `tiles` tiles from
  /// `tile` on. All threads of the warp call it.
  virtual Held hold(mlir::ValueRange sums, int64_t tile, int64_t tiles, int64_t group, int64_t most);
  /// Says that the thread needs the sums no more: their place may be used again or, if they were the `last`
  /// ones, given back.
  virtual void release(bool last = false) {}
  /// Returns the row of a sum that the thread with this number in its warpgroup, or in several of them, holds
  /// as its `number`th, counted from the first row of that sum of the thread's warpgroup.
  mlir::Value row(mlir::Value thread, int64_t number, int64_t sum = 0);
  /// Returns the position of row `number` of all that the thread holds, where each warpgroup has so many
  /// sums, of rows that begin `pitch` positions apart.
  mlir::Value position(mlir::Value thread, int64_t number, int64_t sums, int64_t pitch);
  /// Returns the first column of the thread's pair, of every 8.
  mlir::Value column();
  /// Returns one of the pair of row `number` of all that is held, in a group that is.
  mlir::Value element(const Held &held, int64_t number, int64_t group, int64_t ofPair);
  /// Returns the pair as a vector.
  mlir::Value pair(const Held &held, int64_t number, int64_t group);

protected:
  int64_t groupsOfPart() const { return plan.columns / blockChannels; }
  mlir::Type sumType() { return sumType(plan.columns); }
  mlir::Type sumType(int64_t columns);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  const Pipeline &pipeline;
  const SumsPlan plan;
};

/// Returns the writer of the products that the kernel uses.
std::unique_ptr<Contract> contractOf(WarpgroupEmitter &w, const Pipeline &pipeline, const SumsPlan &plan);
std::unique_ptr<Contract> contractOfWarps(WarpgroupEmitter &w, const Pipeline &pipeline,
                                          const SumsPlan &plan);
std::unique_ptr<Contract> contractOfWarpgroups(WarpgroupEmitter &w, const Pipeline &pipeline,
                                               const SumsPlan &plan);
std::unique_ptr<Contract> contractOfTensorMemory(WarpgroupEmitter &w, const Pipeline &pipeline,
                                                 const SumsPlan &plan);

} // namespace kinema::nvidia

#endif
