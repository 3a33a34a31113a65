#include "compiler/Transforms/UpdatePlan.h"

#include "compiler/Transforms/ModuleRecipe.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Params.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

UpdatePlan::UpdatePlan(ModuleOp module)
    : UpdatePlan(recipeOf(module).train, module->hasAttr(distributedAttribute),
                 module->hasAttr(scaledLossAttribute)) {}

UpdatePlan::UpdatePlan(const TrainRecipe &recipe, bool distributed, bool scalesLoss)
    : maxNorm(recipe.maxNorm > 0 ? recipe.maxNorm : std::numeric_limits<double>::infinity()),
      distributed(distributed), accumulates(recipe.accumulate > 1 || distributed || scalesLoss),
      syncs(recipe.batchNorm == "sync"), sparesNorms(llvm::is_contained(recipe.spare, "norms")),
      sparesBiases(llvm::is_contained(recipe.spare, "biases")) {
  for (auto [part, factor] : llvm::zip(recipe.parts, recipe.rates))
    rates.push_back({part, factor});
  form = {.rule = symbolizeUpdateRule(recipe.optimiser).value_or(UpdateRule::Sgd),
          .clipped = recipe.maxNorm > 0 || scalesLoss,
          .averaged = recipe.average > 0,
          .held = accumulates,
          .checked = scalesLoss};
}

SmallVector<HyperField> UpdatePlan::fields() const {
  SmallVector<HyperField> fields = form.fields();
  if (accumulates)
    llvm::append_range(fields, UpdateForm{UpdateRule::Sum}.fields());
  if (scalesLoss())
    fields.push_back(HyperField::LossScale);
  return fields;
}

SmallVector<StringRef> UpdatePlan::statesOf(ParamOp param) const {
  if (!changes(param))
    return {};
  SmallVector<StringRef> states = form.states();
  if (accumulates)
    states.push_back("gradient");
  return states;
}

bool kinema::matchesName(StringRef pattern, StringRef name) {
  SmallVector<StringRef> pieces;
  pattern.split(pieces, '*');
  if (pieces.size() == 1)
    return name == pattern;
  StringRef last = pieces.pop_back_val();
  if (!name.consume_front(pieces.front()) || !name.consume_back(last))
    return false;
  for (StringRef piece : ArrayRef(pieces).drop_front()) {
    size_t at = name.find(piece);
    if (at == StringRef::npos)
      return false;
    name = name.drop_front(at + piece.size());
  }
  return true;
}

double UpdatePlan::rateFactorOf(ParamOp param) const {
  double factor = 1;
  for (const auto &[pattern, rate] : rates)
    if (matchesName(pattern, param.getSymName()))
      factor = rate;
  return factor;
}

bool UpdatePlan::changes(ParamOp param) const {
  return param.isTrained() && !param.getFrozen() && rateFactorOf(param) != 0;
}

bool UpdatePlan::freezes(BatchNormOp norm) const {
  return llvm::none_of(ValueRange{norm.getGamma(), norm.getBeta()}, [&](Value factors) {
    auto read = factors.getDefiningOp<ReadOp>();
    return !read || changes(paramOf(read));
  });
}

double UpdatePlan::decayFactorOf(ParamOp param) const {
  bool isOfNorm = param.getRole() == "gamma" || param.getRole() == "beta";
  return (isOfNorm && sparesNorms) || (param.getRole() == "bias" && sparesBiases) ? 0.0 : 1.0;
}

/// Writes updates, and at the end what they make.
struct UpdatePlan::Writer {
  OpBuilder &b;
  Value hyper;
  SmallVector<std::pair<std::string, Value>> writes;

  /// Reads a state of the parameter that `read` reads, before that.
  Value readState(ReadOp read, StringRef role) {
    ParamOp state = declareState(paramOf(read), role);
    OpBuilder top(read);
    return ReadOp::create(top, read.getLoc(), state.getTensorType(), state.getSymName());
  }
  std::string nameOf(ReadOp read, StringRef role) { return (read.getParam() + "." + role).str(); }

