#include "compiler/Target/Common/Partition.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::reference;

/// The rows of a flat walk are long enough for cheap loops, and short enough for blocks to be equal.
static constexpr int64_t flatRow = 256;

/// So many values are added up in f32, and these sums in f64. The gradient of a batch norm subtracts the mean
/// of many values that are nearly the same, and that of the conv before it magnifies what their sum lacks.
static constexpr int64_t exactRun = 16;

void LaunchParts::add(const Blocks &part, ArrayRef<Type> types, ArrayRef<double> constants) {
  Code *code = llvm::find_if(codes, [&](const Code &code) {
    return ArrayRef(code.types) == types && ArrayRef(code.constants) == constants;
  });
  if (code == codes.end())
    code = &codes.emplace_back(Code{llvm::to_vector(types), llvm::to_vector(constants), part, {}});
  code->parts.push_back(count++);
}

Blocks LaunchParts::blocks() const {
  Blocks all{0, 0, 0};
  for (const Code &code : codes) {
    all.grid += code.blocks.grid * code.parts.size();
    all.items = std::max(all.items, code.blocks.items);
  }
  return all;
}

namespace {
/// Finds by bisection in which of several runs of blocks a block is.
struct BlockSearch {
  KernelEmitter &e;
  Value block;
  ArrayRef<int64_t> first; // first block of each run
  TypeRange types;
  function_ref<SmallVector<Value>(int64_t)> found;

  /// Returns what `found(run)` returns, values of these types, for the run among [begin, end).
  SmallVector<Value> among(int64_t begin, int64_t end) {
    if (end - begin == 1)
      return found(begin);
    int64_t middle = (begin + end) / 2;
    return e.choose(
        e.inRange(block, first[middle]), types, [&] { return among(begin, middle); },
        [&] { return among(middle, end); });
  }
};
} // namespace

void LaunchParts::visit(KernelEmitter &e, Value block, function_ref<SmallVector<Value>(int64_t)> buffersOf,
                        function_ref<void(int64_t, Value, ValueRange)> body) const {
  SmallVector<int64_t> firstOfCode = {0};
  for (const Code &code : codes)
    firstOfCode.push_back(firstOfCode.back() + code.blocks.grid * code.parts.size());
  auto visitCode = [&](int64_t number) -> SmallVector<Value> {
    const Code &code = codes[number];
    Value ofCode = e.sub(block, e.index(firstOfCode[number])), ofPart = ofCode;
    SmallVector<int64_t> firstOfPart;
    for (size_t i = 0; i < code.parts.size(); ++i)
      firstOfPart.push_back(i * code.blocks.grid);
    if (code.parts.size() > 1)
      ofPart = e.rem(ofCode, code.blocks.grid);
    SmallVector<Type> types(ValueRange(buffersOf(code.parts.front())).getTypes());
    auto ofNumber = [&](int64_t i) { return buffersOf(code.parts[i]); };
    BlockSearch parts{e, ofCode, firstOfPart, types, ofNumber};
    body(code.parts.front(), ofPart, parts.among(0, code.parts.size()));
    return {};
  };
  BlockSearch{e, block, firstOfCode, {}, visitCode}.among(0, codes.size());
}

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

/// Returns the axis of channels: 1 for an activation, else the last.
static int64_t channelAxis(RankedTensorType type) { return type.getRank() == 5 ? 1 : type.getRank() - 1; }

int64_t reference::channelWidth(const Machine &machine, ArrayRef<RankedTensorType> types) {
  int64_t width = machine.vector;
  for (RankedTensorType type : types) {
    if (int64_t block = kernel::channelBlock(type); block > 1 && block % width == 0)
      continue;
    int64_t axis = channelAxis(type);
    bool innermost =
        llvm::all_of(type.getShape().drop_front(axis + 1), [](int64_t size) { return size == 1; });
    if (!kernel::layoutOf(type).isRowMajor() || !innermost || type.getDimSize(axis) % width != 0)
      return 1;
  }
  return width;
}

