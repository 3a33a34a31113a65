#include "compiler/Target/Common/EvenSizes.h"

#include "dialects/Shape/ShapeRules.h"

#include <algorithm>

llvm::SmallVector<int64_t> kinema::evenSizes(int64_t total, int64_t step) {
  llvm::SmallVector<int64_t> sizes;
  for (int64_t parts = 1; parts <= total; ++parts) {
    int64_t size = std::min(total, shape::roundUp(shape::ceilDiv(total, parts), step));
    if (sizes.empty() || sizes.back() != size)
      sizes.push_back(size);
  }
  return sizes;
}
