#include "compiler/Target/NVGPU/Epilogue.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

int64_t Epilogue::registersByChannel() const {
  constexpr int64_t pairOfFloats = 2;
  return pairOfFloats * llvm::count_if(region, [&](kernel::AccessOperand operand) {
           return operand.isByChannel() && !keeps(operand);
         });
}

Epilogue::Loaded Epilogue::loadVectors(int64_t group) {
  Loaded loaded;
  for (kernel::AccessOperand operand : region)
    loaded.push_back(operand.isByChannel() && !keeps(operand)
                         ? e.loadAccess(operand, result, {n, channelOf(group)}, 2)
                         : Value());
  return loaded;
}

/// Loads what an operand has for a row: as it is stored, or as floats where it lies elsewhere than beside the
/// result.
Value Epilogue::loadAt(const kernel::AccessOperand &operand, const Row &row, int64_t group) {
  if (operand.access != Access::Pixel) {
    SmallVector<Value> place = {n, channelOf(group)};
    llvm::append_range(place, row.result);
    return e.loadAccess(operand, result, place, 2);
  }
  if (feed)
    return feed->load(operand, stepOf(group), group % feed->plan.blocksOfPart(), row.fed, contract.column());
  return e.loadStored(e.bufferOf(*operand.operand), at(row, group), 2);
}

Epilogue::Loaded Epilogue::loadRow(const Row &row, int64_t group) {
  Loaded loaded;
  for (kernel::AccessOperand operand : region)
    loaded.push_back(operand.isByChannel() ? Value() : loadAt(operand, row, group));
  return loaded;
}

/// Loads the rows of a group. The first group of what a feed brings at once waits for it.
void Epilogue::loadRows(int64_t group) {
  if (feed && group % feed->plan.blocksOfPart() == 0)
    feed->ring.waitFull(stepOf(group));
  ofRows.emplace_back();
  for (const Row &row : rows)
    ofRows.back().push_back(loadRow(row, group));
}

/// Frees the stage that brought a group, if this was the last one that it has. Loads may still be under way
/// when their successors begin, so a stage is freed when what was loaded from it has been used, and behind a
/// fence: else the next box may overtake a load of what it overwrites, as an H100 has shown.
void Epilogue::freeBehind(int64_t group) {
  if (!feed || !feed->ring.plan.refilled ||
      (group + 1 < groups && (group + 1) % feed->plan.blocksOfPart() != 0))
    return;
  w.fenceShared("lets copies follow loads");
  feed->ring.freeTogether(stepOf(group));
}

/// Runs the region on one group. Of what was not loaded ahead, vectors are loaded now, and rows in their
/// turn.
void Epilogue::run(ValueRange sums, int64_t group, Take take) {
  Loaded byChannel = ahead.byChannel > 0 ? vectors[group] : loadVectors(group);
  for (auto [operand, vector] : llvm::zip_equal(region, byChannel))
    if (keeps(operand))
      vector = kept->load(operand, e.add(contract.column(), group * blockChannels));
  if (!held.has(group)) {
    int64_t tiles = rows.size() / Contract::rowsOfThread;
    held = contract.hold(sums, 0, tiles, group, SumsPlan::groupsTogether(tiles));
  }
  Value channel = channelOf(group), exist = w.existing(channel, 2, result.getDimSize(1));
  for (auto [number, row] : llvm::enumerate(rows)) {
    Value pair = contract.pair(held, number, group);
    if (row.reached) // else what was contracted does not count
      pair = w.choose(row.reached, pair, e.constant(0.0f, e.vectorType(2)));
    Loaded ofRow = ahead.ofRows > 0 ? ofRows[group][number] : loadRow(row, group);
    SmallVector<Value> arguments = {pair};
    for (auto [operand, vector, loaded] : llvm::zip_equal(region, byChannel, ofRow))
      arguments.push_back(operand.isByChannel()             ? vector
                          : operand.access == Access::Pixel ? e.asFloats(loaded)
                                                            : loaded);
    auto yielded = e.inlineRegion(region.getRegion(), arguments, 2);
    if (exist)
      for (Value &value : yielded)
        value = w.choose(exist, value, e.constant(0.0f, e.vectorType(2)));
    take(group, row, yielded);
  }
}

/// Loads what is to be loaded before the turn of this group.
void Epilogue::loadBefore(int64_t group) {
  while (ahead.ofRows > 0 && int64_t(ofRows.size()) < std::min(groups, group + ahead.ofRows))
    loadRows(ofRows.size());
  while (ahead.byChannel > 0 && int64_t(vectors.size()) < std::min(groups, group + ahead.byChannel))
    vectors.push_back(loadVectors(vectors.size()));
}

void Epilogue::begin(int64_t number, Ahead ofTile, Value clip, Value first, ArrayRef<Row> ofResults) {
  groups = number;
  ahead = ofTile;
  n = clip;
  channel = first;
  rows.assign(ofResults.begin(), ofResults.end());
  vectors.clear();
  ofRows.clear();
  held = {};
  if (!feed) // what a feed brings, it may bring after this tile's source
    loadBefore(0);
}

void Epilogue::finish(ValueRange sums, Take take, function_ref<void(int64_t)> end, Value step) {
  feedStep = step;
  for (int64_t group = 0; group < groups; ++group) {
    loadBefore(group + 1);
    run(sums, group, take);
    freeBehind(group);
    if (end)
      end(group);
  }
}

//===-- Sums --------------------------------------------------------------===//

