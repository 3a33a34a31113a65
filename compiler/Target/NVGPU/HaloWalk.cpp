#include "compiler/Target/NVGPU/HaloWalk.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

/// Returns the field of the phase with that number.
Value HaloWalk::pick(Value phase, const HaloAxis &axis,
                     function_ref<int64_t(const HaloAxis::Phase &)> field) {
  int64_t last = field(axis.phases.back());
  Value picked = e.index(last);
  for (int64_t i = axis.phases.size() - 2; i >= 0; --i)
    if (int64_t own = field(axis.phases[i]); own != last || axis.phases.size() > 2)
      picked = w.choose(e.equal(phase, i), e.index(own), picked);
  return picked;
}

TilePlace HaloWalk::placeOf(Digits &places, Digits &phases) {
  TilePlace there;
  for (int axis = 2; axis >= 0; --axis)
    there.axes[axis].first = e.mul(places.next(axes[axis].tiles()), axes[axis].tile);
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = axes[axis];
    TilePlace::Axis &place = there.axes[axis];
    Value phase = phases.next(halo.phases.size());
    using Phase = HaloAxis::Phase;
    place.count = pick(phase, halo, [](const Phase &phase) { return phase.count; });
    place.offset = pick(phase, halo, [](const Phase &phase) { return phase.offset; });
    place.taps = pick(phase, halo, &HaloAxis::stepsOf);
    place.firstTap = pick(phase, halo, [](const Phase &phase) { return phase.firstTap; });
    place.firstShift = pick(phase, halo, [](const Phase &phase) { return phase.firstShift; });
    if (halo.hasPhaseWithoutTaps())
      place.reached = w.less(e.index(0), pick(phase, halo, [](const Phase &phase) { return phase.taps; }));
  }
  return there;
}

FeedPlace HaloWalk::feedPlace(const TilePlace &tile) {
  FeedPlace place;
  place.n = tile.n;
  for (int axis = 0; axis < 3; ++axis) {
    place.first[axis] = tile.axes[axis].first;
    place.low[axis] = e.index(axes[axis].low);
  }
  return place;
}

Value HaloWalk::shiftOf(ArrayRef<Value> tap, const TilePlace *tile) {
  Value plane = e.index(0), shift = e.index(0);
  int64_t planePositions = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const HaloAxis &halo = axes[axis];
    Value distance = e.mul(tap[axis], halo.shiftStep);
    if (tile)
      distance = e.add(tile->axes[axis].firstShift, distance);
    plane = e.add(e.mul(plane, halo.planes()), e.rem(distance, halo.sourceStep));
    shift = e.add(e.mul(shift, halo.extent()), e.div(distance, halo.sourceStep));
    planePositions *= halo.extent();
  }
  return e.add(e.mul(plane, planePositions), shift);
}

Row HaloWalk::rowOf(const TilePlace &tile, Value position, Value before, Value column, int outermost) {
  Row row{position, arith::ConstantIntOp::create(e.b, e.loc, 1, 1), {}, before};
  for (int axis = 2; axis >= outermost; --axis) {
    const HaloAxis &halo = axes[axis];
    Value inTile = axis == outermost ? position : e.rem(position, halo.extent());
    position = e.div(position, halo.extent());
    Value q = e.add(tile.axes[axis].first, inTile);
    row.valid = e.both(row.valid, e.both(e.inRange(inTile, halo.tile), w.less(q, tile.axes[axis].count)));
    row.result[axis] = e.add(e.mul(q, halo.resultStep), tile.axes[axis].offset);
    if (Value reached = tile.axes[axis].reached)
      row.reached = row.reached ? e.both(row.reached, reached) : reached;
  }
  for (int axis = outermost; axis < 3; ++axis) {
    row.result[axis] = w.choose(row.valid, row.result[axis], e.index(0));
    row.at = e.add(e.mul(row.at, axes[axis].result), row.result[axis]);
  }
  row.at = e.add(e.mul(row.at, blockChannels), column);
  return row;
}

std::array<Value, 3> HaloWalk::firstResult(const TilePlace &tile) {
  std::array<Value, 3> first;
  for (int axis = 0; axis < 3; ++axis)
    first[axis] = e.add(e.mul(tile.axes[axis].first, axes[axis].resultStep), tile.axes[axis].offset);
  return first;
}

std::array<Value, 3> HaloWalk::inTile(const TilePlace &tile, const Row &row) {
  std::array<Value, 3> numbers = firstResult(tile);
  for (int axis = 0; axis < 3; ++axis) {
    Value number = e.div(e.sub(row.result[axis], numbers[axis]), axes[axis].resultStep);
    numbers[axis] = w.choose(row.valid, number, e.index(0));
  }
  return numbers;
}

Value HaloWalk::resultsOf(const TilePlace &tile) {
  Value count = e.index(1);
  for (int axis = 0; axis < 3; ++axis) {
    Value left = e.sub(tile.axes[axis].count, tile.axes[axis].first);
    count = e.mul(count, e.max(e.index(0), e.min(e.index(axes[axis].tile), left)));
  }
  return count;
}

HaloWalk::Values HaloWalk::overTaps(ArrayRef<Value> counts, ValueRange init,
                                    function_ref<Values(ArrayRef<Value>, ValueRange)> body,
                                    ArrayRef<Value> outer) {
  if (counts.empty())
    return body(outer, init);
  return e.loop(e.index(0), counts.front(), 1, init, [&](Value tap, ValueRange carried) {
    Values taps(outer);
    taps.push_back(tap);
    return overTaps(counts.drop_front(), carried, body, taps);
  });
}
