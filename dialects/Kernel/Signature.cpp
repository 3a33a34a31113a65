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

std::string kernel::signatureOf(Operation *kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << kernel->getName() << " {";
  // Neither who carries it out, and in which tiles, nor what was noted about it.
  const StringRef leftOut[] = {"schedule", "operandSegmentSizes", noteAttribute, measuredAttribute};
  llvm::interleaveComma(
      llvm::make_filter_range(kernel->getAttrDictionary(),
                              [&](NamedAttribute a) { return !llvm::is_contained(leftOut, a.getName()); }),
      os, [&](NamedAttribute a) { os << a.getName().getValue() << " = " << a.getValue(); });
  os << "} (";
  // How a conv's weight lies is its schedule's to say; how large it is follows from the window and the
  // channels.
  bool isConv = isa<kernel::ConvOp>(kernel);
  llvm::interleaveComma(kernel->getOperands().drop_front(isConv ? 1 : 0).getTypes(), os);
  os << ") -> (";
  llvm::interleaveComma(kernel->getResultTypes(), os, [&](Type type) { os << withoutPartials(type); });
  os << ")";
  return text;
}
