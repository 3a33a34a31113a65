#include "compiler/Target/NVGPU/ChannelSums.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

Value ChannelSums::place(int64_t sum, Value warpNumber, Value channel) {
  return place(ofGroup, sum, warpNumber, channel);
}

Value ChannelSums::place(Value group, int64_t sum, Value warpNumber, Value channel) {
  Value row = e.add(warpNumber, sum * (warps + 1));
  Value inGroup = e.add(e.mul(e.add(e.mul(row, channels), channel), 4), region.at);
  return w.pointer(groups == 1 ? inGroup
                               : e.add(inGroup, e.mul(group, bytesOfGroup(count, channels, warps))));
}

Value ChannelSums::load(Value from) { return LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), from, 4); }

void ChannelSums::begin(Value ofHolders, int64_t first) {
  thread = ofHolders;
  ofGroup = e.index(0);
  if (groups > 1) {
    ofGroup = w.broadcast(e.div(thread, warps * warp));
    thread = e.rem(thread, warps * warp);
  }
  if (count > first)
    forEachChannel([&](Value channel) {
      for (int64_t sum = first; sum < count; ++sum)
        setTotal(e.constant(0.0f), sum, channel);
    });
}

/// Adds four groups together, each step between two threads that halve what they have: a group waits for the
/// next one, and two groups wait for the next two.
void ChannelSums::add(int64_t sum, int64_t group, Value pair) {
  for (auto [level, before] : llvm::enumerate(waiting[sum])) {
    if (!before) {
      before = pair;
      return;
    }
    pair = w.halve(std::exchange(before, Value()), pair, 16 >> level);
  }
  Value total = w.halve(vector::ExtractOp::create(e.b, e.loc, pair, 0),
                        vector::ExtractOp::create(e.b, e.loc, pair, 1), 4);
  // The total belongs to group lane / 16 + 2 * (lane / 8 % 2) of the four, and to channel lane / 4 % 2 of the
  // pair.
  auto bit = [&](int64_t distance) { return e.rem(e.div(w.lane(), distance), 2); };
  Value ofFour = e.add(e.mul(bit(8), 2), bit(16));
  Value inGroup = e.add(e.mul(e.rem(w.lane(), 4), 2), bit(4));
  Value channel = e.add(e.add(e.mul(ofFour, blockChannels), inGroup), (group - 3) * blockChannels);
  auto store = [&] { LLVM::StoreOp::create(e.b, e.loc, total, place(sum, e.div(thread, warp), channel), 4); };
  if (group < channels / blockChannels)
    store();
  else
    e.when(e.inRange(channel, channels), store);
}

/// Adds zeros for groups that do not exist, for which the last ones of four wait.
void ChannelSums::finish(int64_t sum) {
  for (int64_t group = channels / blockChannels; group % 4 != 0; ++group)
    add(sum, group, e.constant(0.0f, e.vectorType(2)));
}

void ChannelSums::forEachChannel(function_ref<void(Value channel)> body) {
  const int64_t threads = warps * warp;
  for (int64_t first = 0; first < channels; first += threads) {
    Value channel = e.add(thread, first);
    if (first + threads <= channels)
      body(channel);
    else
      e.when(e.inRange(channel, channels), [&] { body(channel); });
  }
}

Value ChannelSums::ofTile(int64_t sum, Value channel) {
  Value all = load(place(sum, e.index(0), channel));
  for (int64_t number = 1; number < warps; ++number)
    all = e.addf(all, load(place(sum, e.index(number), channel)));
  return all;
}

Value ChannelSums::total(int64_t sum, Value channel) { return load(place(sum, e.index(warps), channel)); }

/// The group is a constant distance from the first one, which the addresses of all groups share.
Value ChannelSums::placeOfTotals(int64_t sum, int64_t group, Value column) {
  constexpr int64_t totalBytes = sizeof(float);
  Value first = place(sum, e.index(warps), column);
  return LLVM::GEPOp::create(e.b, e.loc, first.getType(), e.b.getI8Type(), first,
                             ArrayRef<LLVM::GEPArg>{int32_t(group * blockChannels * totalBytes)});
}

Value ChannelSums::totals(int64_t sum, int64_t group, Value column) {
  return LLVM::LoadOp::create(e.b, e.loc, e.vectorType(2), placeOfTotals(sum, group, column), pairBytes);
}

void ChannelSums::setTotalsToFirstRow(Value pair, int64_t sum, int64_t group, Value column) {
  constexpr int64_t pairsOfRow = blockChannels / 2; // each in a thread of its own
  e.when(e.inRange(thread, pairsOfRow),
         [&] { LLVM::StoreOp::create(e.b, e.loc, pair, placeOfTotals(sum, group, column), pairBytes); });
}

Value ChannelSums::placeOfTold(Value group) {
  return w.pointer(e.add(e.mul(group, toldBytes), region.end() - groups * toldBytes));
}

void ChannelSums::tell(Value index) {
  e.when(e.equal(thread, 0),
         [&] { LLVM::StoreOp::create(e.b, e.loc, w.word(index), placeOfTold(ofGroup), toldBytes); });
}

Value ChannelSums::told(int64_t group) {
  Value index = LLVM::LoadOp::create(e.b, e.loc, e.b.getI32Type(), placeOfTold(e.index(group)), toldBytes);
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), index);
}

Value ChannelSums::totalOf(int64_t group, int64_t sum, Value channel) {
  return load(place(e.index(group), sum, e.index(warps), channel));
}

void ChannelSums::setTotal(Value value, int64_t sum, Value channel) {
  LLVM::StoreOp::create(e.b, e.loc, value, place(sum, e.index(warps), channel), 4);
}
