#include "compiler/Target/Common/Layouts.h"

using namespace mlir;
using namespace kinema;
using kernel::LayoutAttr;
using kernel::LayoutLoop;

LayoutAttr kinema::blockedWeight(MLIRContext *context, int64_t rank, const WeightBlocks &blocks) {
  SmallVector<LayoutLoop> loops;
  for (int64_t axis = 0; axis < rank - 5; ++axis)
    loops.push_back({axis});
  int64_t vector = blocks.vectorAxis(rank), reduce = blocks.reduceAxis(rank);
  loops.append({{vector},
                {reduce},
                {rank - 3},
                {rank - 2},
                {rank - 1},
                {reduce, blocks.reduce},
                {vector, blocks.vector}});
  return LayoutAttr::get(context, loops);
}

LayoutAttr kinema::referenceWeight(kernel::ConvOp op, int64_t block) {
  constexpr int64_t rank = 5;
  if (op.getGroups() > 1)
    return blockedWeight(op.getContext(), rank, {block, 1});
  bool exchanged = op.getDirection() == kernel::Direction::Transposed;
  return blockedWeight(op.getContext(), rank, {block, kernel::channelBlock(op.getSourceType()), exchanged});
}

std::optional<WeightBlocks> kinema::weightBlocksOf(RankedTensorType weight) {
  LayoutAttr layout = kernel::layoutOf(weight);
  int64_t rank = weight.getRank();
  for (bool exchanged : {false, true}) {
    WeightBlocks blocks{1, 1, exchanged};
    if (rank < 5)
      continue;
    blocks.vector = layout.blockOf(blocks.vectorAxis(rank));
    blocks.reduce = layout.blockOf(blocks.reduceAxis(rank));
    if (layout == blockedWeight(weight.getContext(), rank, blocks))
      return blocks;
  }
  return std::nullopt;
}
