// The gradients of the clip operations, one implementation of DifferentiableOp each.
#include "dialects/Clip/Clip.h"

using namespace mlir;
using namespace kinema::clip;

#define KINEMA_PENDING(OP)                                                                                   \
  SmallVector<Value> OP::gradients(OpBuilder &, ValueRange, ArrayRef<bool>) { return {}; }
KINEMA_PENDING(ConvOp)
KINEMA_PENDING(BatchNormOp)
KINEMA_PENDING(ReluOp)
KINEMA_PENDING(SigmoidOp)
KINEMA_PENDING(SoftmaxOp)
KINEMA_PENDING(AddOp)
KINEMA_PENDING(MulOp)
KINEMA_PENDING(MaxPoolOp)
KINEMA_PENDING(AvgPoolOp)
KINEMA_PENDING(ConcatOp)
KINEMA_PENDING(SliceOp)
KINEMA_PENDING(PadChannelsOp)
KINEMA_PENDING(FoldTimeOp)
KINEMA_PENDING(DropoutOp)
