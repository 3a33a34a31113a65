#include "dialects/Kernel/Signature.h"

#include "dialects/Kernel/Attributes.h"

using namespace mlir;
using namespace kinema;

/// Partials have a dimension before those of what they are partials of; what an epilogue stores has none.
static Type withoutPartials(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  constexpr int64_t activationRank = 5;
  if (!tensor || tensor.getRank() == activationRank || tensor.getRank() == 0)
    return type;
  SmallVector<int64_t> shape(tensor.getShape());
  shape.front() = ShapedType::kDynamic;
  return RankedTensorType::get(shape, tensor.getElementType(), tensor.getEncoding());
}

/// Of a conv in Winograd's tiles of m results, the weight has m - 1 more points than taps along H and W.
static Type withTaps(Type type, int64_t winograd) {
  auto tensor = cast<RankedTensorType>(type);
  kernel::LayoutAttr layout = kernel::layoutOf(tensor);
  using kernel::LayoutKind;
  bool transposed = layout.getKind() == LayoutKind::PointsTransposed;
  if (layout.getKind() != LayoutKind::Points && !transposed)
    return type;
  SmallVector<int64_t> shape(tensor.getShape());
  shape[3] -= winograd - 1;
  shape[4] -= winograd - 1;
  auto taps = kernel::LayoutAttr::get(type.getContext(),
                                      transposed ? LayoutKind::WeightTransposed : LayoutKind::Weight,
                                      layout.getBlock(), layout.getReduce());
  return RankedTensorType::get(shape, tensor.getElementType(), taps);
}

std::string kernel::signatureOf(Operation *kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << kernel->getName() << " {";
  // Neither who carries it out, and in which tiles, nor what was noted about it.
  const StringRef leftOut[] = {"schedule", "winograd", "operandSegmentSizes", noteAttribute,
                               measuredAttribute};
  llvm::interleaveComma(
      llvm::make_filter_range(kernel->getAttrDictionary(),
                              [&](NamedAttribute a) { return !llvm::is_contained(leftOut, a.getName()); }),
      os, [&](NamedAttribute a) { os << a.getName().getValue() << " = " << a.getValue(); });
  os << "} (";
  auto conv = dyn_cast<kernel::ConvOp>(kernel);
  llvm::interleaveComma(kernel->getOperandTypes(), os,
                        [&](Type type) { os << (conv ? withTaps(type, conv.getWinograd()) : type); });
  os << ") -> (";
  llvm::interleaveComma(kernel->getResultTypes(), os, [&](Type type) { os << withoutPartials(type); });
  os << ")";
  return text;
}
