// Describes operands in shared memory to products that read them by themselves.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_SHAREDMEMORYCONTRACT_H
#define KINEMA_COMPILER_TARGET_NVGPU_SHAREDMEMORYCONTRACT_H

#include "compiler/Target/NVGPU/Contract.h"

namespace kinema::nvidia {

class SharedMemoryContract : public Contract {
public:
  using Contract::Contract;

  Matrix matrix(mlir::Value at, int64_t leading, int64_t stride, bool contractedFastest) override;

protected:
  /// Returns the descriptor of a matrix without swizzle. `version` has the bits that tell its format.
  mlir::Value descriptor(const Matrix &matrix, int64_t version = 0);
  /// Returns the matrix so many contracted numbers further on.
  Matrix moved(Matrix matrix, mlir::Value numbers);
};

} // namespace kinema::nvidia

#endif
