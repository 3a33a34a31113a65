#include "dialects/Kernel/Signature.h"

#include "dialects/Kernel/Attributes.h"

using namespace mlir;
using namespace kinema;

/// Returns a result's type with its number of partials open. Partials have a dimension in front for their
/// number; a tensor that an epilogue stores has none.
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
  // The signature leaves out who carries the kernel out, in which tiles, and what was noted about it.
  const StringRef leftOut[] = {"schedule", "operandSegmentSizes", noteAttribute, measuredAttribute,
                               candidatesAttribute};
  llvm::interleaveComma(
      llvm::make_filter_range(kernel->getAttrDictionary(),
                              [&](NamedAttribute a) { return !llvm::is_contained(leftOut, a.getName()); }),
      os, [&](NamedAttribute a) { os << a.getName().getValue() << " = " << a.getValue(); });
  os << "} (";
  // The conv's schedule decides how its weight lies, and the weight's size follows from the window and the
  // channels.
  bool isConv = isa<kernel::ConvOp>(kernel);
  llvm::interleaveComma(kernel->getOperands().drop_front(isConv ? 1 : 0).getTypes(), os);
  os << ") -> (";
  llvm::interleaveComma(kernel->getResultTypes(), os, [&](Type type) { os << withoutPartials(type); });
  os << ")";
  return text;
}
