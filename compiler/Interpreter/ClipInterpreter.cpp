#include "compiler/Interpreter/ClipInterpreter.h"

#include "compiler/Interpreter/ClipNumerics.h"
#include "compiler/Interpreter/Update.h"
#include "dialects/Clip/Clip.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;
using namespace kinema::numerics;

using Results = std::vector<Tensor>;
using Operands = std::vector<const Tensor *>;

static Shape shapeOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return Shape(type.getShape().begin(), type.getShape().end());
}

/// Rounds a tensor as memory would.
static Tensor rounded(Tensor tensor, Interpreter::Storage storage) {
  if (storage == Interpreter::Storage::Float)
    for (double &element : tensor.values)
      element = float(element);
  return tensor;
}

Interpreter::Interpreter(ModuleOp module, Storage storage) : module(module), storage(storage) {
  for (ParamOp param : module.getOps<ParamOp>()) {
    auto init = param.getInit();
    auto kind = init ? init->getAs<StringAttr>("kind") : StringAttr();
    auto value = init ? init->getAs<FloatAttr>("value") : FloatAttr();
    if (kind && kind.getValue() == "constant" && value)
      setParam(param.getSymName(), Tensor(Shape(param.getTensorType().getShape()), value.getValueAsDouble()));
  }
}

void Interpreter::setParam(StringRef name, Tensor value) { params[name.str()] = std::move(value); }

const Tensor *Interpreter::getParam(StringRef name) const {
  auto found = params.find(name.str());
  return found == params.end() ? nullptr : &found->second;
}

FailureOr<Results> Interpreter::run(StringRef name, std::vector<Tensor> inputs) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function || !function.getBody().hasOneBlock())
    return module.emitError("no function of one block @") << name;
  if (inputs.size() != function.getNumArguments())
    return function.emitError("takes ") << function.getNumArguments() << " inputs, found " << inputs.size();
  Values values;
  for (auto [argument, input] : llvm::zip_equal(function.getArguments(), inputs)) {
    if (shapeOf(argument) != input.shape)
      return function.emitError("input ") << argument.getArgNumber() << " is not " << argument.getType();
    values[argument] = std::move(input);
  }
  written.clear();
  for (Operation &op : function.front().without_terminator())
    if (failed(execute(op, values)))
      return failure();
  for (auto &[param, value] : written)
    params[param] = std::move(value);
  Results results;
  for (Value value : function.front().getTerminator()->getOperands())
    results.push_back(values.at(value));
  return results;
}

/// Returns a function that gives the fields of `%hyper` by name.
static auto fieldsOf(Value hyper, const Tensor &values) {
  return [fields = HyperAttr::of(hyper.getType()), &values](HyperField field) {
    return values.values[fields.indexOf(field)];
  };
}

/// Scales the gradient of a loss by what `hyper`, whose values come behind it, says; by nothing if it is
/// null.
static Tensor scaled(Tensor gradient, Value hyper, const Tensor &values) {
  double scale = hyper ? fieldsOf(hyper, values)(HyperField::LossScale) : 1;
  for (double &x : gradient.values)
    x *= scale;
  return gradient;
}

static Arrangement arrangementOf(ArrangementAttr how) {
  Arrangement result;
  result.sizes = Shape(how.getSizes());
  for (unsigned axis = 0; axis < 5; ++axis) {
    result.source.push_back(Shape(how.sourceFactors(axis)));
    result.target.push_back(Shape(how.targetFactors(axis)));
  }
  return result;
}

