#include "compiler/Target/NVGPU/Contract.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

std::unique_ptr<Contract> nvidia::contractOf(WarpgroupEmitter &w, const Pipeline &pipeline,
                                             const SumsPlan &plan) {
  switch (w.tensorCores) {
  case TensorCores::None:
    break;
  case TensorCores::Warps:
    return contractOfWarps(w, pipeline, plan);
  case TensorCores::Warpgroups:
    return contractOfWarpgroups(w, pipeline, plan);
  case TensorCores::TensorMemory:
    return contractOfTensorMemory(w, pipeline, plan);
  }
  llvm_unreachable("kernels that contract use tensor cores");
}

//===-- Sums --------------------------------------------------------------===//

Type Contract::sumType(int64_t columns) {
  SmallVector<Type> registers(ProductShape::accumulators(columns), e.b.getF32Type());
  return LLVM::LLVMStructType::getLiteral(e.b.getContext(), registers);
}

Contract::Sums Contract::zero(int64_t count) {
  return Sums(count, LLVM::ZeroOp::create(e.b, e.loc, sumType()));
}

Contract::Sums Contract::begin(ValueRange sums, const Matrix &rows, int64_t tileBytes, const Matrix &columns,
                               int64_t depth) {
  SmallVector<Factors> factors;
  for (size_t tile = 0; tile < sums.size(); ++tile)
    factors.push_back({rows.behind(tile * tileBytes), columns});
  return begin(sums, factors, depth);
}

//===-- Fragments ---------------------------------------------------------===//

/// A warp holds 16 rows, of which a thread has number lane / 4 and the one 8 later. Of two joined sums, it
/// holds 32 that follow one another, the second 16 in the second sum.
Value Contract::row(Value thread, int64_t number, int64_t sum) {
  constexpr int64_t rowsOfWarp = ProductShape::rows / warpsOfGroup;
  Value warpOfGroup = e.div(e.rem(thread, warpgroup), warp);
  Value inSum = e.add(e.mul(warpOfGroup, rowsOfWarp * (plan.joins ? 2 : 1)), e.div(w.lane(), 4));
  int64_t second = plan.joins && sum % 2 ? rowsOfWarp - ProductShape::rows : 0;
  return e.add(inSum, 8 * number + second);
}

Value Contract::position(Value thread, int64_t number, int64_t sums, int64_t pitch) {
  Value group = e.div(thread, warpgroup);
  int64_t sum = number / rowsOfThread;
  Value first = e.mul(e.add(e.mul(group, sums), sum), pitch);
  return e.add(first, row(thread, number % rowsOfThread, sum));
}

Value Contract::column() { return e.mul(e.rem(w.lane(), 4), 2); }

/// Where sums are in registers, a thread holds all of them.
Contract::Held Contract::hold(ValueRange sums, int64_t tile, int64_t tiles, int64_t group, int64_t) {
  int64_t part = group / groupsOfPart();
  Held held{{}, part * groupsOfPart(), groupsOfPart()};
  for (int64_t i = tile; i < tile + tiles; ++i)
    held.ofTiles.push_back(sums[i * plan.parts + part]);
  return held;
}

Value Contract::element(const Held &held, int64_t number, int64_t group, int64_t ofPair) {
  int64_t row = number % rowsOfThread, inSum = group - held.first;
  return LLVM::ExtractValueOp::create(e.b, e.loc, held.ofTiles[number / rowsOfThread],
                                      ArrayRef<int64_t>{4 * inSum + 2 * row + ofPair});
}

Value Contract::pair(const Held &held, int64_t number, int64_t group) {
  SmallVector<Value> pair = {element(held, number, group, 0), element(held, number, group, 1)};
  return vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), pair);
}
