#include "compiler/Target/NVGPU/EpilogueFeed.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;
using Map = kernel::TensorMapAttr;

int64_t EpilogueFeedPlan::blocksOfPart() const {
  constexpr int64_t fewestBytes = 8192; // of a stage, so that waits for it are few
  int64_t least = shape::ceilDiv(blocks, std::max<int64_t>(1, blocks * blockBytes() / fewestBytes));
  for (int64_t some = least; some < std::min(2 * least, blocks); ++some)
    if (blocks % some == 0)
      return some;
  return least;
}

int64_t EpilogueFeedPlan::operandBytes(int64_t eachBytes) const {
  return shape::roundUp(blocksOfPart() * positions() * eachBytes, Map::targetAlignment);
}

int64_t EpilogueFeedPlan::stageBytes() const {
  return (operands - wide) * operandBytes(positionBytes) + wide * operandBytes(2 * positionBytes);
}

bool EpilogueFeedPlan::exists() const {
  int64_t positionWords = positionBytes * (wide ? 2 : 1) / Map::wordBytes;
  auto fits = [&](int axis, int64_t words) {
    return boxStep(axis) <= Map::mostStep && boxSpan(axis) * words <= Map::mostPositions;
  };
  return operands > 0 && fits(0, 1) && fits(1, 1) && fits(2, positionWords) && blocks <= Map::mostPositions;
}

double EpilogueFeedPlan::cyclesOfCopies(const Rates &rates) const {
  return std::max(parts() * (rates.stageCycles + operands * rates.electedCopyCycles),
                  boxBytes() / rates.boxPerCycle);
}

/// Describes the tensor, [N, channel blocks, T, H, W], and the box of one copy.
Map EpilogueFeed::mapOf(const kernel::AccessOperand &operand) const {
  int64_t words = rawPositionBytes(operand.getType()) / Map::wordBytes;
  SmallVector<int64_t> all = {operand.getType().getDimSize(0), blocks}, box = {1, plan.blocksOfPart()},
                       steps = {1, 1};
  for (int axis = 0; axis < 3; ++axis) {
    int64_t unit = axis < 2 ? 1 : words;
    all.push_back(sizes[axis] * unit);
    box.push_back(plan.boxSpan(axis) * unit);
    steps.push_back(plan.boxStep(axis));
  }
  return Map::get(e.b.getContext(), operand.operand->getOperandNumber(), all, box, steps);
}

int64_t EpilogueFeed::offsetOf(const kernel::AccessOperand &operand) const {
  int64_t offset = 0;
  for (kernel::AccessOperand before : epilogue) {
    if (before.operand == operand.operand)
      break;
    if (brings(before))
      offset += plan.operandBytes(rawPositionBytes(before.getType()));
  }
  return offset;
}

void EpilogueFeed::copy(Value n, Value firstBlock, const std::array<Value, 3> &first, Value step) {
  int64_t bytes = 0;
  for (kernel::AccessOperand operand : epilogue)
    if (brings(operand)) {
      Map map = mapOf(operand);
      bytes += map.boxBytes();
      if (Value &parameter = maps[operand.operand]; !parameter)
        parameter = w.tensorMap(map);
    }
  e.loop(e.index(0), e.index(plan.parts()), 1, [&](Value part) {
    Value mine = e.add(step, part), barrier = ring.full(mine), to = ring.stageAt(mine);
    ring.waitEmpty(mine);
    w.arriveExpecting(barrier, w.word(bytes));
    Value block = e.add(firstBlock, e.mul(part, plan.blocksOfPart()));
    for (kernel::AccessOperand operand : epilogue) {
      if (!brings(operand))
        continue;
      Value word = e.mul(first[2], rawPositionBytes(operand.getType()) / Map::wordBytes);
      w.boxCopy(w.pointer(e.add(to, offsetOf(operand))), maps[operand.operand],
                {n, block, first[0], first[1], word}, barrier);
    }
  });
}

Value EpilogueFeed::placeOf(const std::array<Value, 3> &inTile) {
  Value place = e.index(0);
  for (int axis = 0; axis < 3; ++axis)
    place = e.add(e.mul(place, plan.brought(axis)),
                  axis < 2 ? inTile[axis] : e.mul(inTile[axis], plan.steps[axis]));
  return e.mul(place, positionBytes);
}

Value EpilogueFeed::load(const kernel::AccessOperand &operand, Value step, int64_t block, Value place,
                         Value column) {
  constexpr int64_t pair = 2;
  Type element = operand.getType().getElementType();
  int64_t eachBytes = rawPositionBytes(operand.getType()), elementBytes = element.getIntOrFloatBitWidth() / 8;
  Value at = e.add(e.mul(place, eachBytes / positionBytes), e.mul(column, elementBytes));
  at = e.add(e.add(ring.stageAt(step), at), offsetOf(operand) + block * plan.positions() * eachBytes);
  return LLVM::LoadOp::create(e.b, e.loc, VectorType::get({pair}, element), w.pointer(at),
                              pair * elementBytes);
}
