#include "compiler/Target/NVGPU/Layouts.h"

#include "compiler/Target/NVGPU/ProductShape.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::LayoutAttr;
using kernel::LayoutLoop;

LayoutAttr nvidia::tapsLayout(MLIRContext *context, int64_t rank, const Taps &taps) {
  int64_t out = rank - 5, in = rank - 4, frame = rank - 3, row = rank - 2, column = rank - 1;
  int64_t contracted = taps.exchanged ? out : in, kept = taps.exchanged ? in : out;
  SmallVector<LayoutLoop> loops;
  for (int64_t axis = 0; axis < out; ++axis)
    loops.push_back({axis});
  bool isGrouped = taps.together > 1;
  loops.append({{frame}, {row}, {column}, {column, isGrouped ? 2 : 1}});
  loops.append({{contracted}, {kept}, {kept, blockChannels}});
  loops.append({{column, taps.together}, {contracted, blockChannels / taps.together}});
  return LayoutAttr::get(context, loops);
}

LayoutAttr nvidia::groupedLayout(MLIRContext *context, int64_t rank) {
  SmallVector<LayoutLoop> loops;
  for (int64_t axis : llvm::seq(rank - 5))
    loops.push_back({axis});
  for (int64_t axis : {rank - 3, rank - 2, rank - 1, rank - 5, rank - 4})
    loops.push_back({axis});
  return LayoutAttr::get(context, loops);
}

int64_t nvidia::groupsTogether(int64_t groups, int64_t inputsOfGroup, int64_t outputsOfGroup) {
  constexpr int64_t whole = ProductShape::depth;
  for (int64_t together = 1; together < groups; ++together)
    if (groups % together == 0 && together * inputsOfGroup % whole == 0 &&
        together * outputsOfGroup % whole == 0)
      return together;
  return groups;
}

std::optional<Taps> nvidia::tapsOf(RankedTensorType weight) {
  for (Taps taps : {Taps{1, false}, Taps{1, true}, Taps{2, false}})
    if (weight.getRank() >= 5 &&
        kernel::layoutOf(weight) == tapsLayout(weight.getContext(), weight.getRank(), taps))
      return taps;
  return std::nullopt;
}
