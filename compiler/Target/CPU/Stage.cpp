#include "compiler/Target/CPU/Stage.h"

#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/Common/Partition.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;
using kernel::Access;

int64_t StagedOperand::width() const { return kernel::channelBlock(type); }
int64_t StagedOperand::blocks() const { return shape::ceilDiv(type.getDimSize(1), width()); }

bool StagedOperand::isSupported(int64_t lanes) const {
  if (width() != 4 && width() != lanes)
    return false;
  for (kernel::AccessOperand operand : prologue) {
    RankedTensorType tensor = operand.getType();
    switch (operand.access) {
    case Access::Pixel:
    case Access::BatchChannel:
      if (kernel::channelBlock(tensor) != width())
        return false;
      break;
    case Access::Channel:
      if (kernel::layoutOf(tensor).storedElements(tensor.getShape()) < blocks() * width())
        return false;
      break;
    case Access::Lattice:
    case Access::Spread:
      return false;
    }
  }
  return true;
}

bool StagedOperand::isBFloat16() const {
  Value value = prologue.getRegion().front().getTerminator()->getOperand(0);
  if (Value read = prologue.operandOf(value))
    return getElementTypeOrSelf(read).isBF16();
  auto widened = value.getDefiningOp<arith::ExtFOp>();
  return widened && widened.getIn().getType().isBF16();
}

StagedBox StagedBox::inColumnPairs(int64_t results) const {
  StagedBox box = *this;
  box.words = Words::ColumnPairs;
  StagedAxis &axis = box.axes[2];
  if (axis.extent == results) { // with one tap, only every second result's position begins a pair
    box.neighbour = axis.step;
    axis = {shape::ceilDiv(results, 2), 2 * axis.step, axis.low, 1};
  } else {
    box.neighbour = axis.pitch * axis.step;
    axis.pitch *= 2;
  }
  return box;
}

StagedAxis StagedAxis::withinSource(int64_t size) const {
  StagedAxis axis = *this;
  if (step != 1)
    return axis;
  axis.low = std::clamp<int64_t>(low, 0, size - 1);
  axis.extent = std::max<int64_t>(1, std::min(low + extent, size) - axis.low);
  return axis;
}

StagedAxis kinema::cpu::stagedAxis(const shape::Gather &gather, int axis, int64_t count) {
  bool any = false;
  int64_t low = 0, high = 0;
  for (const auto &phase : gather.phases)
    for (const auto &tap : phase.taps) {
      int64_t shift = tap.shift[axis];
      low = any ? std::min(low, shift) : shift;
      high = any ? std::max(high, shift) : shift;
      any = true;
    }
  int64_t step = gather.sourceStep[axis];
  if (low == high) // with one tap, only positions that are read
    return {count, step, low, 1};
  return {(count - 1) * step + high - low + 1, 1, low, step};
}

int64_t StagedBox::tapShift(const shape::Tap &tap) const {
  const int64_t strides[] = {frameStride(), rowStride(), width};
  int64_t shift = 0;
  for (int axis = 0; axis < 3; ++axis)
    shift += (tap.shift[axis] - axes[axis].low) / axes[axis].step * strides[axis];
  return shift;
}

int64_t StagedBox::resultAt(int64_t n, int64_t t, int64_t h, int64_t w) const {
  return n * clipStride() + t * axes[0].pitch * frameStride() + h * axes[1].pitch * rowStride() +
         w * axes[2].pitch * width;
}

static Value bitsOf(KernelEmitter &e, Value values) {
  auto type = cast<VectorType>(values.getType()).clone(e.b.getI32Type());
  return arith::BitcastOp::create(e.b, e.loc, type, values);
}

/// Returns the upper half of each f32, which is the bfloat16 where bfloat16 holds the value.
static Value upperHalves(KernelEmitter &e, Value values) {
  Value bits = bitsOf(e, values);
  auto sixteen = DenseElementsAttr::get(cast<VectorType>(bits.getType()), int32_t(16));
  return arith::ShRUIOp::create(e.b, e.loc, bits, arith::ConstantOp::create(e.b, e.loc, sixteen));
}