/// Computes an operation that is a function of its operands. `execute` handles those of parameters and
/// attributes alone.
static FailureOr<Results> evaluate(Operation &op, const Operands &in) {
  auto result = [&] { return shapeOf(op.getResult(0)); };
  if (auto pointwise = dyn_cast<PointwiseOp>(op); pointwise && pointwise.isPointwise())
    return Results{numerics::pointwise(
        in, result(), [&](const std::vector<double> &elements) { return pointwise.number(elements); })};
  return TypeSwitch<Operation *, FailureOr<Results>>(&op)
      .Case([&](ConvOp op) {
        return Results{conv(*in[0], *in[1], op.getBias() ? in[2] : nullptr, op.getWindow().getWindow(),
                            op.getGroups(), result())};
      })
      .Case([&](LinearOp op) { return Results{linear(*in[0], *in[1], op.getBias() ? in[2] : nullptr)}; })
      .Case([&](ConvDataGradOp op) {
        return Results{convDataGrad(*in[0], *in[1], op.getWindow().getWindow(), op.getGroups(), result())};
      })
      .Case([&](ConvWeightGradOp op) {
        return Results{convWeightGrad(*in[0], *in[1], op.getWindow().getWindow(), op.getGroups(), result())};
      })
      .Case([&](MaxPoolOp op) { return Results{maxPool(*in[0], op.getWindow().getWindow(), result())}; })
      .Case(
          [&](MaxPoolGradOp op) { return Results{maxPoolGrad(*in[0], *in[1], op.getWindow().getWindow())}; })
      .Case([&](AvgPoolOp op) { return Results{avgPool(*in[0], op.getWindow().getWindow(), result())}; })
      .Case([&](AvgPoolGradOp op) {
        return Results{avgPoolGrad(*in[0], op.getWindow().getWindow(), result())};
      })
      .Case([&](SoftmaxOp) { return Results{softmax(*in[0])}; })
      .Case([&](SoftmaxGradOp) { return Results{softmaxGrad(*in[0], *in[1])}; })
      .Case([&](MatmulOp op) {
        return Results{matmul(*in[0], *in[1], op.getTransposeLhs(), op.getTransposeRhs(), result())};
      })
      .Case([&](ShiftOp op) { return Results{shift(*in[0], op.getChannels(), op.getFrames())}; })
      .Case([&](DropoutOp op) {
        if (!op.getHyper())
          return Results{*in[0]};
        auto field = fieldsOf(op.getHyper(), *in[1]);
        return Results{dropout(*in[0], op.getRate().convertToDouble(), op.getStream(),
                               uint32_t(field(HyperField::Seed)), uint32_t(field(HyperField::Step)))};
      })
      .Case([&](ConcatOp) { return Results{concat(in)}; })
      .Case([&](SliceOp op) { return Results{slice(*in[0], op.getBegin(), op.getCount())}; })
      .Case([&](PadChannelsOp op) { return Results{padChannels(*in[0], op.getBegin(), op.getChannels())}; })
      .Case([&](ArrangeOp op) { return Results{arrange(*in[0], arrangementOf(op.getHow()))}; })
      .Case([&](StandardiseOp op) {
        return Results{standardise(*in[0], op.getOver(), op.getGroups(), op.getEps().convertToDouble())};
      })
      .Case([&](StandardiseGradOp op) {
        return Results{
            standardiseGrad(*in[0], *in[1], op.getOver(), op.getGroups(), op.getEps().convertToDouble())};
      })
      .Case([&](ChannelSumOp) { return Results{channelSum(*in[0])}; })
      .Case([&](SpreadSumOp) { return Results{spreadSum(*in[0], result())}; })
      .Case([&](BatchNormGradOp) {
        GradSums sums = bnGradSums(*in[0], *in[1], *in[2], *in[3]);
        return Results{batchNormGrad(*in[0], *in[1], *in[2], *in[3], *in[4]), sums.sumXhat, sums.sum};
      })
      .Case([&](MomentsOp) {
        Moments found = moments(*in[0]);
        return Results{found.mean, found.var};
      })
      .Case([&](BatchNormCoeffsOp op) {
        Coefficients found = bnCoeffs({*in[0], *in[1]}, *in[2], *in[3], op.getEps().convertToDouble());
        return Results{found.scale, found.offset, found.rstd};
      })
      .Case([&](BatchNormRunningOp op) {
        double ranks = op.getRanks() ? in[4]->values[0] : 1;
        Moments moved = bnRunning({*in[0], *in[1]}, {*in[2], *in[3]}, op.getMomentum().convertToDouble(),
                                  ranks * double(op.getCount()), op.getUnbiased());
        return Results{moved.mean, moved.var};
      })
      .Case([&](RankSumOp) { // of a single rank
        Results sums;
        for (const Tensor *value : in)
          sums.push_back(*value);
        return sums;
      })
      .Case([&](BatchNormShareOp) {
        SharedMoments found = bnShare({*in[0], *in[1]}, *in[2]);
        return Results{found.distance, found.spread, found.one};
      })
      .Case([&](BatchNormJointOp) {
        Moments found = bnJoint(*in[0], *in[1], *in[2]);
        return Results{found.mean, found.var};
      })
      .Case([&](BatchNormGradMeansOp op) {
        double share = 1.0 / double(op.getCount());
        return Results{scale(*in[0], share), scale(*in[1], share)};
      })
      .Case([&](BatchNormGradSumsOp) {
        GradSums sums = bnGradSums(*in[0], *in[1], *in[2], *in[3]);
        return Results{sums.sum, sums.sumXhat};
      })
      .Case([&](BatchNormGradCoeffsOp op) {
        GradCoefficients found = bnGradCoeffs({*in[0], *in[1]}, *in[2], *in[3], *in[4], op.getCount());
        return Results{found.p, found.q, found.r, found.dgamma, found.dbeta};
      })
      .Case([&](FoldWeightOp) { return Results{foldWeight(*in[0], *in[1])}; })
      .Case([&](FoldBiasOp) { return Results{add(foldWeight(*in[0], *in[1]), *in[2])}; })
      .Case([&](SoftmaxCrossEntropyOp op) {
        Loss found = softmaxCrossEntropy(*in[0], *in[1], op.getSmoothing().convertToDouble());
        return Results{found.loss, scaled(found.dlogits, op.getHyper(), *in.back())};
      })
      .Case([&](TargetCrossEntropyOp op) {
        Loss found = targetCrossEntropy(*in[0], *in[1], *in[2], op.getSigmoid());
        return Results{found.loss, scaled(found.dlogits, op.getHyper(), *in.back())};
      })
      .Case([&](NormOp) { return Results{norm(in)}; })
      .Case([&](GradientSumOp) {
        Tensor sum = *in[0];
        for (const Tensor *gradient : ArrayRef(in).drop_front())
          sum = add(sum, *gradient);
        return Results{sum};
      })
      .Case([&](UpdateOp op) {
        Operands tensors(in.begin(), in.end() - 1);
        return Results{
            update(tensors, {.form = op.form(),
                             .field = fieldsOf(op.getHyper(), *in.back()),
                             .rateFactor = op.getRateFactor().convertToDouble(),
                             .decayFactor = op.getDecayFactor().convertToDouble(),
                             .maxNorm = op.getMaxNorm() ? op.getMaxNorm()->convertToDouble() : 0})};
      })
      .Default([](Operation *op) -> FailureOr<Results> {
        return op->emitError("the interpreter knows no operation ") << op->getName();
      });
}

