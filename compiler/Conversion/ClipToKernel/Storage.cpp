#include "compiler/Conversion/ClipToKernel/Storage.h"

using namespace mlir;
using namespace kinema;
using kernel::Access;

bool Storage::isComputedBy(Value source, bool joinsToo) const {
  Leaves leaves = leavesOf(source, stored);
  return level == FusionScope::All && leaves.complete && !leaves.costly && (joinsToo || !leaves.joins) &&
         leaves.tensors.size() <= 2 && !leaves.tensors.empty();
}

bool Storage::isStoredAtOnce(clip::PointwiseOp op) const {
  Value result = op->getResult(0);
  bool readsTensors = llvm::any_of(op->getOperands(),
                                   [&](Value operand) { return accessOf(operand, result) == Access::Pixel; });
  return level == FusionScope::None && readsTensors && !holds(result);
}

Value Storage::storedFor(Value made) const {
  Value end = made;
  while (level != FusionScope::None && end.hasOneUse()) {
    Operation *user = *end.user_begin();
    if (!pointwiseOf(user) || user->getResult(0).getType() != made.getType() ||
        !leavesOf(user->getResult(0), stored, /*atHand=*/end).complete)
      break;
    end = user->getResult(0);
  }
  return end;
}

RankedTensorType Storage::latticeOf(clip::ConvDataGradOp op) const {
  auto full = tensorOf(op.getResult()), points = tensorOf(op.getG());
  shape::Window window = op.getWindow().getWindow();
  constexpr shape::Size3 one = {1, 1, 1}, none = {0, 0, 0};
  if (level == FusionScope::None || window.kernel != one || window.stride == one || window.padLow != none ||
      window.padHigh != none || !op->hasOneUse() || !isa<clip::AddOp>(*op->user_begin()))
    return {};
  for (int axis = 0; axis < 3; ++axis) {
    int64_t count = points.getDimSize(axis + 2);
    if (count > 1 && kernel::latticeStride(full.getDimSize(axis + 2), count) != window.stride[axis])
      return {}; // the sizes do not tell the stride
  }
  SmallVector<int64_t> shape(points.getShape());
  shape[1] = full.getDimSize(1);
  return RankedTensorType::get(shape, full.getElementType());
}

kernel::PlaceOp Storage::placeReadThrough(Value value, ArrayRef<Attribute> pieces) const {
  auto place = lookup(value).getDefiningOp<kernel::PlaceOp>();
  if (level != FusionScope::All || !place || !value.hasOneUse())
    return {};
  // Frames that move twice leave zeros which one move does not.
  auto moves = [](Attribute piece) { return cast<kernel::PieceAttr>(piece).getFrames() != 0; };
  return llvm::any_of(place.getPieces(), moves) && llvm::any_of(pieces, moves) ? kernel::PlaceOp() : place;
}

bool Storage::isSummedWith(clip::ChannelReductionOp op, bool stores) const {
  if (level == FusionScope::None && stores)
    return false;
  Value value = op->getOperand(0);
  return llvm::all_of(op->getOperands().drop_front(), [&](Value operand) {
    return accessOf(operand, value) == Access::Pixel ? leavesOf(operand, stored).complete : holds(operand);
  });
}
