#include "compiler/Target/NVGPU/Contract.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

std::unique_ptr<Contract> nvidia::contractOf(WarpgroupEmitter &w, int64_t columns, int64_t parts) {
  return w.tensorCores == TensorCores::Warps ? contractOfWarps(w, columns, parts)
                                             : contractOfWarpgroups(w, columns, parts);
}

//===-- Sums --------------------------------------------------------------===//

Type Contract::sumType() {
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

/// A warp holds 16 rows, of which a thread has number lane / 4 and the one 8 later.
Value Contract::row(Value thread, int64_t number) {
  Value warpOfGroup = e.div(e.rem(thread, warpgroup), warp);
  return e.add(e.add(e.mul(warpOfGroup, 16), e.div(w.lane(), 4)), 8 * number);
}

Value Contract::position(Value thread, int64_t number, int64_t sums, int64_t pitch) {
  Value group = e.div(thread, warpgroup);
  Value first = e.mul(e.add(e.mul(group, sums), number / rowsOfThread), pitch);
  return e.add(first, row(thread, number % rowsOfThread));
}

Value Contract::column() { return e.mul(e.rem(w.lane(), 4), 2); }

Value Contract::element(Value sum, int64_t number, int64_t group, int64_t ofPair) {
  return LLVM::ExtractValueOp::create(e.b, e.loc, sum, ArrayRef<int64_t>{4 * group + 2 * number + ofPair});
}

Value Contract::pair(ValueRange sums, int64_t number, int64_t group) {
  int64_t groupsOfPart = columns / blockChannels;
  Value sum = sums[number / rowsOfThread * parts + group / groupsOfPart];
  number %= rowsOfThread;
  group %= groupsOfPart;
  SmallVector<Value> pair = {element(sum, number, group, 0), element(sum, number, group, 1)};
  return vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), pair);
}
