#include "compiler/Target/NVGPU/WidenBfloat16.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kinema;

/// Returns the words, changed by an operation with the same constant, as f32.
template <typename Change> static Value changed(OpBuilder &b, Location loc, Value words, int32_t constant) {
  auto type = cast<VectorType>(words.getType());
  Value constants = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, constant));
  Value bits = Change::create(b, loc, words, constants);
  return LLVM::BitcastOp::create(b, loc, type.clone(b.getF32Type()), bits);
}

static void widen(arith::ExtFOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  int64_t count = cast<VectorType>(op.getType()).getNumElements();
  auto wordsType = VectorType::get({count / 2}, b.getI32Type());
  Value words = LLVM::BitcastOp::create(b, loc, wordsType, op.getIn());
  Value low = changed<arith::ShLIOp>(b, loc, words, 16);
  Value high = changed<arith::AndIOp>(b, loc, words, int32_t(0xffff0000));
  SmallVector<int64_t> inTurn;
  for (int64_t i = 0; i < count / 2; ++i)
    inTurn.append({i, i + count / 2});
  op.replaceAllUsesWith(vector::ShuffleOp::create(b, loc, low, high, inTurn).getResult());
  op.erase();
}

/// Lets what was rounded and widened be rounded again no more.
static void dropRounding(Block &block) {
  block.walk([](arith::TruncFOp op) {
    auto widened = op.getIn().getDefiningOp<arith::ExtFOp>();
    if (widened && widened.getIn().getType() == op.getType())
      op.replaceAllUsesWith(widened.getIn());
  });
}

void nvidia::widenInWords(Block &block) {
  dropRounding(block);
  SmallVector<arith::ExtFOp> all;
  block.walk([&](arith::ExtFOp op) {
    auto type = dyn_cast<VectorType>(op.getIn().getType());
    if (type && type.getElementType().isBF16() && type.getNumElements() % 2 == 0)
      all.push_back(op);
  });
  for (arith::ExtFOp op : all)
    widen(op);
}