Value kinema::cpu::channelPairs(KernelEmitter &e, Value values) {
  int64_t width = cast<VectorType>(values.getType()).getNumElements();
  auto narrow = VectorType::get({width}, e.b.getI16Type());
  Value halves = arith::TruncIOp::create(e.b, e.loc, narrow, upperHalves(e, values));
  return vector::BitCastOp::create(e.b, e.loc, e.vectorType(width / 2), halves);
}

Value kinema::cpu::columnPairs(KernelEmitter &e, Value first, Value second) {
  Value both = arith::OrIOp::create(e.b, e.loc, upperHalves(e, first), bitsOf(e, second));
  return arith::BitcastOp::create(e.b, e.loc, first.getType(), both);
}

/// Turns in steps, each of which exchanges the rows and columns that differ in one bit.
void kinema::cpu::turn(KernelEmitter &e, MutableArrayRef<Value> rows) {
  int64_t lanes = cast<VectorType>(rows.front().getType()).getNumElements(), count = rows.size();
  auto shuffled = [&](Value a, Value b, function_ref<int64_t(int64_t)> lane) {
    auto from = llvm::map_to_vector(llvm::seq<int64_t>(0, lanes), lane);
    return vector::ShuffleOp::create(e.b, e.loc, a, b, from).getResult();
  };
  for (int64_t bit = 1; bit < count; bit *= 2)
    for (int64_t i = 0; i < count; ++i) {
      if (i & bit)
        continue;
      Value a = rows[i], b = rows[i + bit];
      rows[i] = shuffled(a, b, [&](int64_t lane) { return lane & bit ? lanes + lane - bit : lane; });
      rows[i + bit] = shuffled(a, b, [&](int64_t lane) { return lane & bit ? lanes + lane : lane + bit; });
    }
}

Value kinema::cpu::channelMask(KernelEmitter &e, Value block, int64_t channels, int64_t width) {
  return reference::firstLanes(e, e.sub(e.index(channels), e.mul(block, width)), width);
}

namespace {

/// Reads the prologue's operands at one clip and channel block: vectors of the channels, and pixels from
/// where they begin.
struct BlockReader {
  KernelEmitter &e;
  const StagedOperand &operand;
  SmallVector<Value> channelValues; // null for pixel operands
  Value plane;                      // the position of (n, block, 0, 0, 0)
  Value keep;                       // false in padding lanes; null where all lanes are channels