void EpilogueSums::beginTile(ValueRange products, Value before) {
  if (shape.moments == 0)
    return;
  e.when(e.equal(before, 0), [&] {
    constexpr int64_t most = 2; // ptxas loads several of these before it needs the first, and spills for more
    Contract::Held held;
    for (int64_t group = 0; group < shape.groups(); ++group) {
      if (!held.has(group))
        held = contract.hold(products, 0, 1, group, most);
      sums.setTotalsToFirstRow(contract.pair(held, 0, group), 0, group, contract.column());
    }
    meet();
  });
}

void EpilogueSums::take(int64_t group, const Row &row, ArrayRef<Value> yielded) {
  Value noPair = e.constant(0.0f, e.vectorType(2));
  if (totals.empty()) {
    totals.resize(shape.sums(), noPair);
    near = shape.moments ? sums.totals(0, group, contract.column()) : Value();
  }
  for (auto [sum, value] : llvm::enumerate(yielded)) {
    bool ofMoments = int64_t(sum) < shape.moments;
    Value added = w.choose(row.valid, ofMoments ? e.subf(value, near) : value, noPair);
    totals[sum] = e.addf(totals[sum], added);
    if (ofMoments)
      totals[squares()] = e.fma(added, added, totals[squares()]);
  }
}

void EpilogueSums::finish(int64_t group) {
  for (auto [sum, total] : llvm::enumerate(totals))
    sums.add(sum, group, total);
  if (group + 1 == shape.groups())
    for (size_t sum = 0; sum < totals.size(); ++sum)
      sums.finish(sum);
  totals.clear();
}

void EpilogueSums::meet() {
  if (shape.roles.turns)
    w.meet(w.word(e.add(sums.group(), shape.barrier + 1)), shape.roles.warpsOfTile() * warp);
  else
    w.meet(shape.barrier, shape.roles.consumerThreads());
}

Value EpilogueSums::finishTile(Value before, function_ref<Value()> countResults) {
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
    finishMoments(before, count);
  meet(); // before the next tile's sums overwrite this one's
  return e.add(before, count);
}

/// Computes, for each channel, how far the mean of the tile's results is from that of the tiles before, and
/// the squared distances from it, and merges both with those of the tiles before (Chan, Golub and LeVeque,
/// 1983). Of n distances d from a mean that is near, whose own is m, the sum of (d - m)^2 is that of d^2 less
/// n m^2.
void EpilogueSums::finishMoments(Value before, Value count) {
  Value divisor = e.toFloat(e.max(count, e.index(1)));
  Share share = shareOf(before, count);
  sums.forEachChannel([&](Value channel) {
    Value sum = sums.ofTile(0, channel), distance = e.divf(sum, divisor);
    Value around = e.subf(sums.ofTile(squares(), channel), e.mulf(distance, sum));
    around = arith::MaximumFOp::create(e.b, e.loc, around, e.constant(0.0f)); // rounding may leave less
    mergeMoments(channel, distance, around, share);
  });
}

EpilogueSums::Share EpilogueSums::shareOf(Value before, Value count) {
  Value share = e.divf(e.toFloat(count), e.toFloat(e.max(e.add(before, count), e.index(1))));
  return {share, e.mulf(e.toFloat(before), share)};
}

/// Merges the mean of a share of the positions, which lies so far from that of the totals, and the squared
/// distances from it with the totals.
void EpilogueSums::mergeMoments(Value channel, Value distance, Value ofShare, Share share) {
  Value total = sums.total(0, channel);
  Value around = e.addf(sums.total(squares(), channel), ofShare);
  sums.setTotal(e.fma(distance, share.ofAll, total), 0, channel);
  sums.setTotal(e.fma(e.mulf(distance, distance), share.weight, around), squares(), channel);
}

/// Merges the totals of the other groups with those of the first one, which this thread is of. Returns how
/// many positions they are of.
Value EpilogueSums::mergeGroups() {
  Value merged = sums.told(0);
  for (int64_t group = 1; group < shape.roles.groupsOfConsumers(); ++group) {
    Value count = sums.told(group);
    Share share = shareOf(merged, count);
    Value hadTiles = w.less(e.index(0), count); // else nothing has set its mean
    sums.forEachChannel([&](Value channel) {
      auto other = [&](int64_t sum) { return sums.totalOf(group, sum, channel); };
      if (shape.moments) {
        Value distance =
            e.select(hadTiles, [&] { return e.subf(other(0), sums.total(0, channel)); }, e.constant(0.0f));
        mergeMoments(channel, distance, other(squares()), share);
      }
      for (int64_t sum = shape.moments; sum < shape.moments + shape.plainSums; ++sum)
        sums.setTotal(e.addf(sums.total(sum, channel), other(sum)), sum, channel);
    });
    merged = e.add(merged, count);
  }
  return merged;
}

void EpilogueSums::store(ArrayRef<Value> buffers, Value partial, Value channelTile, Value count,
                         int64_t existing) {
  if (shape.sums() == 0)
    return;
  if (!shape.roles.turns)
    return storeTotals(buffers, partial, channelTile, count, existing);
  sums.tell(count);
  w.meet(shape.barrier, shape.roles.consumerThreads());
  e.when(e.equal(sums.group(), 0),
         [&] { storeTotals(buffers, partial, channelTile, mergeGroups(), existing); });
}

void EpilogueSums::storeTotals(ArrayRef<Value> buffers, Value partial, Value channelTile, Value count,
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
  sums.forEachChannel([&](Value channel) {
    if (shape.moments)
      store({e.toFloat(count), sums.total(0, channel), sums.total(squares(), channel)}, buffers[0], channel);
    SmallVector<Value> plain;
    for (int64_t i = 0; i < shape.plainSums; ++i)
      plain.push_back(sums.total(shape.moments + i, channel));
    if (shape.plainSums)
      store(plain, buffers[shape.moments], channel);
  });
}
