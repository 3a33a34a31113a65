#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/ModuleRecipe.h"
#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/UpdatePlan.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/ClipLog.h"
#include "dialects/Clip/Params.h"

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

  /// Walks from values, whose gradients are `given`, up to the reads of trained parameters. All operations
  /// before the one that makes the first gradient are part of the walk.
  LogicalResult run(ValueRange from, ValueRange given);

  /// Returns the value's gradient; null where the loss does not depend on `value`.
  Value gradientOf(Value value) const { return gradients.lookup(value); }
  /// Returns the gradient of a parameter, which is the sum of what the layers that read it have; null where
  /// the loss does not depend on it.
  Value gradientOf(ReadOp read);
  int64_t getForks() const { return forks; }

private:
  SmallVector<bool> trainedOperands(Operation *op) const;
  void markTrained();
  LogicalResult differentiate(Operation *op);
  void accumulate(Value value, Value gradient);

  func::FuncOp function;
  OpBuilder builder;
  const UpdatePlan &plan;
  DenseSet<Value> trained; // values that depend on a trained parameter
  DenseMap<Value, Value> gradients;
  DenseMap<Value, SmallVector<Value>> ofParameters; // by the reads: what each layer has
  int64_t forks = 0;
};

} // namespace

/// Returns which operands depend on a trained parameter, so that the operation's results do.
SmallVector<bool> Backward::trainedOperands(Operation *op) const {
  auto map = dyn_cast<MapOp>(op);
  return llvm::map_to_vector(op->getOpOperands(), [&](OpOperand &operand) {
    return trained.contains(operand.get()) && (!map || map.variesWith(operand.getOperandNumber()));
  });
}

void Backward::markTrained() {
  for (Operation &op : function.getOps()) {
    bool isTrained = llvm::is_contained(trainedOperands(&op), true);
    if (auto read = dyn_cast<ReadOp>(op))
      isTrained = plan.changes(paramOf(read));
    if (isTrained)
      trained.insert(op.result_begin(), op.result_end());
  }
}

LogicalResult Backward::run(ValueRange from, ValueRange given) {
  markTrained();
  for (auto [value, gradient] : llvm::zip_equal(from, given))
    gradients[value] = gradient;
  SmallVector<Operation *> forward;
  for (Operation &op : function.getOps()) {
    if (&op == given.front().getDefiningOp())
      break;
    forward.push_back(&op);
  }
  for (Operation *op : llvm::reverse(forward))
    if (!isa<ReadOp>(op) && failed(differentiate(op)))
      return failure();
  return success();
}

LogicalResult Backward::differentiate(Operation *op) {
  auto needed = trainedOperands(op);
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
    accumulate(operand, gradient);
  }
  return success();
}

/// Adds a gradient to those of a value's other users, in the order in which the walk meets them: the last
/// user's first.
void Backward::accumulate(Value value, Value gradient) {
  if (value.getDefiningOp<ReadOp>()) {
    ofParameters[value].push_back(gradient);
    return;
  }
  Value &sum = gradients[value];
  if (sum)
    ++forks;
  sum = sum ? Value(AddOp::create(builder, value.getLoc(), sum, gradient)) : gradient;
}

Value Backward::gradientOf(ReadOp read) {
  const SmallVector<Value> &found = ofParameters[read];
  if (found.size() < 2)
    return found.empty() ? Value() : found.front();
  return GradientSumOp::create(builder, read.getLoc(), found);
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
  void makeStatistics(func::FuncOp forward, const UpdatePlan &plan);
  void makeUpdate(func::FuncOp step, ArrayRef<ReadOp> reads, Value hyper, const UpdatePlan &plan);
  FailureOr<SmallVector<Value>> gradientsOf(Backward &backward, ArrayRef<ReadOp> reads);
  void addResults(func::FuncOp step, ValueRange values, ArrayRef<std::string> names);
};
} // namespace

namespace {
/// What a step is told besides the clips: labels, or targets and shares; and numbers.
struct StepArguments {
  Value labels, targets, shares, hyper;
};
} // namespace

