#include "compiler/Target/CPU/Blocks.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

BlockCuts::BlockCuts(ArrayRef<int64_t> tensor, BlockShape block) {
  at(0) = {tensor[0], block[0]};
  at(1) = {tensor[2], block[1]};
  at(2) = {tensor[3], block[2]};
}

BlockShape BlockCuts::shapeOf(int64_t variant) const {
  BlockShape shape;
  for (int i = 0; i < 3; ++i)
    shape[i] = (variant >> i) & 1 ? at(i).last() : at(i).size;
  return shape;
}

bool BlockCuts::occurs(int64_t variant) const {
  for (int i = 0; i < 3; ++i)
    if ((variant >> i) & 1 && at(i).last() == at(i).size)
      return false;
  return true;
}

BlockPlace kinema::cpu::emitBlockPlace(KernelEmitter &e, const BlockCuts &cuts, Value block) {
  BlockPlace place;
  place.variant = e.index(0);
  Value rest = block;
  for (int i = 2; i >= 0; --i) {
    const Cut &cut = cuts[i];
    Value at = e.rem(rest, cut.count());
    rest = e.div(rest, cut.count());
    place.first[i] = e.mul(at, cut.size);
    place.size[i] = e.index(cut.size);
    if (cut.last() == cut.size)
      continue;
    Value isLast = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, at, e.index(cut.count() - 1));
    place.size[i] = arith::SelectOp::create(e.b, e.loc, isLast, e.index(cut.last()), place.size[i]);
    Value bit = arith::SelectOp::create(e.b, e.loc, isLast, e.index(int64_t(1) << i), e.index(0));
    place.variant = e.add(place.variant, bit);
  }
  return place;
}

Interval kinema::cpu::emitShare(KernelEmitter &e, const Shares &shares, Value i) {
  return {e.div(e.mul(i, e.index(shares.total)), shares.parts),
          e.div(e.mul(e.add(i, 1), e.index(shares.total)), shares.parts)};
}

SmallVector<int64_t> kinema::cpu::partCounts(int64_t most) {
  SmallVector<int64_t> counts;
  for (int64_t count = 1; count <= most; count *= 2) {
    counts.push_back(count);
    if (count >= 2 && count * 3 / 2 <= most)
      counts.push_back(count * 3 / 2);
  }
  return counts;
}