int64_t reference::storedChannels(RankedTensorType type) {
  return shape::roundUp(type.getDimSize(channelAxis(type)), kernel::channelBlock(type));
}

Shared reference::bestShared(const Machine &machine, int64_t positions) {
  return machine.threads > 1 && positions >= machine.warp ? Shared::Positions : Shared::Channels;
}

Walk::Walk(const Machine &machine, RankedTensorType domain, int64_t channels, int64_t width, bool flat,
           int64_t maxPartials, int64_t items, std::optional<Shared> wanted)
    : domain(domain), width(width), flat(flat) {
  auto s = domain.getShape();
  positions = s[2] * s[3] * s[4];
  rowLength = flat ? std::min(flatRow, positions) : s[4];
  int64_t rows = shape::ceilDiv(positions, rowLength), units = shape::ceilDiv(channels, width);
  int64_t blocks = std::clamp<int64_t>(s[0] * units * items * positions / machine.work, 1, machine.blocks);
  shared = wanted ? *wanted : items == 1 ? bestShared(machine, positions) : Shared::Channels;
  int64_t together = shared == Shared::Positions ? 1 : shape::ceilDiv(machine.threads, items);
  partition = Partition::choose(s[0], rows, units, blocks, maxPartials, together);
}

Walk Walk::ofClips(const Machine &machine, RankedTensorType domain, int64_t channels, int64_t width) {
  Walk walk(machine, domain, channels, width, /*flat=*/false, machine.partials);
  int64_t clips = domain.getDimSize(0), units = walk.partition.channels;
  int64_t blocks = std::clamp<int64_t>(clips * units * walk.positions / machine.work, 1, machine.blocks);
  int64_t together = walk.shared == Shared::Positions ? 1 : machine.threads;
  walk.partition = Partition::choose(clips, 1, units, blocks, clips, together);
  walk.partition.rows = walk.partition.rowsPerBlock = shape::ceilDiv(walk.positions, walk.rowLength);
  return walk;
}

Walk::Walk(RankedTensorType domain, int64_t width, const Partition &partition, Shared shared)
    : domain(domain), width(width), flat(false), positions(1), rowLength(1), shared(shared),
      partition(partition) {}

Blocks Walk::blocks() const {
  int64_t items = shared == Shared::Positions ? std::min(partition.rowsPerBlock * rowLength, positions)
                                              : partition.channelsPerBlock;
  return {partition.grid(), partition.partials(), items};
}

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

Value reference::firstLanes(KernelEmitter &e, Value count, int64_t width) {
  auto type = VectorType::get({width}, e.b.getI32Type());
  auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, width));
  Value lanes = arith::ConstantOp::create(e.b, e.loc, DenseIntElementsAttr::get(type, numbers));
  Value word = arith::IndexCastOp::create(e.b, e.loc, e.b.getI32Type(), count);
  Value limit = vector::BroadcastOp::create(e.b, e.loc, type, word);
  return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, lanes, limit);
}

void Walk::forEachChannel(KernelEmitter &e, const Part &part, function_ref<void(Value, Value)> body) const {
  forEachChannel(e, part, 1, [&](Value c, Value valid, Value) { body(c, valid); });
}

void Walk::forEachChannel(KernelEmitter &e, const Part &part, int64_t items,
                          function_ref<void(Value, Value, Value)> body) const {
  Value first = e.mul(part.firstChannel, items), end = e.mul(part.endChannel, items);
  auto each = [&](Value i) {
    auto [c, valid] = channelAt(e, e.div(i, items));
    body(c, valid, e.rem(i, items));
  };
  if (shared == Shared::Positions)
    e.loop(first, end, 1, each);
  else
    e.spread(first, end, each);
}

std::pair<Value, Value> Walk::channelAt(KernelEmitter &e, Value unit) const {
  int64_t channels = domain.getDimSize(1);
  Value c = e.mul(unit, width), valid;
  if (width == 1 && partition.channels > channels)
    valid = e.inRange(c, channels);
  else if (width > 1 && channels % width)
    valid = firstLanes(e, e.sub(e.index(channels), c), width);
  return {c, valid};
}