  BlockReader(KernelEmitter &e, const StagedOperand &operand, Value n, Value block);
  Value read(Value t, Value h, Value w);
};

BlockReader::BlockReader(KernelEmitter &e, const StagedOperand &operand, Value n, Value block)
    : e(e), operand(operand) {
  int64_t width = operand.width();
  auto shape = operand.type.getShape(); // [N, C, T, H, W]
  Value clipBlock = e.add(e.mul(n, operand.blocks()), block);
  plane = e.mul(clipBlock, shape[2] * shape[3] * shape[4] * width);
  for (kernel::AccessOperand read : operand.prologue) {
    Value buffer = e.bufferOf(*read.operand);
    switch (read.access) {
    case Access::Channel:
      channelValues.push_back(e.loadVector(buffer, e.mul(block, width), width));
      break;
    case Access::BatchChannel:
      channelValues.push_back(e.loadVector(buffer, e.mul(clipBlock, width), width));
      break;
    default:
      channelValues.push_back({});
    }
  }
  if (shape[1] % width)
    keep = channelMask(e, block, shape[1], width);
}

/// Returns the prologue's value for the block's channels at a position of the tensor.
Value BlockReader::read(Value t, Value h, Value w) {
  int64_t width = operand.width();
  auto shape = operand.type.getShape();
  Value at = e.add(plane, e.mul(e.add(e.mul(e.add(e.mul(t, shape[3]), h), shape[4]), w), width));
  SmallVector<Value> arguments;
  for (auto [read, value] : llvm::zip_equal(operand.prologue, channelValues))
    arguments.push_back(value ? value : e.loadVector(e.bufferOf(*read.operand), at, width));
  Value result = e.inlineRegion(operand.prologue.getRegion(), arguments).front();
  if (!keep)
    return result;
  return arith::SelectOp::create(e.b, e.loc, keep, result, e.constant(0.0f, e.vectorType(width)));
}

/// Stores zero to positions [from, to) of a row.
void emitZeros(KernelEmitter &e, Value row, int64_t from, int64_t to, int64_t width) {
  Value zero = e.constant(0.0f, e.vectorType(width));
  constexpr int64_t unrolled = 4;
  if (to - from <= unrolled) {
    for (int64_t i = from; i < to; ++i)
      e.storeVector(zero, e.scratch, e.add(row, i * width));
    return;
  }
  e.loop(e.index(from), e.index(to), 1,
         [&](Value i) { e.storeVector(zero, e.scratch, e.add(row, e.mul(i, width))); });
}

/// Returns the positions of an axis whose element, `shift` further on, lies in [0, size).
std::array<int64_t, 2> positionsInside(const StagedAxis &axis, int64_t size, int64_t shift) {
  auto positionsBelow = [&](int64_t element) {
    int64_t from = axis.low + shift;
    return std::clamp<int64_t>(element <= from ? 0 : shape::ceilDiv(element - from, axis.step), 0,
                               axis.extent);
  };
  return {positionsBelow(0), positionsBelow(size)};
}

/// Fills one row of the box, whose frame and row lie within the tensor.
void emitRow(KernelEmitter &e, BlockReader &reader, const StagedBox &box, Value t, Value h, Value row) {
  const StagedAxis &axis = box.axes[2];
  int64_t size = reader.operand.type.getDimSize(4);
  auto first = positionsInside(axis, size, 0), second = positionsInside(axis, size, box.neighbour);
  std::array<int64_t, 6> cuts = {0, first[0], first[1], second[0], second[1], axis.extent};
  llvm::sort(cuts);
  auto hold = [&](std::array<int64_t, 2> inside, int64_t from, int64_t to) {
    return inside[0] <= from && to <= inside[1];
  };
  Value zero = e.constant(0.0f, e.vectorType(reader.operand.width()));
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    int64_t from = cuts[i], to = cuts[i + 1];
    bool hasFirst = hold(first, from, to), hasSecond = hold(second, from, to);
    if (from == to)
      continue;
    if (!hasFirst && !hasSecond) {
      emitZeros(e, row, from, to, box.width);
      continue;
    }
    e.loop(e.index(from), e.index(to), 1, [&](Value i) {
      Value w = e.add(e.mul(i, axis.step), axis.low);
      Value words = hasFirst ? reader.read(t, h, w) : zero;
      if (box.words == Words::ColumnPairs)
        words = columnPairs(e, words, hasSecond ? reader.read(t, h, e.add(w, box.neighbour)) : zero);
      else if (box.words == Words::ChannelPairs)
        words = channelPairs(e, words);
      e.storeVector(words, e.scratch, e.add(row, e.mul(i, box.width)));
    });
  }
}

/// Returns a vector of these lanes of the blocks' values, side by side.
Value emitPlane(KernelEmitter &e, ArrayRef<Value> blocks, ArrayRef<int64_t> channels) {
  int64_t width = channels.size();
  Value plane;
  for (auto [i, block] : llvm::enumerate(blocks)) {
    // The lanes take this block's values where they are here, and else keep what the plane has from earlier
    // blocks.
    auto lanes = llvm::to_vector(llvm::seq<int64_t>(0, width));
    bool isUsed = false, isWhole = true;
    for (auto [lane, channel] : llvm::enumerate(channels)) {
      bool isHere = channel / width == int64_t(i);
      isUsed |= isHere;
      isWhole &= channel == int64_t(i * width + lane);
      if (isHere)
        lanes[lane] = width + channel % width;
    }
    if (isWhole)
      return block;
    if (isUsed)
      plane = vector::ShuffleOp::create(e.b, e.loc, plane ? plane : block, block, lanes);
  }
  return plane;
}

