// Builds the gradients of the clip operations, one implementation of DifferentiableOp each. `g` is the
// gradient of the loss with respect to the operation's result.
#include "dialects/Clip/ClipLog.h"
#include "dialects/Clip/Formula.h"

using namespace mlir;
using namespace kinema::clip;

using Gradients = SmallVector<Value>;

Gradients ConvOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool> needed) {
  Value g = gradients.front();
  Gradients result(getNumOperands());
  if (needed[0])
    result[0] =
        ConvDataGradOp::create(builder, getLoc(), getX().getType(), g, getWeight(), getWindow(), getGroups());
  if (needed[1])
    result[1] = ConvWeightGradOp::create(builder, getLoc(), getWeight().getType(), g, getX(), getWindow(),
                                         getGroups());
  if (getBias() && needed[2])
    result[2] = ChannelSumOp::create(builder, getLoc(), g);
  return result;
}

/// There is a gradient in training alone: the statistics of an evaluating batch norm would be constants.
Gradients BatchNormOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  if (!getTraining()) { // its factors and offsets are frozen
    Value dx = FrozenNormGradOp::create(builder, getLoc(), gradients.front(), getRstd(), getGamma());
    return {dx, Value(), Value()};
  }
  auto grad = BatchNormGradOp::create(builder, getLoc(), gradients.front(), getX(), getMean(), getRstd(),
                                      getGamma(), getSynced());
  return {grad.getDz(), grad.getDgamma(), grad.getDbeta()};
}

/// The gradient is masked by the result, not the input, since a join stores the result.
Gradients ReluOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {ReluGradOp::create(builder, getLoc(), gradients.front(), getResult())};
}

/// The gradient is y * (1 - y) * g = g*y - g*y*y.
Gradients SigmoidOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  Value gy = MulOp::create(builder, getLoc(), gradients.front(), getResult());
  Value gyy = MulOp::create(builder, getLoc(), gy, getResult());
  Value minus = ScaleOp::create(builder, getLoc(), gyy, builder.getF64FloatAttr(-1.0));
  return {AddOp::create(builder, getLoc(), gy, minus)};
}

Gradients LogOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {LogGradOp::create(builder, getLoc(), gradients.front(), getX())};
}

Gradients ScaleOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {ScaleOp::create(builder, getLoc(), gradients.front(), getFactorAttr())};
}

Gradients SoftmaxOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {SoftmaxGradOp::create(builder, getLoc(), gradients.front(), getResult())};
}

/// With Y = L R, dL = g R^T and dR = L^T g; where an operand came in transposed, its gradient is the
/// transpose of that.
Gradients MatmulOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool> needed) {
  Value g = gradients.front();
  bool left = getTransposeLhs(), right = getTransposeRhs();
  auto product = [&](Type type, Value lhs, Value rhs, bool transposeLhs, bool transposeRhs) -> Value {
    return MatmulOp::create(builder, getLoc(), type, lhs, rhs, transposeLhs, transposeRhs);
  };
  Gradients result(2);
  if (needed[0])
    result[0] = left ? product(getLhs().getType(), getRhs(), g, right, true)
                     : product(getLhs().getType(), g, getRhs(), false, !right);
  if (needed[1])
    result[1] = right ? product(getRhs().getType(), g, getLhs(), true, left)
                      : product(getRhs().getType(), getLhs(), g, !left, false);
  return result;
}

Gradients AddOp::gradients(OpBuilder &, ValueRange gradients, ArrayRef<bool>) {
  return {gradients.front(), gradients.front()};
}

/// A factor that was spread collects its gradient from all places that it was spread to. One that clips or
/// channels share is the sum of their sums over positions, since those have threads enough.
static Value factorGradient(OpBuilder &builder, MulOp op, Value g) {
  Value sum = MulOp::create(builder, op.getLoc(), g, op.getLhs());
  auto type = cast<RankedTensorType>(op.getRhs().getType());
  SmallVector<int64_t> ofClips(type.getRank(), 1);
  llvm::copy(cast<RankedTensorType>(sum.getType()).getShape().take_front(2), ofClips.begin());
  bool isShared = type.getShape().take_front(2) != ArrayRef(ofClips).take_front(2);
  if (isShared && type.getShape().drop_front(2) == ArrayRef(ofClips).drop_front(2))
    sum = SpreadSumOp::create(builder, op.getLoc(), type.clone(ofClips), sum);
  return sum.getType() == type ? sum : SpreadSumOp::create(builder, op.getLoc(), type, sum);
}

Gradients MulOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool> needed) {
  Value g = gradients.front();
  Gradients result(2);
  if (needed[0])
    result[0] = MulOp::create(builder, getLoc(), g, getRhs());
  if (needed[1])
    result[1] = factorGradient(builder, *this, g);
  return result;
}

Gradients MaxPoolOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {MaxPoolGradOp::create(builder, getLoc(), getX().getType(), gradients.front(), getX(), getWindow(),
                                getCeil())};
}

Gradients AvgPoolOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {
      AvgPoolGradOp::create(builder, getLoc(), getX().getType(), gradients.front(), getWindow(), getCeil())};
}

Gradients ConcatOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool> needed) {
  Gradients result(getNumOperands());
  int64_t begin = 0;
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    int64_t count = cast<RankedTensorType>(input.getType()).getDimSize(1);
    if (needed[i])
      result[i] = SliceOp::create(builder, getLoc(), gradients.front(), begin, count);
    begin += count;
  }
  return result;
}

Gradients SliceOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {PadChannelsOp::create(builder, getLoc(), gradients.front(), getBegin(),
                                getX().getType().getDimSize(1))};
}

Gradients PadChannelsOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {SliceOp::create(builder, getLoc(), gradients.front(), getBegin(), getX().getType().getDimSize(1))};
}

Gradients ShiftOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {ShiftOp::create(builder, getLoc(), gradients.front(), getChannels(), -int64_t(getFrames()))};
}

Gradients ArrangeOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {ArrangeOp::create(builder, getLoc(), gradients.front(), getHow().inverse())};
}

Gradients StandardiseOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  return {StandardiseGradOp::create(builder, getLoc(), gradients.front(), getX(), getOverAttr(),
                                    getGroupsAttr(), getEpsAttr())};
}

/// What was summed up has the gradient of the sum everywhere.
Gradients SpreadSumOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool>) {
  auto identity = [](Formula &, ValueRange scalars) { return scalars.front(); };
  return {createMap(builder, getLoc(), gradients.front(), getX().getType(), /*kept=*/false, identity)};
}

/// The gradient drops the same elements again, found from the same numbers.
Gradients DropoutOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool> needed) {
  Gradients result(getNumOperands());
  result[0] =
      DropoutOp::create(builder, getLoc(), gradients.front(), getHyper(), getRateAttr(), getStreamAttr());
  return result;
}
