#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/UpdatePlan.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Clip.h"
#include "dialects/Clip/Params.h"
#include "dialects/Recipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPDIFFERENTIATE
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

namespace {

/// Builds the backward half of one straight-line function.
class Backward {
public:
  /// Takes as `builder` the place where backward operations go.
  Backward(func::FuncOp function, OpBuilder builder, const UpdatePlan &plan)
      : function(function), builder(builder), plan(plan) {}

  /// Walks from `from`, whose gradient is `gradient`, up to the reads of trained parameters.
  LogicalResult run(Value from, Value gradient);

  /// Returns the value's gradient; null where the loss does not depend on `value`.
  Value gradientOf(Value value) const { return gradients.lookup(value); }
  int64_t getForks() const { return forks; }

private:
  void markTrained();
  LogicalResult differentiate(Operation *op);
  LogicalResult accumulate(Operation *user, Value value, Value gradient);

  func::FuncOp function;
  OpBuilder builder;
  const UpdatePlan &plan;
  DenseSet<Value> trained; // values that depend on a trained parameter
  DenseMap<Value, Value> gradients;
  int64_t forks = 0;
};

} // namespace

void Backward::markTrained() {
  for (Operation &op : function.getOps()) {
    bool isTrained = llvm::any_of(op.getOperands(), [&](Value operand) { return trained.contains(operand); });
    if (auto read = dyn_cast<ReadOp>(op))
      isTrained = plan.changes(paramOf(read));
    if (isTrained)
      trained.insert(op.result_begin(), op.result_end());
  }
}

LogicalResult Backward::run(Value from, Value gradient) {
  markTrained();
  gradients[from] = gradient;
  SmallVector<Operation *> forward;
  for (Operation &op : function.getOps()) {
    if (&op == gradient.getDefiningOp())
      break;
    forward.push_back(&op);
  }
  for (Operation *op : llvm::reverse(forward))
    if (!isa<ReadOp>(op) && failed(differentiate(op)))
      return failure();
  return success();
}

LogicalResult Backward::differentiate(Operation *op) {
  auto needed = llvm::map_to_vector(op->getOperands(), [&](Value v) { return trained.contains(v); });
  auto results = llvm::map_to_vector(op->getResults(), [&](Value v) { return gradientOf(v); });
  if (!llvm::is_contained(needed, true) || llvm::all_of(results, [](Value g) { return !g; }))
    return success();
  auto differentiable = dyn_cast<DifferentiableOp>(op);
  SmallVector<Value> found(op->getNumOperands());
  if (differentiable)
    found = differentiable.gradients(builder, results, needed);
  for (auto [operand, isNeeded, gradient] : llvm::zip_equal(op->getOperands(), needed, found)) {
    if (!isNeeded)
      continue;
    if (!gradient)
      return op->emitError("no gradient for ") << op->getName() << " at layer " << layerName(op->getLoc());
    if (failed(accumulate(op, operand, gradient)))
      return failure();
  }
  return success();
}

/// Adds a gradient to those of a value's other users, in the order in which the walk meets them: the last
/// user's first.
LogicalResult Backward::accumulate(Operation *user, Value value, Value gradient) {
  Value &sum = gradients[value];
  if (!sum) {
    sum = gradient;
    return success();
  }
  if (cast<RankedTensorType>(value.getType()).getRank() != 5)
    return user->emitError("no gradient for a parameter of several layers, among them ")
           << layerName(user->getLoc());
  sum = AddOp::create(builder, value.getLoc(), sum, gradient);
  ++forks;
  return success();
}

namespace {
struct ClipDifferentiatePass : kinema::impl::ClipDifferentiateBase<ClipDifferentiatePass> {
  using Base::Base;

  void runOnOperation() override {
    auto forward = findForward(getOperation());
    if (failed(forward) || failed(makeTrainStep(*forward)))
      signalPassFailure();
  }

  LogicalResult makeTrainStep(func::FuncOp forward);
  double labelSmoothing();
  FailureOr<SmallVector<Value>> gradientsOf(const Backward &backward, ArrayRef<ReadOp> reads);
  void addResults(func::FuncOp step, ValueRange values, ArrayRef<std::string> names);
};
} // namespace

