#include "compiler/Target/NVGPU/Contract.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

//===-- Operands ----------------------------------------------------------===//

/// A start is what descriptors have of an address: a word that counts in 16 bytes.
Matrix Contract::matrix(Value at, int64_t leading, int64_t stride, bool contractedFastest) {
  Value base = LLVM::PtrToIntOp::create(e.b, e.loc, e.b.getI32Type(), e.scratch);
  Value address = arith::AddIOp::create(e.b, e.loc, base, w.word(at));
  Value start = arith::AndIOp::create(e.b, e.loc, arith::ShRUIOp::create(e.b, e.loc, address, w.word(4)),
                                      w.word(0x3FFF));
  return {start, leading, stride, contractedFastest};
}

/// Returns the descriptor of a matrix without swizzle (PTX ISA, "Matrix Descriptor Format"). Its upper word
/// is constant. In the lower one the sum does not exceed the 14 bits of a start, since the matrix lies in the
/// block's shared memory.
Value Contract::descriptor(const Matrix &matrix) {
  Value low = arith::AddIOp::create(e.b, e.loc, matrix.start,
                                    w.word((matrix.leading >> 4) << 16 | matrix.offset >> 4));
  Value high = arith::ConstantIntOp::create(e.b, e.loc, (matrix.stride >> 4) << 32, 64);
  return arith::OrIOp::create(e.b, e.loc, arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), low), high);
}

//===-- Sums --------------------------------------------------------------===//

Type Contract::sumType() {
  SmallVector<Type> registers(ProductShape::accumulators(columns), e.b.getF32Type());
  return LLVM::LLVMStructType::getLiteral(e.b.getContext(), registers);
}

Contract::Sums Contract::zero(int64_t count) {
  return Sums(count, LLVM::ZeroOp::create(e.b, e.loc, sumType()));
}

/// A null sum means the product alone.
Value Contract::product(Value sum, const Factors &factors) {
  using NVVM::MMALayout;
  auto shape = NVVM::MMAShapeAttr::get(e.b.getContext(), ProductShape::rows, columns, ProductShape::depth);
  Value rows = descriptor(factors.rows), ofColumns = descriptor(factors.columns);
  auto scale = sum ? NVVM::WGMMAScaleOut::one : NVVM::WGMMAScaleOut::zero;
  if (!sum)
    sum = LLVM::PoisonOp::create(e.b, e.loc, sumType());
  return NVVM::WgmmaMmaAsyncOp::create(
      e.b, e.loc, sum.getType(), sum, rows, ofColumns, shape, NVVM::WGMMATypes::bf16, NVVM::WGMMATypes::bf16,
      NVVM::WGMMATypes::f32, scale, NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
      factors.rows.contractedFastest ? MMALayout::row : MMALayout::col,
      factors.columns.contractedFastest ? MMALayout::col : MMALayout::row, NVVM::MMAIntOverflowAttr());
}

/// Both operands have one term, or both have two.
Value Contract::productsOfTerms(Value sum, const Factors &factors) {
  auto [rows, columns] = factors;
  if (rows.rest) {
    sum = product(sum, {rows.behind(rows.rest), columns});
    sum = product(sum, {rows, columns.behind(columns.rest)});
  }
  return product(sum, factors);
}

/// Returns the bytes from what one product contracts to what the next one does.
static int64_t stepBytes(const Matrix &matrix) { return ProductShape::depth / 8 * matrix.leading; }

Contract::Sums Contract::begin(ValueRange before, ArrayRef<Factors> factors, int64_t depth) {
  Sums sums(before);
  NVVM::WgmmaFenceAlignedOp::create(e.b, e.loc);
  for (int64_t k = 0; k < depth / ProductShape::depth; ++k)
    for (auto [sum, factor] : llvm::zip_equal(sums, factors))
      sum = productsOfTerms(sum, {factor.rows.behind(k * stepBytes(factor.rows)),
                                  factor.columns.behind(k * stepBytes(factor.columns))});
  NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
  return sums;
}

Contract::Sums Contract::begin(ValueRange sums, const Matrix &rows, int64_t tileBytes, const Matrix &columns,
                               int64_t depth) {
  SmallVector<Factors> factors;
  for (size_t tile = 0; tile < sums.size(); ++tile)
    factors.push_back({rows.behind(tile * tileBytes), columns});
  return begin(sums, factors, depth);
}

Contract::Sums Contract::proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from, int64_t to) {
  auto next =
      e.loop(e.index(from), e.index(to), ProductShape::depth, sums, [&](Value first, ValueRange carried) {
        auto moved = [&](Matrix matrix) { // a start counts in the bytes of a position
          Value distance = w.word(e.mul(first, matrix.leading / 8 / positionBytes));
          matrix.start = arith::AddIOp::create(e.b, e.loc, matrix.start, distance);
          return matrix;
        };
        Sums next;
        for (auto [sum, factor] : llvm::zip_equal(carried, factors))
          next.push_back(productsOfTerms(sum, {moved(factor.rows), moved(factor.columns)}));
        return next;
      });
  NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
  return next;
}

Value Contract::follow(const Ring &ring, Value step, Value first) {
  NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 1);
  Value follows = w.less(first, step);
  ring.free(e.sub(step, e.index(1)), follows);
  return follows;
}

void Contract::finish() { NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 0); }

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
