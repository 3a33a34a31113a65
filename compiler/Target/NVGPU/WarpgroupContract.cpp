// The products of warpgroups (wgmma), which run by themselves: a group of them is under way while the
// warpgroup looks for the operands of the next one.
#include "compiler/Target/NVGPU/SharedMemoryContract.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {
class WarpgroupContract final : public SharedMemoryContract {
public:
  using Contract::begin;
  using SharedMemoryContract::SharedMemoryContract;

  Sums none(int64_t count) override { return Sums(count); }
  Sums begin(ValueRange sums, ArrayRef<Factors> factors, int64_t depth) override;
  Sums proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from, int64_t to) override;
  Value follow(const Ring &ring, Value step, Value first) override;
  void finish(Value number, ArrayRef<Read> read) override;

private:
  Value product(Value sum, const Factors &factors);
  Value productsOfTerms(Value sum, const Factors &factors);
};
} // namespace

std::unique_ptr<Contract> nvidia::contractOfWarpgroups(WarpgroupEmitter &w, const Pipeline &pipeline,
                                                       const SumsPlan &plan) {
  return std::make_unique<WarpgroupContract>(w, pipeline, plan);
}

//===-- Products ----------------------------------------------------------===//

/// A null sum means the product alone.
Value WarpgroupContract::product(Value sum, const Factors &factors) {
  using NVVM::MMALayout;
  auto shape =
      NVVM::MMAShapeAttr::get(e.b.getContext(), ProductShape::rows, plan.columns, ProductShape::depth);
  Value rows = descriptor(factors.rows), ofColumns = descriptor(factors.columns);
  auto scale = sum ? NVVM::WGMMAScaleOut::one : NVVM::WGMMAScaleOut::zero;
  auto half = plan.half.isF16() ? NVVM::WGMMATypes::f16 : NVVM::WGMMATypes::bf16;
  if (!sum)
    sum = LLVM::PoisonOp::create(e.b, e.loc, sumType());
  return NVVM::WgmmaMmaAsyncOp::create(
      e.b, e.loc, sum.getType(), sum, rows, ofColumns, shape, half, half, NVVM::WGMMATypes::f32, scale,
      NVVM::WGMMAScaleIn::one, NVVM::WGMMAScaleIn::one,
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
      sum = productsOfTerms(sum, factor.step(k));
  NVVM::WgmmaGroupSyncAlignedOp::create(e.b, e.loc);
  return sums;
}

Contract::Sums WarpgroupContract::proceed(ValueRange sums, ArrayRef<Factors> factors, int64_t from,
                                          int64_t to) {
  auto next =
      e.loop(e.index(from), e.index(to), ProductShape::depth, sums, [&](Value first, ValueRange carried) {
        Sums next;
        for (auto [sum, factor] : llvm::zip_equal(carried, factors))
          next.push_back(productsOfTerms(sum, {moved(factor.rows, first), moved(factor.columns, first)}));
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

void WarpgroupContract::finish(Value, ArrayRef<Read> read) {
  NVVM::WgmmaWaitGroupSyncOp::create(e.b, e.loc, 0);
  for (const auto &[ring, step, condition] : read)
    ring.free(step, condition);
}
