#include "compiler/Target/NVGPU/Epilogue.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

void Epilogue::onGroup(ValueRange sums, int64_t group, Value n, Value channel, ArrayRef<Row> rows,
                       function_ref<void(const Row &, ArrayRef<Value>)> take) {
  Value exist = w.existing(channel, 2, result.getDimSize(1));
  SmallVector<Value> vectors; // null for what differs from row to row
  for (kernel::AccessOperand operand : region)
    vectors.push_back(operand.isByChannel() ? e.loadAccess(operand, result, {n, channel}, 2) : Value());
  for (auto [number, row] : llvm::enumerate(rows)) {
    auto load = [&](const kernel::AccessOperand &operand) {
      if (operand.access == Access::Pixel)
        return e.loadVector(e.bufferOf(*operand.operand), at(row, group), 2);
      return e.loadAccess(operand, result, {n, channel, row.result[0], row.result[1], row.result[2]}, 2);
    };
    Value pair = contract.pair(sums, number, group);
    if (row.reached) // else what was contracted does not count
      pair = w.choose(row.reached, pair, e.constant(0.0f, e.vectorType(2)));
    SmallVector<Value> arguments = {pair};
    for (auto [operand, vector] : llvm::zip_equal(region, vectors))
      arguments.push_back(vector ? vector : load(operand));
    auto yielded = e.inlineRegion(region.getRegion(), arguments, 2);
    if (exist)
      for (Value &value : yielded)
        value = w.choose(exist, value, e.constant(0.0f, e.vectorType(2)));
    take(row, yielded);
  }
}

//===-- Sums --------------------------------------------------------------===//

void EpilogueSums::take(int64_t group, const Row &row, ArrayRef<Value> yielded) {
  Value noPair = e.constant(0.0f, e.vectorType(2));
  totals.resize(shape.moments + shape.plainSums, noPair);
  for (auto [total, value] : llvm::zip_equal(totals, yielded))
    total = e.addf(total, w.choose(row.valid, value, noPair));
  if (shape.moments)
    kept[group].push_back(yielded.front());
}

void EpilogueSums::finish(int64_t group) {
  for (auto [sum, total] : llvm::enumerate(totals))
    sums.add(sum, group, total);
  if (group + 1 == int64_t(kept.size()))
    for (size_t sum = 0; sum < totals.size(); ++sum)
      sums.finish(sum);
  totals.clear();
}

Value EpilogueSums::finishTile(ArrayRef<Row> rows, Value before, function_ref<Value()> countResults) {
  if (shape.sums() == 0)
    return before;
  meet();
  if (shape.plainSums)
    sums.forEachChannel([&](Value channel) {
      for (int64_t sum = shape.moments; sum < shape.moments + shape.plainSums; ++sum)
        sums.setTotal(e.addf(sums.total(sum, channel), sums.ofTile(sum, channel)), sum, channel);
    });
  Value count = countResults();
  if (shape.moments)
    finishMoments(rows, before, count);
  meet(); // before the next tile's sums overwrite this one's
  return e.add(before, count);
}

/// Computes, for each channel, the mean of the tile's results, whose sums are there, and the squared
/// distances from it, and merges both with those of the tiles before (Chan, Golub and LeVeque, 1983).
void EpilogueSums::finishMoments(ArrayRef<Row> rows, Value before, Value count) {
  Value one = e.index(1), divisor = e.toFloat(e.max(count, one));
  sums.forEachChannel([&](Value channel) {
    LLVM::StoreOp::create(e.b, e.loc, e.divf(sums.ofTile(0, channel), divisor), sums.place(0, channel), 4);
  });
  meet();
  Value pairAt = contract.column();
  for (auto [group, values] : llvm::enumerate(kept)) {
    Value mean = LLVM::LoadOp::create(e.b, e.loc, e.vectorType(2),
                                      sums.place(0, e.add(pairAt, int64_t(group) * blockChannels)), 8);
    Value sum = e.constant(0.0f, e.vectorType(2));
    for (auto [row, value] : llvm::zip_equal(rows, values)) {
      Value distance = e.subf(value, mean);
      sum = w.choose(row.valid, e.fma(distance, distance, sum), sum);
    }
    sums.add(squares(), group, sum);
    values.clear();
  }
  sums.finish(squares());
  meet();
  Value share = e.divf(e.toFloat(count), e.toFloat(e.max(e.add(before, count), one)));
  Value weight = e.mulf(e.toFloat(before), share);
  sums.forEachChannel([&](Value channel) {
    Value mean = sums.total(0, channel);
    Value tileMean = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), sums.place(0, channel), 4);
    Value distance = e.subf(tileMean, mean);
    Value around = e.addf(sums.total(squares(), channel), sums.ofTile(squares(), channel));
    sums.setTotal(e.fma(distance, share, mean), 0, channel);
    sums.setTotal(e.fma(e.mulf(distance, distance), weight, around), squares(), channel);
  });
}

void EpilogueSums::store(ArrayRef<Value> buffers, Value partial, Value channelTile, Value count,
                         int64_t existing) {
  int64_t columns = shape::roundUp(existing, blockChannels);
  auto store = [&](SmallVector<Value> values, Value buffer, Value channel) {
    Value column = e.add(e.mul(channelTile, shape.channels), channel);
    for (auto [row, value] : llvm::enumerate(values)) {
      if (existing < columns)
        value = w.choose(e.inRange(column, existing), value, e.constant(0.0f));
      Value at = e.add(e.mul(partial, values.size()), row);
      e.store(value, buffer, e.add(e.mul(at, columns), column));
    }
  };
  if (shape.sums() > 0)
    sums.forEachChannel([&](Value channel) {
      if (shape.moments)
        store({e.toFloat(count), sums.total(0, channel), sums.total(squares(), channel)}, buffers[0],
              channel);
      SmallVector<Value> plain;
      for (int64_t i = 0; i < shape.plainSums; ++i)
        plain.push_back(sums.total(shape.moments + i, channel));
      if (shape.plainSums)
        store(plain, buffers[shape.moments], channel);
    });
}
