#include "compiler/Target/Common/Partition.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

/// A flat walk's rows: long enough for cheap loops, short enough for sums to stay exact and blocks equal.
static constexpr int64_t flatRow = 256;

Partition Partition::choose(int64_t clips, int64_t rows, int64_t channels, int64_t blocks,
                            int64_t maxPartials, int64_t together) {
  auto share = [](int64_t extent, int64_t groups) {
    return shape::ceilDiv(extent, std::clamp<int64_t>(groups, 1, extent));
  };
  Partition p{clips, rows, channels, clips, rows, channels};
  p.channelsPerBlock = share(channels, std::min(blocks, shape::ceilDiv(channels, together)));
  int64_t partials = std::min(shape::ceilDiv(blocks, p.channelGroups()), maxPartials);
  p.clipsPerBlock = share(clips, partials);
  p.rowsPerBlock = share(rows, partials / p.clipGroups());
  return p;
}

/// The axis of channels: 1 of an activation, else the last.
static int64_t channelAxis(RankedTensorType type) { return type.getRank() == 5 ? 1 : type.getRank() - 1; }

int64_t reference::channelWidth(const Machine &machine, ArrayRef<RankedTensorType> types) {
  int64_t width = machine.vector;
  for (RankedTensorType type : types) {
    auto layout = kernel::layoutOf(type);
    if (layout.getKind() == kernel::LayoutKind::Blocked && layout.getBlock() % width == 0)
      continue;
    int64_t axis = channelAxis(type);
    bool innermost =
        llvm::all_of(type.getShape().drop_front(axis + 1), [](int64_t size) { return size == 1; });
    if (layout.getKind() != kernel::LayoutKind::Plain || !innermost || type.getDimSize(axis) % width != 0)
      return 1;
  }
  return width;
}

int64_t reference::storedChannels(RankedTensorType type) {
  auto layout = kernel::layoutOf(type);
  int64_t channels = type.getDimSize(channelAxis(type));
  return layout.getKind() == kernel::LayoutKind::Blocked ? shape::roundUp(channels, layout.getBlock())
                                                         : channels;
}

Walk::Walk(const Machine &machine, RankedTensorType domain, int64_t channels, int64_t width, bool flat,
           int64_t maxPartials, int64_t items)
    : domain(domain), width(width), flat(flat) {
  auto s = domain.getShape();
  positions = s[2] * s[3] * s[4];
  rowLength = flat ? std::min(flatRow, positions) : s[4];
  int64_t rows = shape::ceilDiv(positions, rowLength), units = shape::ceilDiv(channels, width);
  int64_t blocks = std::clamp<int64_t>(s[0] * units * items * positions / machine.work, 1, machine.blocks);
  partition =
      Partition::choose(s[0], rows, units, blocks, maxPartials, shape::ceilDiv(machine.threads, items));
}

Walk::Walk(RankedTensorType domain, int64_t width, const Partition &partition)
    : domain(domain), width(width), flat(false), positions(1), rowLength(1), partition(partition) {}

RankedTensorType Walk::view(RankedTensorType type) const {
  if (!flat)
    return type;
  auto s = type.getShape();
  return RankedTensorType::get({s[0], s[1], 1, 1, s[2] * s[3] * s[4]}, type.getElementType(),
                               type.getEncoding());
}

Walk::Part Walk::part(KernelEmitter &e, Value block) const {
  auto range = [&](Value group, int64_t perBlock, int64_t extent, Value &first, Value &end) {
    first = e.mul(group, perBlock);
    end = e.min(e.add(first, perBlock), e.index(extent));
  };
  Part part;
  part.partial = e.div(block, partition.channelGroups());
  range(e.rem(block, partition.channelGroups()), partition.channelsPerBlock, partition.channels,
        part.firstChannel, part.endChannel);
  range(e.div(part.partial, partition.rowGroups()), partition.clipsPerBlock, partition.clips, part.firstClip,
        part.endClip);
  range(e.rem(part.partial, partition.rowGroups()), partition.rowsPerBlock, partition.rows, part.firstRow,
        part.endRow);
  return part;
}

void Walk::forEachChannel(KernelEmitter &e, const Part &part, function_ref<void(Value, Value)> body) const {
  forEachChannel(e, part, 1, [&](Value c, Value valid, Value) { body(c, valid); });
}

void Walk::forEachChannel(KernelEmitter &e, const Part &part, int64_t items,
                          function_ref<void(Value, Value, Value)> body) const {
  int64_t channels = domain.getDimSize(1);
  e.spread(e.mul(part.firstChannel, items), e.mul(part.endChannel, items), [&](Value i) {
    Value c = e.mul(e.div(i, items), width), valid;
    if (width == 1 && partition.channels > channels)
      valid = e.inRange(c, channels);
    else if (width > 1 && channels % width)
      valid = vector::CreateMaskOp::create(e.b, e.loc, VectorType::get({width}, e.b.getI1Type()),
                                           e.sub(e.index(channels), c));
    body(c, valid, e.rem(i, items));
  });
}

Value Walk::readable(KernelEmitter &e, Value c) const {
  int64_t channels = domain.getDimSize(1);
  return width == 1 && partition.channels > channels ? e.min(c, e.index(channels - 1)) : c;
}

SmallVector<Value> Walk::sumRow(KernelEmitter &e, Value n, Value row, Value c, int64_t totals,
                                function_ref<SmallVector<Value>(const Coordinates &)> body) const {
  Value from = e.index(0), to = e.index(rowLength), t = e.index(0), h = t;
  if (flat) {
    from = e.mul(row, rowLength);
    to = e.min(e.add(from, rowLength), e.index(positions));
  } else {
    t = e.div(row, domain.getDimSize(3));
    h = e.rem(row, domain.getDimSize(3));
  }
  SmallVector<Value> zeros(totals, e.zero(width));
  return e.loop(from, to, 1, zeros,
                [&](Value w, ValueRange sums) { return e.sums(sums, body({n, c, t, h, w})); });
}

SmallVector<Value> Walk::sum(KernelEmitter &e, const Part &part, Value c, int64_t totals,
                             function_ref<void(Value)> prepare,
                             function_ref<SmallVector<Value>(const Coordinates &)> body) const {
  SmallVector<Value> zeros(totals, e.zero(width));
  return e.loop(part.firstClip, part.endClip, 1, zeros, [&](Value n, ValueRange clipSums) {
    prepare(n);
    return e.loop(part.firstRow, part.endRow, 1, clipSums, [&](Value row, ValueRange rowSums) {
      return e.sums(rowSums, sumRow(e, n, row, c, totals, body));
    });
  });
}

Value Walk::count(KernelEmitter &e, const Part &part) const {
  Value end = e.min(e.mul(part.endRow, rowLength), e.index(positions));
  Value perClip = e.sub(end, e.mul(part.firstRow, rowLength));
  Value count = e.toFloat(e.mul(perClip, e.sub(part.endClip, part.firstClip)));
  return width == 1 ? count : e.splat(count, width);
}

Value reference::masked(KernelEmitter &e, Value valid, Value value) {
  return valid ? arith::SelectOp::create(e.b, e.loc, valid, value, e.constant(0.0f, value.getType())) : value;
}