Value Walk::readable(KernelEmitter &e, Value c) const {
  int64_t channels = domain.getDimSize(1);
  return width == 1 && partition.channels > channels ? e.min(c, e.index(channels - 1)) : c;
}

SmallVector<Value> Walk::sumRow(KernelEmitter &e, Value n, Value row, Value c, int64_t totals, bool wide,
                                function_ref<SmallVector<Value>(const Coordinates &)> body) const {
  Value from = e.index(0), to = e.index(rowLength), t = e.index(0), h = t;
  if (flat) {
    from = e.mul(row, rowLength);
    to = e.min(e.add(from, rowLength), e.index(positions));
  } else {
    t = e.div(row, domain.getDimSize(3));
    h = e.rem(row, domain.getDimSize(3));
  }
  auto add = [&](Value w, ValueRange sums) { return e.sums(sums, body({n, c, t, h, w})); };
  SmallVector<Value> zeros(totals, e.zero(width));
  if (!wide || totals == 0)
    return e.loop(from, to, 1, zeros, add);
  SmallVector<Value> wideZeros(totals, e.asF64(e.zero(width)));
  return e.loop(from, to, exactRun, wideZeros, [&](Value first, ValueRange sums) {
    auto ofRun = e.loop(first, e.min(e.add(first, exactRun), to), 1, zeros, add);
    return e.sums(sums, llvm::map_to_vector(ofRun, [&](Value sum) { return e.asF64(sum); }));
  });
}

SmallVector<Value> Walk::sumRows(KernelEmitter &e, Value n, const Part &part, Value c, ValueRange sums,
                                 bool wide,
                                 function_ref<SmallVector<Value>(const Coordinates &)> body) const {
  return e.loop(part.firstRow, part.endRow, 1, sums, [&](Value row, ValueRange rowSums) {
    return e.sums(rowSums, sumRow(e, n, row, c, rowSums.size(), wide, body));
  });
}

/// Sums over this thread's share of the part's positions: neighbouring threads take neighbouring positions.
SmallVector<Value> Walk::sumShare(KernelEmitter &e, Value n, const Part &part, Value c, ValueRange sums,
                                  function_ref<SmallVector<Value>(const Coordinates &)> body) const {
  Value from = e.mul(part.firstRow, rowLength);
  Value to = e.min(e.mul(part.endRow, rowLength), e.index(positions));
  return e.loop(e.add(from, e.thread), to, e.threads, sums, [&](Value p, ValueRange sums) {
    Value t = e.index(0), h = t, w = p;
    if (!flat) {
      Value line = e.div(p, domain.getDimSize(4));
      t = e.div(line, domain.getDimSize(3));
      h = e.rem(line, domain.getDimSize(3));
      w = e.rem(p, domain.getDimSize(4));
    }
    return e.sums(sums, body({n, c, t, h, w}));
  });
}

void Walk::once(KernelEmitter &e, function_ref<void()> body) const {
  if (shared == Shared::Positions)
    e.once(body);
  else
    body();
}

SmallVector<Value> Walk::sum(KernelEmitter &e, const Part &part, Value c, int64_t totals,
                             function_ref<void(Value)> prepare,
                             function_ref<SmallVector<Value>(const Coordinates &)> body, bool wide) const {
  bool isShare = shared == Shared::Positions;
  wide &= !isShare;
  SmallVector<Value> zeros(totals, wide ? e.asF64(e.zero(width)) : e.zero(width));
  auto sums = e.loop(part.firstClip, part.endClip, 1, zeros, [&](Value n, ValueRange clipSums) {
    prepare(n);
    return isShare ? sumShare(e, n, part, c, clipSums, body) : sumRows(e, n, part, c, clipSums, wide, body);
  });
  if (isShare)
    return e.sumAcrossThreads(sums);
  return wide ? llvm::map_to_vector(sums, [&](Value sum) { return e.roundedToF32(sum); }) : sums;
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
