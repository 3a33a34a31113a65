// Shows a prologue, an epilogue or another region of a kernel operation as one thing: the operands that it
// reads, how it reads each, and the argument that stands for its element.
#ifndef KINEMA_DIALECTS_KERNEL_ACCESSREGION_H
#define KINEMA_DIALECTS_KERNEL_ACCESSREGION_H

#include "dialects/Clip/Clip.h"

#include "dialects/Kernel/KernelEnums.h.inc"

namespace kinema::kernel {

/// These convert kinds of operands or of yielded values between enums and the integers that attributes hold,
/// which the attributes' constraints have checked.
template <typename Kind> llvm::ArrayRef<Kind> kindsOf(mlir::DenseI32ArrayAttr kinds) {
  static_assert(sizeof(Kind) == sizeof(int32_t));
  return {reinterpret_cast<const Kind *>(kinds.asArrayRef().data()), size_t(kinds.size())};
}
template <typename Kind>
mlir::DenseI32ArrayAttr kindsAttr(mlir::Builder builder, llvm::ArrayRef<Kind> kinds) {
  return builder.getDenseI32ArrayAttr({reinterpret_cast<const int32_t *>(kinds.data()), kinds.size()});
}

struct AccessOperand {
  mlir::OpOperand *operand; // operand of the kernel operation
  Access access;
  mlir::BlockArgument argument; // argument of the region; null where the region has too few

  mlir::Value get() const { return operand->get(); }
  mlir::RankedTensorType getType() const { return tensorOf(get()); }
  /// Returns whether the operand is the same over a whole channel of a clip.
  bool isByChannel() const { return access == Access::Channel || access == Access::BatchChannel; }
};

/// Holds what an AccessRegion looks at.
struct AccessRegionBase {
  mlir::Region *region;
  mlir::OpOperand *first;
  size_t operands;
  llvm::ArrayRef<Access> access;

  bool operator==(const AccessRegionBase &other) const {
    return region == other.region && first == other.first;
  }
};

class AccessRegion final : public llvm::indexed_accessor_range<AccessRegion, AccessRegionBase, AccessOperand,
                                                               AccessOperand *, AccessOperand> {
public:
  AccessRegion(mlir::Region &region, mlir::OperandRange operands, llvm::ArrayRef<Access> access)
      : indexed_accessor_range({&region, operands.getBase(), operands.size(), access}, 0,
                               std::min(operands.size(), access.size())) {}

  mlir::Region &getRegion() const { return *getBase().region; }
  llvm::ArrayRef<Access> getAccess() const { return getBase().access; }
  /// Returns whether there is one way of reading for each operand, as the verifiers demand.
  bool isComplete() const { return getBase().operands == getBase().access.size(); }
  int64_t count(Access access) const { return llvm::count(getBase().access, access); }
  /// Returns the first operand that is read at the element's own position; null where there is none.
  mlir::Value getPixel() const;
  mlir::RankedTensorType getPixelType() const;
  /// Returns the operand of which a scalar of the region is an element; null where the scalar is computed.
  mlir::Value operandOf(mlir::Value scalar) const;

  /// Returns operand `index`, as indexed_accessor_range asks for it.
  static AccessOperand dereference(const AccessRegionBase &base, ptrdiff_t index);
};

} // namespace kinema::kernel

#endif
