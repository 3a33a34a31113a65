#include "dialects/Kernel/Traffic.h"

#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace kinema;

static RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Multiply-adds of a contraction; zero for everything else.
static int64_t macsOf(Operation *op) {
  auto perPosition = [](RankedTensorType weight, RankedTensorType output) {
    auto size = weight.getShape().take_back(4);
    int64_t taps = size[0] * size[1] * size[2] * size[3]; // I / groups, T, H, W
    return taps * output.getNumElements();
  };
  if (auto conv = dyn_cast<kernel::ConvOp>(op)) {
    bool forward = conv.getDirection() == kernel::Direction::Forward;
    auto output = forward ? conv.getResultType() : conv.getSourceType();
    return tensorOf(conv.getWeight()).getDimSize(1) * conv.getWindow().getWindow().taps() *
           output.getNumElements();
  }
  if (auto pair = dyn_cast<kernel::PairOp>(op))
    return perPosition(tensorOf(pair.getFirstWeight()), pair.getMiddleType()) +
           perPosition(tensorOf(pair.getSecondWeight()), pair.getResultType());
  if (auto wgrad = dyn_cast<kernel::WeightGradOp>(op))
    return perPosition(tensorOf(wgrad.getResult()), wgrad.getGradientType());
  if (auto matmul = dyn_cast<kernel::MatmulOp>(op))
    return tensorOf(matmul.getResult()).getNumElements() *
           clip::matmulDepth(tensorOf(matmul.getLhs()), matmul.getTransposeLhs());
  return 0;
}

/// Partials whose number no schedule has set yet count nothing.
static int64_t bytesOf(ValueRange values) {
  int64_t bytes = 0;
  for (Value value : values)
    if (tensorOf(value).hasStaticShape())
      bytes += kernel::storedBytes(tensorOf(value));
  return bytes;
}

/// Positions along an axis of a conv's input that its windows reach.
static int64_t positionsRead(const shape::Window &window, int axis, int64_t size, int64_t outputs) {
  llvm::BitVector read(size);
  for (int64_t q = 0; q < outputs; ++q)
    for (int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
      int64_t at = q * window.stride[axis] + tap * window.dilation[axis] - window.padLow[axis];
      if (at >= 0 && at < size)
        read.set(at);
    }
  return read.count();
}

/// Bytes of the tensors that a window slides over, but for what it steps over (a strided 1x1x1).
static int64_t bytesUnder(clip::WindowAttr window, OperandRange operands, ArrayRef<int32_t> access,
                          RankedTensorType output) {
  int64_t bytes = 0;
  for (auto [operand, kind] : llvm::zip(operands, access)) {
    int64_t all = kernel::storedBytes(tensorOf(operand));
    if (kind == static_cast<int32_t>(kernel::Access::Pixel))
      for (int axis = 0; axis < 3; ++axis) {
        int64_t size = tensorOf(operand).getDimSize(axis + 2);
        all = all / size * positionsRead(window.getWindow(), axis, size, output.getDimSize(axis + 2));
      }
    bytes += all;
  }
  return bytes;
}

static int64_t readsOf(Operation *op) {
  int64_t bytes = bytesOf(op->getOperands());
  if (auto conv = dyn_cast<kernel::ConvOp>(op); conv && conv.getDirection() == kernel::Direction::Forward) {
    auto sources = conv.getPrologueOperands();
    return bytes - bytesOf(sources) +
           bytesUnder(conv.getWindow(), sources, conv.getPrologueAccess(), conv.getResultType());
  }
  if (auto wgrad = dyn_cast<kernel::WeightGradOp>(op)) {
    auto sources = wgrad.getActivationOperands();
    return bytes - bytesOf(sources) +
           bytesUnder(wgrad.getWindow(), sources, wgrad.getActivationAccess(), wgrad.getGradientType());
  }
  return bytes;
}

kernel::Traffic kernel::trafficOf(Operation *op) {
  return {readsOf(op), bytesOf(op->getResults()), macsOf(op)};
}
