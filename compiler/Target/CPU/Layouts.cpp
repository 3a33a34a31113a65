#include "compiler/Target/CPU/Layouts.h"

using namespace mlir;
using namespace kinema;
using kernel::LayoutAttr;

constexpr int64_t rank = 5; // O, I, T, H, W

LayoutAttr cpu::interleavedWeight(MLIRContext *context, const WeightBlocks &blocks) {
  int64_t vector = blocks.vectorAxis(rank), reduce = blocks.reduceAxis(rank);
  return LayoutAttr::get(
      context,
      {{vector}, {reduce}, {2}, {3}, {4}, {reduce, blocks.reduce / 2}, {vector, blocks.vector}, {reduce, 2}});
}

LayoutAttr cpu::winogradWeight(MLIRContext *context, const WeightBlocks &blocks, const shape::Size3 &tile) {
  int64_t vector = blocks.vectorAxis(rank), reduce = blocks.reduceAxis(rank);
  SmallVector<kernel::LayoutLoop> points, taps;
  for (int64_t axis = 0; axis < 3; ++axis)
    (tile[axis] > 1 ? points : taps).push_back({2 + axis});
  points.append({{vector}, {reduce}});
  points.append(taps);
  points.append({{reduce, blocks.reduce}, {vector, blocks.vector}});
  return LayoutAttr::get(context, points);
}
