#include "compiler/Transforms/ClipFunctions.h"

#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Layers.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

FailureOr<func::FuncOp> kinema::findForward(ModuleOp module) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward || !forward.getBody().hasOneBlock())
    return module.emitError("a network in clip form is a function @forward of one block");
  if (forward.getNumResults() < 1)
    return forward.emitError("@forward returns the scores, found no result");
  for (unsigned i = 1; i < forward.getNumResults(); ++i)
    if (forward.getResultTypes()[i] != forward.getResultTypes()[0] ||
        !forward.getResultAttrOfType<StringAttr>(i, clip::nameAttribute))
      return forward.emitError("result ") << i
                                          << " of @forward, which the loss is of, needs the type of the "
                                             "scores and the attribute clip.name";
  return forward;
}

func::FuncOp kinema::cloneFunction(func::FuncOp function, StringRef name) {
  OpBuilder builder(function->getContext());
  builder.setInsertionPointAfter(function);
  auto copy = cast<func::FuncOp>(builder.clone(*function));
  copy.setSymName(name);
  return copy;
}

SmallVector<ReadOp> kinema::hoistReads(func::FuncOp function) {
  llvm::MapVector<StringAttr, ReadOp> first;
  for (ReadOp read : llvm::make_early_inc_range(function.getOps<ReadOp>())) {
    auto [entry, isNew] = first.try_emplace(read.getParamAttr().getAttr(), read);
    if (isNew)
      continue;
    read.replaceAllUsesWith(entry->second.getValue());
    read.erase();
  }
  SmallVector<ReadOp> reads;
  for (auto &[name, read] : first)
    reads.push_back(read);
  for (ReadOp read : llvm::reverse(reads))
    read->moveBefore(&function.front(), function.front().begin());
  return reads;
}

SoftmaxOp kinema::softmaxBehind(Value value) {
  SoftmaxOp found;
  DenseSet<Value> seen;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    Operation *op = next.getDefiningOp();
    if (auto softmax = dyn_cast_or_null<SoftmaxOp>(op))
      found = softmax;
    else if (isa_and_nonnull<AddOp, ScaleOp, AvgPoolOp>(op))
      llvm::append_range(open, op->getOperands());
    else
      return {};
  }
  return found;
}

void kinema::eraseDropouts(func::FuncOp function) {
  for (DropoutOp dropout : llvm::make_early_inc_range(function.getOps<DropoutOp>())) {
    dropout.replaceAllUsesWith(dropout.getX());
    dropout.erase();
  }
}

void kinema::setResults(func::FuncOp function, ValueRange values) {
  auto old = cast<func::ReturnOp>(function.front().getTerminator());
  OpBuilder builder(old);
  func::ReturnOp::create(builder, old.getLoc(), values);
  old.erase();
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), values.getTypes()));
  function.setResAttrsAttr(nullptr);
}

/// Returns the mean of a layer's values over frames, rows and columns: [N, C, 1, 1, 1].
static Value meanOf(Value value) {
  shape::Window whole;
  whole.kernel = whole.stride = spatialSize(cast<RankedTensorType>(value.getType()));
  if (shape::product(whole.kernel) == 1)
    return value;
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  return AvgPoolOp::create(builder, value.getLoc(), value, WindowAttr::get(value.getContext(), whole),
                           UnitAttr());
}

SmallVector<Value> kinema::featuredValues(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>();
  auto facts = module->getAttrOfType<ArrayAttr>(clip::layersAttribute);
  auto wanted = module->getAttrOfType<ArrayAttr>(clip::featuresAttribute);
  if (!wanted)
    return {};
  Layers layers(facts ? facts : ArrayAttr::get(module.getContext(), {}));
  return llvm::map_to_vector(wanted.getAsRange<StringAttr>(), [&](StringAttr layer) {
    return layers.valueIn(function.front(), layer.getValue());
  });
}

FailureOr<func::FuncOp> kinema::addInference(ModuleOp module) {
  auto forward = findForward(module);
  if (failed(forward))
    return failure();
  func::FuncOp infer = cloneFunction(*forward, "infer");
  Builder builder(module.getContext());
  auto wanted = module->getAttrOfType<ArrayAttr>(clip::featuresAttribute);
  Value scores = infer.front().getTerminator()->getOperand(0);
  Attribute name = infer.getResultAttr(0, clip::nameAttribute);
  if (softmaxBehind(scores))
    name = builder.getStringAttr("probabilities");
  SmallVector<Value> results = {scores};
  for (auto [i, value] : llvm::enumerate(featuredValues(infer))) {
    if (!value)
      return infer.emitError("no operation is of layer ")
             << wanted[i] << ", whose features are asked for: a module as text needs its locations";
    results.push_back(meanOf(value));
  }
  setResults(infer, results);
  if (name)
    infer.setResultAttr(0, clip::nameAttribute, name);
  for (size_t i = 1; i < results.size(); ++i) {
    auto layer = cast<StringAttr>(wanted[i - 1]);
    infer.setResultAttr(i, clip::nameAttribute, builder.getStringAttr("features." + layer.getValue()));
    infer.setResultAttr(i, clip::layerAttribute, layer);
  }
  return infer;
}

std::string kinema::layerName(Location location) {
  std::string name = "?";
  location->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (named)
      name = named.getName().str();
    return named ? WalkResult::interrupt() : WalkResult::advance();
  });
  return name;
}

std::string kinema::freeName(llvm::StringSet<> &taken, const std::string &name) {
  std::string free = name;
  for (unsigned number = 2; !taken.insert(free).second; ++number)
    free = name + std::to_string(number);
  return free;
}

/// Succeeds if an argument or result has a name, which is `attribute`, and a fixed size.
static LogicalResult verifyNamed(func::FuncOp function, const Twine &what, Attribute attribute, Type type) {
  if (!isa_and_nonnull<StringAttr>(attribute))
    return function.emitError("@") << function.getSymName() << " has " << what
                                   << " without a name: it needs the attribute clip.name, a string";
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return function.emitError("@") << function.getSymName() << " has " << what << " of type " << type
                                   << ", expected a tensor of fixed size";
  return success();
}

LogicalResult kinema::verifyNames(func::FuncOp function) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("@") << function.getSymName() << " is not one block of operations";
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto name = function.getArgAttr(i, nameAttribute);
    if (failed(verifyNamed(function, "argument " + Twine(i), name, type)))
      return failure();
    if (cast<StringAttr>(name) == "hyper" && !HyperAttr::of(type))
      return function.emitError("@") << function.getSymName() << " has the argument hyper of type " << type
                                     << ", expected one f32 a field of a #clip.hyper";
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (failed(verifyNamed(function, "result " + Twine(i), function.getResultAttr(i, nameAttribute), type)))
      return failure();
  return success();
}

void kinema::reshapeParameter(clip::ParamOp param, clip::ReadOp read, RankedTensorType type) {
  if (!param.getFileShape())
    param.setFileShape(param.getTensorType().getShape());
  param.setType(type);
  read.getValue().setType(type);
}