/// Adds the arguments of a step. The fields of %hyper are those that updates read, and dropouts.
static StepArguments addStepArguments(func::FuncOp step, RankedTensorType logits, bool takesTargets,
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
  StepArguments arguments;
  const int64_t clips = logits.getDimSize(0);
  if (takesTargets) {
    Type number = Float32Type::get(context);
    arguments.targets = add("targets", RankedTensorType::get({clips, logits.getDimSize(1)}, number));
    arguments.shares = add("shares", RankedTensorType::get({clips}, number));
  } else {
    arguments.labels = add("labels", RankedTensorType::get({clips}, IntegerType::get(context, 32)));
  }
  arguments.hyper = add("hyper", HyperAttr::tensorType(context, fields));
  return arguments;
}

/// Sets batch norms to take the batch's statistics, unless they are frozen, and dropouts to drop.
static void setTraining(func::FuncOp step, Value hyper, const UpdatePlan &plan) {
  step.walk([&](BatchNormOp op) {
    op.setTraining(!plan.freezes(op));
    op.setSynced(op.getTraining() && plan.syncsBatchNorms());
  });
  step.walk([&](DropoutOp op) { op.getHyperMutable().assign(hyper); });
}

/// Returns what the loss takes a softmax of: the network's scores or, where it gives probabilities, their
/// logarithms, whose softmax they are. So the loss is minus the logarithm of the label's probability.
static Value logitsOf(OpBuilder &builder, Value scores) {
  return softmaxBehind(scores) ? LogOp::create(builder, scores.getLoc(), scores) : scores;
}

/// Fails where the network returns probabilities although each class is by itself true or not: the loss takes
/// sigmoids itself, and what it would train then nobody means.
static LogicalResult checkScores(Value scores, const TrainRecipe &recipe) {
  Operation *last = softmaxBehind(scores);
  if (!last)
    last = scores.getDefiningOp<SigmoidOp>();
  if (!last || !hasSeveralLabels(recipe))
    return success();
  auto error =
      last->emitError("the network gives probabilities, and binary_cross_entropy would take sigmoids "
                      "of them: it cannot be trained");
  error.attachNote(last->getLoc())
      << "hint: leave this out to train, or compile it as it is with --mode infer";
  return error;
}

/// Adds the loss of scores and labels, or targets; returns it and its gradient.
static std::pair<Value, Value> addLoss(OpBuilder &builder, Value logits, const StepArguments &arguments,
                                       const TrainRecipe &recipe, const UpdatePlan &plan) {
  Value scale = plan.scalesLoss() ? arguments.hyper : Value();
  Location where = NameLoc::get(builder.getStringAttr("loss"));
  if (arguments.targets) {
    auto loss = TargetCrossEntropyOp::create(builder, where, logits, arguments.targets, arguments.shares,
                                             scale, hasSeveralLabels(recipe));
    return {loss.getLoss(), loss.getDlogits()};
  }
  auto loss = SoftmaxCrossEntropyOp::create(builder, where, logits, arguments.labels, scale,
                                            builder.getF64FloatAttr(recipe.smoothing));
  return {loss.getLoss(), loss.getDlogits()};
}

/// Makes @statistics, a forward pass that leaves the batch's statistics as the running ones, but for batch
/// norms that are frozen. Batch norms that share their statistics leave the mean of theirs: the n-th one
/// moves them by 1/n. Nothing is dropped in it, since the statistics are for inference.
void ClipDifferentiatePass::makeStatistics(func::FuncOp forward, const UpdatePlan &plan) {
  func::FuncOp statistics = cloneFunction(forward, "statistics");
  if (statistics.getNumResults() > 1) // what the loss is of is not asked for
    setResults(statistics, statistics.front().getTerminator()->getOperand(0));
  llvm::StringMap<int> uses;
  statistics.walk([&](BatchNormOp op) {
    op.setTraining(!plan.freezes(op));
    op.setMomentumAttr(FloatAttr::get(op.getMomentumAttr().getType(), 1.0 / ++uses[op.getRunningMean()]));
  });
  eraseDropouts(statistics);
  hoistReads(statistics);
}

