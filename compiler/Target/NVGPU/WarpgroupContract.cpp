// The products of warpgroups (wgmma), which run by themselves: a group of them is under way while the
// warpgroup looks for the operands of the next one.
#include "compiler/Target/NVGPU/Contract.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {
class WarpgroupContract final : public Contract {
public:
  using Contract::begin;
  using Contract::Contract;

  Matrix matrix(Value at, int64_t leading, int64_t stride, bool contractedFastest) override;
  Sums none(int64_t count) override { return Sums(count); }
  Sums begin(ValueRange sums, ArrayRef<Factors> factors, int64_t depth) override;
  Sums proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from, int64_t to) override;
  Value follow(const Ring &ring, Value step, Value first) override;
  void finish(ArrayRef<Read> read) override;

private:
  Value descriptor(const Matrix &matrix);
  Value product(Value sum, const Factors &factors);
  Value productsOfTerms(Value sum, const Factors &factors);
};
} // namespace

std::unique_ptr<Contract> nvidia::contractOfWarpgroups(WarpgroupEmitter &w, int64_t columns, int64_t parts) {
  return std::make_unique<WarpgroupContract>(w, columns, parts);
}

/// A start is what descriptors have of an address: a word that counts in 16 bytes.
Matrix WarpgroupContract::matrix(Value at, int64_t leading, int64_t stride, bool contractedFastest) {
  Value base = LLVM::PtrToIntOp::create(e.b, e.loc, e.b.getI32Type(), e.scratch);
  Value address = arith::AddIOp::create(e.b, e.loc, base, w.word(at));
  Value start = arith::AndIOp::create(e.b, e.loc, arith::ShRUIOp::create(e.b, e.loc, address, w.word(4)),
                                      w.word(0x3FFF));
  return {start, leading, stride, contractedFastest};
}

/// Returns the descriptor of a matrix without swizzle (PTX ISA, "Matrix Descriptor Format"). Its upper word
/// is constant. In the lower one the sum does not exceed the 14 bits of a start, since the matrix lies in the
/// block's shared memory.
Value WarpgroupContract::descriptor(const Matrix &matrix) {
  Value low = arith::AddIOp::create(e.b, e.loc, matrix.start,
                                    w.word((matrix.leading >> 4) << 16 | matrix.offset >> 4));
  Value high = arith::ConstantIntOp::create(e.b, e.loc, (matrix.stride >> 4) << 32, 64);
  return arith::OrIOp::create(e.b, e.loc, arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), low), high);
}

//===-- Products ----------------------------------------------------------===//

/// A null sum means the product alone.
Value WarpgroupContract::product(Value sum, const Factors &factors) {
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
Value WarpgroupContract::productsOfTerms(Value sum, const Factors &factors) {
  auto [rows, columns] = factors;
  if (rows.rest) {
    sum = product(sum, {rows.behind(rows.rest), columns});
    sum = product(sum, {rows, columns.behind(columns.rest)});
  }
  return product(sum, factors);
}

Contract::Sums WarpgroupContract::begin(ValueRange before, ArrayRef<Factors> factors, int64_t depth) {
  Sums sums(before);
  NVVM::WgmmaFenceAlignedOp::create(e.b, e.loc);
  for (int64_t k = 0; k < depth / ProductShape::depth; ++k)
    for (auto [sum, factor] : llvm::zip_equal(sums, factors))
      sum = productsOfTerms(sum, {factor.rows.behind(k * factor.rows.stepBytes()),
                                  factor.columns.behind(k * factor.columns.stepBytes())});
  NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
  return sums;
}

Contract::Sums WarpgroupContract::proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from,
                                          int64_t to) {
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

Value WarpgroupContract::follow(const Ring &ring, Value step, Value first) {
  NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 1);
  Value follows = w.less(first, step);
  ring.free(e.sub(step, e.index(1)), follows);
  return follows;
}

void WarpgroupContract::finish(ArrayRef<Read> read) {
  NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 0);
  for (const auto &[ring, step, condition] : read)
    ring.free(step, condition);
}
