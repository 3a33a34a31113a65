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

LayoutAttr cpu::winogradWeight(MLIRContext *context, const WeightBlocks &blocks) {
  int64_t vector = blocks.vectorAxis(rank), reduce = blocks.reduceAxis(rank);
  return LayoutAttr::get(
      context, {{3}, {4}, {vector}, {reduce}, {2}, {reduce, blocks.reduce}, {vector, blocks.vector}});
}