/// Adds the arguments %labels and %hyper. The fields of %hyper are those that updates read, and dropouts.
static std::pair<Value, Value> addStepArguments(func::FuncOp step, int64_t clips,
                                                SmallVector<HyperField> fields) {
  auto *context = step.getContext();
  if (!step.getOps<DropoutOp>().empty())
    fields.append(std::begin(dropoutFields), std::end(dropoutFields));
  auto add = [&](StringRef name, Type type) -> Value {
    unsigned index = step.getNumArguments();
    (void)step.insertArgument(index, type, {}, NameLoc::get(StringAttr::get(context, name), step.getLoc()));
    step.setArgAttr(index, clip::nameAttribute, StringAttr::get(context, name));
    return step.getArgument(index);
  };
  Value labels = add("labels", RankedTensorType::get({clips}, IntegerType::get(context, 32)));
  Value hyper = add("hyper", HyperAttr::tensorType(context, fields));
  return {labels, hyper};
}

/// Sets batch norms to take the batch's statistics, unless they are frozen, and dropouts to drop.
static void setTraining(func::FuncOp step, Value hyper, const UpdatePlan &plan) {
  step.walk([&](BatchNormOp op) { op.setTraining(!plan.freezes(op)); });
  step.walk([&](DropoutOp op) { op.getHyperMutable().assign(hyper); });
}

double ClipDifferentiatePass::labelSmoothing() {
  auto recipe = dyn_cast_or_null<FloatAttr>(recipeField(getOperation(), "train", "smoothing"));
  return smoothing >= 0 ? double(smoothing) : recipe ? recipe.getValueAsDouble() : 0.0;
}

/// Fails where the network returns probabilities: the loss takes a softmax itself, and a second softmax would
/// train something that nobody means.
static LogicalResult checkScores(func::FuncOp forward) {
  SoftmaxOp softmax = softmaxBehind(forward.front().getTerminator()->getOperand(0));
  if (!softmax)
    return success();
  auto error =
      softmax.emitError("the network gives probabilities, and its loss, the cross-entropy, would take a "
                        "second softmax of them: it cannot be trained");
  error.attachNote(softmax.getLoc())
      << "hint: leave the softmax out to train, or compile it as it is with --mode infer";
  return error;
}

LogicalResult ClipDifferentiatePass::makeTrainStep(func::FuncOp forward) {
  if (failed(checkScores(forward)))
    return failure();
  func::FuncOp step = cloneFunction(forward, "train_step");
  auto reads = hoistReads(step);
  auto oldReturn = cast<func::ReturnOp>(step.front().getTerminator());
  Value logits = oldReturn.getOperand(0);
  UpdatePlan plan(getOperation());
  auto [labels, hyper] =
      addStepArguments(step, cast<RankedTensorType>(logits.getType()).getDimSize(0), plan.fields());
  setTraining(step, hyper, plan);

  OpBuilder builder(oldReturn);
  Location where = NameLoc::get(builder.getStringAttr("loss"));
  auto loss = SoftmaxCrossEntropyOp::create(builder, where, logits, labels,
                                            builder.getF64FloatAttr(labelSmoothing()));
  Backward backward(step, builder, plan);
  if (failed(backward.run(logits, loss.getDlogits())))
    return failure();
  forks += backward.getForks();

  SmallVector<Value> results = {loss.getLoss(), logits};
  SmallVector<std::string> names = {"loss", "logits"};
  auto trained = llvm::filter_to_vector(reads, [&](ReadOp read) { return plan.changes(paramOf(read)); });
  if (trained.empty())
    return forward.emitError("nothing is trained: every parameter has the learning rate 0 by the recipe's parts");
  auto gradients = gradientsOf(backward, trained);
  if (failed(gradients))
    return failure();
  plan.addUpdates(builder, trained, *gradients, hyper);
  parameters += trained.size();
  if (keepGradients)
    for (auto [read, gradient] : llvm::zip_equal(trained, *gradients)) {
      results.push_back(gradient);
      names.push_back(("grad." + read.getParam()).str());
    }
  addResults(step, results, names);
  return success();
}

/// Returns the gradients of the trained parameters that are read.
FailureOr<SmallVector<Value>> ClipDifferentiatePass::gradientsOf(const Backward &backward,
                                                                 ArrayRef<ReadOp> reads) {
  SmallVector<Value> gradients;
  for (ReadOp read : reads) {
    gradients.push_back(backward.gradientOf(read.getValue()));
    if (!gradients.back())
      return read.emitError("the loss does not depend on the parameter ")
             << read.getParam() << ": nothing reads what is made with it";
  }
  return gradients;
}

void ClipDifferentiatePass::addResults(func::FuncOp step, ValueRange values, ArrayRef<std::string> names) {
  setResults(step, values);
  for (auto [i, name] : llvm::enumerate(names))
    step.setResultAttr(i, clip::nameAttribute, StringAttr::get(&getContext(), name));
}