LogicalResult ClipDifferentiatePass::makeTrainStep(func::FuncOp forward) {
  TrainRecipe recipe = recipeOf(getOperation()).train;
  if (smoothing >= 0)
    recipe.smoothing = smoothing;
  const UpdatePlan plan(getOperation());
  for (Value scores : forward.front().getTerminator()->getOperands())
    if (failed(checkScores(scores, recipe)))
      return failure();
  const bool hasStatistics =
      llvm::any_of(forward.getOps<BatchNormOp>(), [&](BatchNormOp norm) { return !plan.freezes(norm); });
  if (recipe.preciseBatchNorm > 0 && hasStatistics)
    makeStatistics(forward, plan);
  func::FuncOp step = cloneFunction(forward, "train_step");
  auto reads = hoistReads(step);
  auto oldReturn = cast<func::ReturnOp>(step.front().getTerminator());
  OpBuilder builder(oldReturn);
  Value logits = logitsOf(builder, oldReturn.getOperand(0));
  // The loss is of the further results of @forward, if there are any, or else of its scores.
  SmallVector<Value> scored = {logits};
  SmallVector<std::string> names = {"loss"};
  for (unsigned i = 1; i < oldReturn.getNumOperands(); ++i) {
    if (i == 1)
      scored.clear(), names.clear();
    scored.push_back(logitsOf(builder, oldReturn.getOperand(i)));
    names.push_back(forward.getResultAttrOfType<StringAttr>(i, clip::nameAttribute).str());
  }
  const StepArguments arguments =
      addStepArguments(step, cast<RankedTensorType>(logits.getType()), takesTargets(recipe), plan.fields());
  setTraining(step, arguments.hyper, plan);

  SmallVector<Value> results, gradientsOfLosses;
  for (Value value : scored) {
    auto [loss, gradient] = addLoss(builder, value, arguments, recipe, plan);
    results.push_back(loss);
    gradientsOfLosses.push_back(gradient);
  }
  Backward backward(step, builder, plan);
  if (failed(backward.run(scored, gradientsOfLosses)))
    return failure();
  forks += backward.getForks();

  results.push_back(logits);
  names.push_back("logits");
  auto trained = llvm::filter_to_vector(reads, [&](ReadOp read) { return plan.changes(paramOf(read)); });
  if (trained.empty())
    return forward.emitError(
        "nothing is trained: every parameter has the learning rate 0 by the recipe's parts");
  auto gradients = gradientsOf(backward, trained);
  if (failed(gradients))
    return failure();
  Value norm = plan.addUpdates(builder, trained, *gradients, arguments.hyper);
  if (norm && plan.scalesLoss()) {
    results.push_back(norm);
    names.push_back(gradientNormResult);
  }
  if (plan.isDistributed())
    makeUpdate(step, trained, arguments.hyper, plan);
  parameters += trained.size();
  if (keepGradients)
    for (auto [read, gradient] : llvm::zip_equal(trained, *gradients)) {
      results.push_back(gradient);
      names.push_back(("grad." + read.getParam()).str());
    }
  addResults(step, results, names);
  return success();
}

/// Makes @update, which updates the parameters that `step` reads by the gradients that it has left.
void ClipDifferentiatePass::makeUpdate(func::FuncOp step, ArrayRef<ReadOp> reads, Value hyper,
                                       const UpdatePlan &plan) {
  OpBuilder behind(&getContext());
  behind.setInsertionPointAfter(step);
  auto update = func::FuncOp::create(behind, step.getLoc(), "update",
                                     behind.getFunctionType(hyper.getType(), TypeRange()));
  Block *body = update.addEntryBlock();
  Value told = body->getArgument(0);
  told.setLoc(hyper.getLoc());
  update.setArgAttr(0, clip::nameAttribute, behind.getStringAttr("hyper"));
  OpBuilder builder = OpBuilder::atBlockEnd(body);
  auto again = llvm::map_to_vector(reads, [&](ReadOp read) {
    return ReadOp::create(builder, read.getLoc(), read.getType(), read.getParam());
  });
  auto end = func::ReturnOp::create(builder, step.getLoc());
  builder.setInsertionPoint(end);
  Value norm = plan.addLateUpdates(builder, again, told);
  if (norm && plan.scalesLoss())
    addResults(update, norm, {gradientNormResult});
}

/// Returns the gradients of the trained parameters that are read.
FailureOr<SmallVector<Value>> ClipDifferentiatePass::gradientsOf(Backward &backward, ArrayRef<ReadOp> reads) {
  SmallVector<Value> gradients;
  for (ReadOp read : reads) {
    gradients.push_back(backward.gradientOf(read));
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
