#include "dialects/Kernel/Traffic.h"

#include "dialects/Kernel/WidenedWeights.h"

#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace kinema;

//===-- Work --------------------------------------------------------------===//

/// Returns the multiply-adds by a weight whose last axes are I / groups, T, H, W.
static int64_t macsOf(RankedTensorType weight, RankedTensorType output) {
  auto size = weight.getShape().take_back(4);
  return size[0] * size[1] * size[2] * size[3] * output.getNumElements();
}

int64_t kernel::ConvOp::getMacs() {
  auto output = getDirection() == Direction::Forward ? getResultType() : getSourceType();
  int64_t inputs = tensorOf(getWeight()).getShape().take_back(4)[0] / groupsTogether(*this); // that count
  return inputs * getWindow().getWindow().taps() * output.getNumElements();
}

int64_t kernel::PairOp::getMacs() {
  return macsOf(tensorOf(getFirstWeight()), getMiddleType()) +
         macsOf(tensorOf(getSecondWeight()), getResultType());
}

int64_t kernel::WeightGradOp::getMacs() { return macsOf(tensorOf(getResult()), getGradientType()); }

int64_t kernel::MatmulOp::getMacs() {
  return tensorOf(getResult()).getNumElements() * clip::matmulDepth(tensorOf(getLhs()), getTransposeLhs());
}

int64_t kernel::largestOperand(Operation *kernel) {
  int64_t largest = 1;
  for (Value operand : kernel->getOperands())
    largest = std::max(largest, tensorOf(operand).getNumElements());
  return largest;
}

int64_t kernel::ConvOp::getDepth() {
  auto weight = tensorOf(getWeight()).getShape().take_back(5);
  return weight[1] * weight[2] * weight[3] * weight[4] * (getDirection() == Direction::Forward ? 1 : 4);
}

// Partials are summed in f64 and rounded once, so that their number does not count.
int64_t kernel::FinalizeOp::getDepth() { return 1; }

//===-- Bytes -------------------------------------------------------------===//

int64_t kernel::bytesOf(ValueRange tensors) {
  int64_t bytes = 0;
  for (Value tensor : tensors)
    if (tensorOf(tensor).hasStaticShape())
      bytes += storedBytes(tensorOf(tensor));
  return bytes;
}

/// Returns how many positions of a conv's input its windows reach along an axis.
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

/// Returns the bytes of the tensors that a window slides over, without what it steps over (as a strided 1x1x1
/// does).
static int64_t bytesUnder(clip::WindowAttr window, const kernel::AccessRegion &prologue,
                          RankedTensorType output) {
  int64_t bytes = 0;
  for (kernel::AccessOperand operand : prologue) {
    RankedTensorType type = operand.getType();
    int64_t all = kernel::storedBytes(type);
    if (operand.access == kernel::Access::Pixel)
      for (int axis = 0; axis < 3; ++axis) {
        int64_t size = type.getDimSize(axis + 2);
        all = all / size * positionsRead(window.getWindow(), axis, size, output.getDimSize(axis + 2));
      }
    bytes += all;
  }
  return bytes;
}

int64_t kernel::ConvOp::getBytesRead() {
  int64_t all = bytesOf(getOperands());
  if (getDirection() == Direction::Transposed)
    return all;
  return all - bytesOf(getPrologueOperands()) + bytesUnder(getWindow(), prologue(), getResultType());
}

int64_t kernel::WeightGradOp::getBytesRead() {
  return bytesOf(getOperands()) - bytesOf(getActivationOperands()) +
         bytesUnder(getWindow(), activation(), getGradientType());
}

kernel::Traffic kernel::trafficOf(Operation *op) {
  auto kernel = cast<LaunchableOp>(op);
  return {kernel.getBytesRead(), bytesOf(op->getResults()), kernel.getMacs()};
}