/// Fills one row of all planes, whose frame and row lie within the tensor.
void emitPlaneRows(KernelEmitter &e, MutableArrayRef<BlockReader> readers, const StagedBox &box,
                   const Planes &planes, Value t, Value h, Value row) {
  const StagedAxis &axis = box.axes[2];
  int64_t size = readers.front().operand.type.getDimSize(4);
  auto [from, to] = positionsInside(axis, size, 0);
  auto planeAt = [&](int64_t i) { return e.add(row, i * box.blockStride()); };
  for (size_t i = 0; i < planes.channels.size(); ++i) {
    emitZeros(e, planeAt(i), 0, from, box.width);
    emitZeros(e, planeAt(i), to, axis.extent, box.width);
  }
  e.loop(e.index(from), e.index(to), 1, [&](Value i) {
    Value w = e.add(e.mul(i, axis.step), axis.low);
    auto blocks = llvm::map_to_vector(readers, [&](BlockReader &reader) { return reader.read(t, h, w); });
    for (auto [plane, channels] : llvm::enumerate(planes.channels))
      e.storeVector(emitPlane(e, blocks, channels), e.scratch, e.add(planeAt(plane), e.mul(i, box.width)));
  });
}

/// Calls `inside` for each row of the box that lies in the tensor (with its frame, its row, and the place of
/// the box's row), and `outside` for the others.
void overRows(KernelEmitter &e, RankedTensorType type, const StagedBox &box, const StagedPart &part, Value at,
              function_ref<void(Value, Value, Value)> inside, function_ref<void(Value)> outside) {
  auto source = type.getShape();
  e.loop(box.axes[0].extent, [&](Value frame) {
    Value t = e.add(part.firstFrame, e.mul(frame, box.axes[0].step));
    e.loop(box.axes[1].extent, [&](Value line) {
      Value h = e.add(part.firstRow, e.mul(line, box.axes[1].step));
      Value row = e.add(at, e.add(e.mul(frame, box.frameStride()), e.mul(line, box.rowStride())));
      Value isInside = arith::AndIOp::create(e.b, e.loc, e.inRange(t, source[2]), e.inRange(h, source[3]));
      e.when(isInside, [&] { inside(t, h, row); }, [&] { outside(row); });
    });
  });
}

} // namespace

void kinema::cpu::emitStage(KernelEmitter &e, const StagedOperand &operand, const StagedBox &box,
                            const StagedPart &part, Value at) {
  e.loop(e.index(0), part.clips, 1, [&](Value clip) {
    e.loop(e.index(0), part.blocks, 1, [&](Value block) {
      BlockReader reader(e, operand, e.add(part.firstClip, clip), e.add(part.firstBlock, block));
      Value blockAt = e.add(at, e.add(e.mul(clip, box.clipStride()), e.mul(block, box.blockStride())));
      overRows(
          e, operand.type, box, part, blockAt,
          [&](Value t, Value h, Value row) { emitRow(e, reader, box, t, h, row); },
          [&](Value row) { emitZeros(e, row, 0, box.axes[2].extent, box.width); });
    });
  });
}

void kinema::cpu::emitStagePlanes(KernelEmitter &e, const StagedOperand &operand, const StagedBox &box,
                                  const StagedPart &part, const Planes &planes, Value at) {
  e.loop(e.index(0), part.clips, 1, [&](Value clip) {
    SmallVector<BlockReader> readers;
    for (int64_t i = 0; i < planes.blocks; ++i) {
      Value block = e.min(e.add(part.firstBlock, i), e.index(operand.blocks() - 1));
      readers.emplace_back(e, operand, e.add(part.firstClip, clip), block);
    }
    overRows(
        e, operand.type, box, part, e.add(at, e.mul(clip, box.clipStride())),
        [&](Value t, Value h, Value row) { emitPlaneRows(e, readers, box, planes, t, h, row); },
        [&](Value row) {
          for (size_t i = 0; i < planes.channels.size(); ++i)
            emitZeros(e, e.add(row, i * box.blockStride()), 0, box.axes[2].extent, box.width);
        });
  });
}