  /// Adds the gradient to the sum of those before it, and returns the sum.
  Value accumulated(ReadOp read, Value gradient) {
    Value sum = readState(read, "gradient");
    auto update = UpdateOp::create(b, read.getLoc(), UpdateRule::Sum, ValueRange{sum, gradient}, hyper,
                                   APFloat(1.0), APFloat(1.0), FloatAttr(),
                                   /*averaged=*/false, /*held=*/false, /*checked=*/false);
    writes.push_back({nameOf(read, "gradient"), update.getNewWeight()});
    return update.getNewWeight();
  }

  void finish() {
    for (auto &[name, value] : writes)
      WriteOp::create(b, value.getLoc(), name, value);
  }
};

/// Makes the norms that updates read: of each parameter's weight and gradient where the rule asks for these,
/// and of all gradients together where they are clipped.
static SmallVector<SmallVector<Value, 3>> normsOf(OpBuilder &b, const UpdateForm &form,
                                                  ArrayRef<ReadOp> reads, ArrayRef<Value> gradients) {
  SmallVector<SmallVector<Value, 3>> norms(reads.size());
  for (size_t i = 0; i < reads.size() && form.norms() > 0; ++i) {
    ReadOp read = reads[i];
    for (Value tensor : {Value(read.getValue()), gradients[i]})
      norms[i].push_back(NormOp::create(b, read.getLoc(), tensor));
  }
  if (form.clipped && !reads.empty()) {
    Value ofAll = NormOp::create(b, NameLoc::get(b.getStringAttr("norms")), gradients);
    for (SmallVector<Value, 3> &ofOne : norms)
      ofOne.push_back(ofAll);
  }
  return norms;
}

Value UpdatePlan::addUpdates(OpBuilder &b, ArrayRef<ReadOp> reads, ArrayRef<Value> gradientsOfBatch,
                             Value hyper) const {
  Writer writer{b, hyper, {}};
  SmallVector<Value> gradients(gradientsOfBatch);
  if (accumulates)
    for (auto [read, gradient] : llvm::zip_equal(reads, gradients))
      gradient = writer.accumulated(read, gradient);
  Value norm;
  if (!distributed)
    norm = addRule(writer, reads, gradients);
  writer.finish();
  return norm;
}

Value UpdatePlan::addLateUpdates(OpBuilder &b, ArrayRef<ReadOp> reads, Value hyper) const {
  Writer writer{b, hyper, {}};
  auto gradients =
      llvm::map_to_vector(reads, [&](ReadOp read) { return writer.readState(read, "gradient"); });
  Value norm = addRule(writer, reads, gradients);
  writer.finish();
  return norm;
}

/// Adds the updates by the rule, and returns the norm of all gradients where they read one.
Value UpdatePlan::addRule(Writer &writer, ArrayRef<ReadOp> reads, ArrayRef<Value> gradients) const {
  OpBuilder &b = writer.b;
  auto norms = normsOf(b, form, reads, gradients);
  for (size_t i = 0; i < reads.size(); ++i) {
    ReadOp read = reads[i];
    SmallVector<Value> tensors = {read.getValue()};
    for (StringRef role : form.states())
      tensors.push_back(writer.readState(read, role));
    tensors.push_back(gradients[i]);
    llvm::append_range(tensors, norms[i]);
    auto update = UpdateOp::create(
        b, read.getLoc(), form.rule, tensors, writer.hyper, APFloat(rateFactorOf(paramOf(read))),
        APFloat(decayFactorOf(paramOf(read))), form.clipped ? b.getF64FloatAttr(maxNorm) : FloatAttr(),
        form.averaged, form.held, form.checked);
    writer.writes.push_back({read.getParam().str(), update.getNewWeight()});
    for (auto [role, value] : llvm::zip_equal(form.states(), update.getNewStates()))
      writer.writes.push_back({writer.nameOf(read, role), value});
  }
  return form.clipped && !reads.empty() ? norms.front().back() : Value();
}