/// Computes a whole batch norm, which touches parameters: it reads the running statistics, and in training
/// writes them.
FailureOr<Results> Interpreter::batchNorm(Operation &op, const Operands &in) {
  auto norm = cast<BatchNormOp>(op);
  const Tensor *mean = getParam(norm.getRunningMean()), *var = getParam(norm.getRunningVar());
  if (!mean || !var)
    return norm.emitError("the running statistics @") << norm.getRunningMean() << " are not set";
  Moments used{*mean, *var};
  if (norm.getTraining()) {
    used = moments(*in[0]);
    int64_t count = int64_t(in[0]->values.size()) / in[0]->shape[1];
    Moments moved =
        bnRunning({*mean, *var}, used, norm.getMomentum().convertToDouble(), count, norm.getUnbiased());
    written[norm.getRunningMean().str()] = rounded(moved.mean, storage);
    written[norm.getRunningVar().str()] = rounded(moved.var, storage);
  }
  Coefficients found = bnCoeffs(used, *in[1], *in[2], norm.getEps().convertToDouble());
  return Results{affine(*in[0], found.scale, found.offset), used.mean, found.rstd};
}

LogicalResult Interpreter::execute(Operation &op, Values &values) {
  Operands operands;
  for (Value operand : op.getOperands())
    operands.push_back(&values.at(operand));
  if (auto write = dyn_cast<WriteOp>(op)) {
    written[write.getParam().str()] = *operands[0];
    return success();
  }
  FailureOr<Results> results;
  if (auto read = dyn_cast<ReadOp>(op)) {
    const Tensor *value = getParam(read.getParam());
    if (!value || value->shape != shapeOf(read.getValue()))
      return read.emitError("the parameter is ") << (value ? "of another shape" : "not set");
    results = Results{*value};
  } else if (isa<PreparedOp>(op)) {
    results = Results{*operands[0]};
  } else {
    results = isa<BatchNormOp>(op) ? batchNorm(op, operands) : evaluate(op, operands);
  }
  if (failed(results))
    return failure();
  for (auto [value, result] : llvm::zip_equal(op.getResults(), *results))
    values[value] = rounded(std::move(result), storage);
  return success();
}
