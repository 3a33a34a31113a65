// Infers result types of the clip operations and verifies them. Every rule of shape comes from ShapeRules.
#include "dialects/Clip/ClipLog.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

shape::Size3 kinema::clip::spatialSize(RankedTensorType type) {
  return {type.getDimSize(2), type.getDimSize(3), type.getDimSize(4)};
}

bool kinema::clip::isGlobalPool(WindowAttr attr, RankedTensorType input) {
  shape::Window window = attr.getWindow();
  constexpr shape::Size3 none = {0, 0, 0};
  return window.kernel == spatialSize(input) && window.padLow == none && window.padHigh == none;
}

static RankedTensorType f32Tensor(MLIRContext *context, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, Float32Type::get(context));
}

static RankedTensorType activation(MLIRContext *context, int64_t n, int64_t c, const shape::Size3 &s) {
  return f32Tensor(context, {n, c, s[0], s[1], s[2]});
}

/// Reports an operation whose result type does not follow, in one line.
static LogicalResult fail(std::optional<Location> location, const Twine &message) {
  return emitOptionalError(location, message);
}

static std::string text(const shape::Size3 &s) {
  return (Twine(s[0]) + "x" + Twine(s[1]) + "x" + Twine(s[2])).str();
}

/// Checks that channel vectors have as many elements as `x` has channels.
static LogicalResult checkChannels(std::optional<Location> location, Value x, ValueRange vectors) {
  int64_t channels = tensorOf(x).getDimSize(1);
  for (Value vector : vectors)
    if (tensorOf(vector).getDimSize(0) != channels)
      return fail(location, "a channel vector of " + Twine(tensorOf(vector).getDimSize(0)) + " for " +
                                Twine(channels) + " channels");
  return success();
}

static LogicalResult checkSameType(std::optional<Location> location, Value a, Value b) {
  if (a.getType() != b.getType()) {
    std::string message;
    llvm::raw_string_ostream(message) << "operands differ: " << a.getType() << " and " << b.getType();
    return fail(location, message);
  }
  return success();
}

//===-- Contractions ------------------------------------------------------===//

int64_t ConvOp::getMacs() {
  auto weight = getWeight().getType();
  return getType().getNumElements() * (weight.getNumElements() / weight.getDimSize(0));
}

int64_t LinearOp::getMacs() {
  return getType().getNumElements() * cast<RankedTensorType>(getWeight().getType()).getDimSize(1);
}

int64_t MatmulOp::getMacs() {
  return getType().getNumElements() * matmulDepth(getLhs().getType(), getTransposeLhs());
}

//===-- Parameters --------------------------------------------------------===//

bool ParamOp::isTrained() { return llvm::is_contained({"weight", "bias", "gamma", "beta"}, getRole()); }

bool ParamOp::isState() {
  return llvm::is_contained({"momentum", "mean", "square", "gradient", "average"}, getRole());
}

LogicalResult ParamOp::verify() {
  if (!isTrained() && !isState() &&
      !llvm::is_contained({"running_mean", "running_var", "prepared"}, getRole()))
    return emitOpError("has the unknown role '") << getRole() << "'";
  if (DictionaryAttr init = getInitAttr()) {
    auto kind = init.getAs<StringAttr>("kind");
    if (!kind || !llvm::is_contained({"he_normal", "normal", "constant", "identity", "later", "earlier"},
                                     kind.getValue()))
      return emitOpError("begins as ")
             << init << ", expected a kind: he_normal, normal, constant, identity, later or earlier";
    for (NamedAttribute entry : init)
      if (!isa<StringAttr, FloatAttr>(entry.getValue()))
        return emitOpError("begins as ")
               << init << ", in which " << entry.getName().getValue() << " is neither a string nor a number";
  }
  if (auto shape = getFileShape()) {
    int64_t elements = 1;
    for (int64_t size : *shape)
      elements *= size;
    if (elements != getTensorType().getNumElements())
      return emitOpError("has a file_shape of ") << elements << " elements for " << getTensorType();
  }
  return success();
}

static LogicalResult verifySymbol(Operation *op, FlatSymbolRefAttr name, Type type,
                                  SymbolTableCollection &symbols) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(op, name);
  if (!param)
    return op->emitOpError("names no parameter: ") << name;
  auto wanted = param.getTensorType(), found = cast<RankedTensorType>(type);
  if (wanted.getShape() != found.getShape())
    return op->emitOpError("has type ") << type << ", the parameter " << name << " is " << wanted;
  return success();
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifySymbol(*this, getParamAttr(), getValue().getType(), symbols);
}

LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (failed(verifySymbol(*this, getParamAttr(), getValue().getType(), symbols)))
    return failure();
  for (auto other = (*this)->getNextNode(); other; other = other->getNextNode()) // writes stand at the end
    if (auto write = dyn_cast<WriteOp>(other); write && write.getParam() == getParam())
      return write.emitOpError("writes @") << getParam() << ", which is written before";
  return success();
}

LogicalResult BatchNormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Type vector = getGamma().getType();
  return success(succeeded(verifySymbol(*this, getRunningMeanAttr(), vector, symbols)) &&
                 succeeded(verifySymbol(*this, getRunningVarAttr(), vector, symbols)));
}

//===-- Forward -----------------------------------------------------------===//

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto x = tensorOf(adaptor.getX()), weight = tensorOf(adaptor.getWeight());
  shape::Window window = adaptor.getWindow().getWindow();
  int64_t groups = adaptor.getGroups();
  if (spatialSize(weight) != window.kernel)
    return fail(location, "the weight's kernel is " + text(spatialSize(weight)) + ", the window's " +
                              text(window.kernel));
  if (groups < 1 || x.getDimSize(1) % groups || weight.getDimSize(0) % groups)
    return fail(location, Twine(groups) + " groups do not divide " + Twine(x.getDimSize(1)) + " and " +
                              Twine(weight.getDimSize(0)) + " channels");
  if (x.getDimSize(1) / groups != weight.getDimSize(1))
    return fail(location, "the input has " + Twine(x.getDimSize(1)) + " channels, the weight wants " +
                              Twine(weight.getDimSize(1) * groups));
  auto size = shape::windowOutput(spatialSize(x), window);
  if (!size)
    return fail(location, "the window " + text(window.kernel) + " does not fit into " + text(spatialSize(x)));
  if (adaptor.getBias() && tensorOf(adaptor.getBias()).getDimSize(0) != weight.getDimSize(0))
    return fail(location, "the bias has " + Twine(tensorOf(adaptor.getBias()).getDimSize(0)) +
                              " elements for " + Twine(weight.getDimSize(0)) + " channels");
  types.push_back(activation(context, x.getDimSize(0), weight.getDimSize(0), *size));
  return success();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto x = tensorOf(adaptor.getX()), weight = tensorOf(adaptor.getWeight());
  int64_t features = x.getNumElements() / x.getDimSize(0);
  if (features != weight.getDimSize(1))
    return fail(location, "the input has " + Twine(features) + " features, the weight wants " +
                              Twine(weight.getDimSize(1)));
  if (adaptor.getBias() && tensorOf(adaptor.getBias()).getDimSize(0) != weight.getDimSize(0))
    return fail(location, "the bias has " + Twine(tensorOf(adaptor.getBias()).getDimSize(0)) +
                              " elements for " + Twine(weight.getDimSize(0)) + " features");
  types.push_back(activation(context, x.getDimSize(0), weight.getDimSize(0), {1, 1, 1}));
  return success();
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.assign({adaptor.getX().getType(), adaptor.getGamma().getType(), adaptor.getGamma().getType()});
  return checkChannels(location, adaptor.getX(), {adaptor.getGamma(), adaptor.getBeta()});
}

static LogicalResult inferSame(Value x, SmallVectorImpl<Type> &types) {
  types.push_back(x.getType());
  return success();
}

#define KINEMA_SAME_TYPE(OP)                                                                                 \
  LogicalResult OP::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,                \
                                     SmallVectorImpl<Type> &types) {                                         \
    return inferSame(adaptor.getX(), types);                                                                 \
  }
KINEMA_SAME_TYPE(ReluOp)
KINEMA_SAME_TYPE(SigmoidOp)
KINEMA_SAME_TYPE(ScaleOp)
KINEMA_SAME_TYPE(SoftmaxOp)
KINEMA_SAME_TYPE(LogOp)
#undef KINEMA_SAME_TYPE

LogicalResult AddOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getLhs().getType());
  return checkSameType(location, adaptor.getLhs(), adaptor.getRhs());
}

bool kinema::clip::worksClipByClip(Operation *op) {
  auto pointwise = dyn_cast<PointwiseOp>(op);
  return op->hasTrait<ClipByClip>() || (pointwise && pointwise.isPointwise());
}

bool kinema::clip::spreadsOver(RankedTensorType small, RankedTensorType large) {
  return llvm::all_of(llvm::zip(small.getShape(), large.getShape()), [](auto sizes) {
    auto [part, whole] = sizes;
    return part == whole || part == 1;
  });
}

LogicalResult MulOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getLhs().getType());
  if (!spreadsOver(tensorOf(adaptor.getRhs()), tensorOf(adaptor.getLhs())))
    return checkSameType(location, adaptor.getLhs(), adaptor.getRhs());
  return success();
}

static LogicalResult inferPool(MLIRContext *context, std::optional<Location> location, Value x,
                               WindowAttr attr, bool ceil, SmallVectorImpl<Type> &types) {
  auto type = tensorOf(x);
  shape::Window window = attr.getWindow();
  auto size = ceil ? shape::windowOutputCeil(spatialSize(type), window)
                   : shape::windowOutput(spatialSize(type), window);
  if (!size)
    return fail(location,
                "the window " + text(window.kernel) + " does not fit into " + text(spatialSize(type)));
  types.push_back(activation(context, type.getDimSize(0), type.getDimSize(1), *size));
  return success();
}

LogicalResult MaxPoolOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferPool(context, location, adaptor.getX(), adaptor.getWindow(), adaptor.getCeil(), types);
}

LogicalResult AvgPoolOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferPool(context, location, adaptor.getX(), adaptor.getWindow(), adaptor.getCeil(), types);
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  if (adaptor.getInputs().empty())
    return fail(location, "a concat needs an input");
  auto first = tensorOf(adaptor.getInputs().front());
  int64_t channels = 0;
  for (Value input : adaptor.getInputs()) {
    auto type = tensorOf(input);
    if (type.getDimSize(0) != first.getDimSize(0) || spatialSize(type) != spatialSize(first))
      return checkSameType(location, adaptor.getInputs().front(), input);
    channels += type.getDimSize(1);
  }
  types.push_back(activation(context, first.getDimSize(0), channels, spatialSize(first)));
  return success();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto type = tensorOf(adaptor.getX());
  int64_t begin = adaptor.getBegin(), count = adaptor.getCount();
  if (begin < 0 || count < 1 || begin + count > type.getDimSize(1))
    return fail(location, "channels [" + Twine(begin) + ", " + Twine(begin + count) + ") of " +
                              Twine(type.getDimSize(1)));
  types.push_back(activation(context, type.getDimSize(0), count, spatialSize(type)));
  return success();
}

LogicalResult PadChannelsOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                              Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto type = tensorOf(adaptor.getX());
  int64_t begin = adaptor.getBegin(), channels = adaptor.getChannels();
  if (begin < 0 || begin + type.getDimSize(1) > channels)
    return fail(location,
                Twine(type.getDimSize(1)) + " channels at " + Twine(begin) + " of " + Twine(channels));
  types.push_back(activation(context, type.getDimSize(0), channels, spatialSize(type)));
  return success();
}

LogicalResult ShiftOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  int64_t channels = adaptor.getChannels(), all = tensorOf(adaptor.getX()).getDimSize(1);
  if (channels < 0 || channels > all / 2)
    return fail(location,
                "cannot shift " + Twine(channels) + " channels either way: there are " + Twine(all));
  return success();
}

LogicalResult ArrangeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  ArrangementAttr how = adaptor.getHow();
  if (how.sourceShape() != tensorOf(adaptor.getX()).getShape()) {
    std::string message;
    llvm::raw_string_ostream(message) << "arranges " << adaptor.getX().getType() << " by " << how;
    return fail(location, message);
  }
  types.push_back(f32Tensor(context, how.targetShape()));
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : OpFoldResult();
}

/// A slice of all channels is what it is taken of.
OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? OpFoldResult(getX()) : OpFoldResult();
}

OpFoldResult ArrangeOp::fold(FoldAdaptor) {
  return getHow().isIdentity() ? OpFoldResult(getX()) : OpFoldResult();
}

LogicalResult clip::checkStandardise(std::optional<Location> location, RankedTensorType type,
                                     ArrayRef<int64_t> over, int64_t groups) {
  bool inOrder =
      !over.empty() && over.front() >= 1 && over.back() <= 4 && llvm::is_sorted(over, std::less_equal<>());
  if (!inOrder)
    return fail(location, "wants axes from 1 (C) to 4 (W) in ascending order to take statistics over");
  bool isGrouped = groups >= 1 && type.getDimSize(1) % groups == 0 && (groups == 1 || over.front() == 1);
  if (!isGrouped)
    return fail(location,
                "cuts " + Twine(type.getDimSize(1)) + " channels into " + Twine(groups) + " groups");
  return success();
}

LogicalResult StandardiseOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                              Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return checkStandardise(location, tensorOf(adaptor.getX()), adaptor.getOver(), adaptor.getGroups());
}

LogicalResult DropoutOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  double rate = adaptor.getRate().convertToDouble();
  if (!(rate >= 0 && rate < 1))
    return fail(location, "a dropout's rate is at least 0 and below 1, found " + Twine(std::to_string(rate)));
  return adaptor.getHyper() ? verifyHyper(location, adaptor.getHyper().getType(), dropoutFields) : success();
}

LogicalResult kinema::clip::verifyHyper(std::optional<Location> location, Type hyper,
                                        ArrayRef<HyperField> fields) {
  auto has = HyperAttr::of(hyper);
  for (HyperField field : fields)
    if (!has || has.indexOf(field) < 0)
      return fail(location, "%hyper has no field " + stringifyHyperField(field));
  return success();
}

/// Returns the rows and columns of an operand of a matmul.
static std::pair<int64_t, int64_t> matrixOf(RankedTensorType type, bool transposed) {
  int64_t rows = type.getDimSize(1), columns = shape::product(spatialSize(type));
  return transposed ? std::pair(columns, rows) : std::pair(rows, columns);
}

int64_t kinema::clip::matmulDepth(RankedTensorType lhs, bool transposeLhs) {
  return matrixOf(lhs, transposeLhs).second;
}

LogicalResult kinema::clip::verifyMatmul(Operation *op, RankedTensorType lhs, RankedTensorType rhs,
                                         RankedTensorType result, bool transposeLhs, bool transposeRhs) {
  auto [rows, depth] = matrixOf(lhs, transposeLhs);
  auto [depthRight, columns] = matrixOf(rhs, transposeRhs);
  if (lhs.getDimSize(0) != rhs.getDimSize(0) || lhs.getDimSize(0) != result.getDimSize(0) ||
      depth != depthRight || matrixOf(result, false) != std::pair(rows, columns))
    return op->emitOpError("multiplies matrices of ") << rows << "x" << depth << " and " << depthRight << "x"
                                                      << columns << ", which does not give " << result;
  return success();
}

LogicalResult MatmulOp::verify() {
  return verifyMatmul(*this, getLhs().getType(), getRhs().getType(), getResult().getType(), getTransposeLhs(),
                      getTransposeRhs());
}

//===-- Loss and update ---------------------------------------------------===//

/// Infers the types of a loss, a number, and of its gradient.
/// A loss that is told anything is told its scale.
static LogicalResult inferLoss(MLIRContext *context, std::optional<Location> location,
                               RankedTensorType logits, Value hyper, SmallVectorImpl<Type> &types) {
  if (spatialSize(logits) != shape::Size3{1, 1, 1})
    return fail(location, "scores have the size 1x1x1, found " + text(spatialSize(logits)));
  types.assign({f32Tensor(context, {}), logits});
  return hyper ? verifyHyper(location, hyper.getType(), HyperField::LossScale) : success();
}

LogicalResult SoftmaxCrossEntropyOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                                      Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto logits = tensorOf(adaptor.getLogits());
  if (tensorOf(adaptor.getLabels()).getDimSize(0) != logits.getDimSize(0))
    return fail(location, Twine(tensorOf(adaptor.getLabels()).getDimSize(0)) + " labels for a batch of " +
                              Twine(logits.getDimSize(0)));
  return inferLoss(context, location, logits, adaptor.getHyper(), types);
}

LogicalResult TargetCrossEntropyOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                                     Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto logits = tensorOf(adaptor.getLogits()), targets = tensorOf(adaptor.getTargets());
  if (targets.getShape() != logits.getShape().take_front(2))
    return fail(location, "targets of " + Twine(targets.getDimSize(0)) + " clips and " +
                              Twine(targets.getDimSize(1)) + " classes for scores of " +
                              Twine(logits.getDimSize(0)) + " and " + Twine(logits.getDimSize(1)));
  if (tensorOf(adaptor.getShares()).getDimSize(0) != logits.getDimSize(0))
    return fail(location, Twine(tensorOf(adaptor.getShares()).getDimSize(0)) + " shares for a batch of " +
                              Twine(logits.getDimSize(0)));
  return inferLoss(context, location, logits, adaptor.getHyper(), types);
}

LogicalResult NormOp::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(f32Tensor(context, {1}));
  return success();
}

LogicalResult GradientSumOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                              Adaptor adaptor, SmallVectorImpl<Type> &types) {
  ValueRange gradients = adaptor.getGradients();
  if (gradients.empty())
    return fail(location, "a sum of gradients has at least one");
  for (Value gradient : gradients)
    if (failed(checkSameType(location, gradients.front(), gradient)))
      return failure();
  types.push_back(gradients.front().getType());
  return success();
}

LogicalResult UpdateOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  UpdateForm form{adaptor.getRule(), adaptor.getMaxNorm().has_value(), adaptor.getAveraged(),
                  adaptor.getHeld(), adaptor.getChecked()};
  if (!form.isComplete())
    return fail(location, "a checked update needs max_norm and held");
  ValueRange tensors = adaptor.getTensors();
  size_t states = form.states().size(), norms = form.norms() + (form.clipped ? 1 : 0);
  if (tensors.size() != 2 + states + norms)
    return fail(location, "an update by " + stringifyUpdateRule(form.rule) + " takes a weight, " +
                              Twine(states) + " states, a gradient and " + Twine(norms) + " norms, found " +
                              Twine(tensors.size()) + " tensors");
  types.assign(1 + states, tensors.front().getType());
  for (Value tensor : tensors.slice(1, 1 + states))
    if (failed(checkSameType(location, tensors.front(), tensor)))
      return failure();
  for (Value norm : tensors.drop_front(2 + states))
    if (norm.getType() != f32Tensor(context, {1}))
      return fail(location, "a norm is one number, found " + Twine(tensorOf(norm).getNumElements()));
  return verifyHyper(location, adaptor.getHyper().getType(), form.fields());
}

//===-- Backward ----------------------------------------------------------===//

/// Checks that g has the shape that a window over `x` gives; the caller checks its channels.
static LogicalResult verifyWindowGradient(Operation *op, RankedTensorType g, RankedTensorType x,
                                          WindowAttr attr, bool ceil) {
  shape::Window window = attr.getWindow();
  auto size =
      ceil ? shape::windowOutputCeil(spatialSize(x), window) : shape::windowOutput(spatialSize(x), window);
  if (!size || *size != spatialSize(g) || g.getDimSize(0) != x.getDimSize(0))
    return op->emitOpError("has a gradient ") << g << " that no window over " << x << " gives";
  return success();
}

LogicalResult ConvDataGradOp::verify() {
  auto g = getG().getType(), weight = getWeight().getType(), x = getResult().getType();
  if (g.getDimSize(1) != weight.getDimSize(0) ||
      x.getDimSize(1) != weight.getDimSize(1) * int64_t(getGroups()))
    return emitOpError("has channels that do not match the weight ") << weight;
  return verifyWindowGradient(*this, g, x, getWindow(), false);
}

LogicalResult ConvWeightGradOp::verify() {
  auto g = getG().getType(), weight = getResult().getType(), x = getX().getType();
  if (g.getDimSize(1) != weight.getDimSize(0) ||
      x.getDimSize(1) != weight.getDimSize(1) * int64_t(getGroups()) ||
      spatialSize(weight) != getWindow().getWindow().kernel)
    return emitOpError("has operands that do not match the weight ") << weight;
  return verifyWindowGradient(*this, g, x, getWindow(), false);
}

LogicalResult MaxPoolGradOp::verify() {
  if (getX().getType() != getResult().getType())
    return emitOpError("has the result ") << getResult().getType() << " for the input " << getX().getType();
  if (getG().getType().getDimSize(1) != getX().getType().getDimSize(1))
    return emitOpError("has ") << getG().getType().getDimSize(1) << " channels in and "
                               << getX().getType().getDimSize(1) << " out";
  return verifyWindowGradient(*this, getG().getType(), getX().getType(), getWindow(), getCeil());
}

LogicalResult AvgPoolGradOp::verify() {
  if (getG().getType().getDimSize(1) != getResult().getType().getDimSize(1))
    return emitOpError("has ") << getG().getType().getDimSize(1) << " channels in and "
                               << getResult().getType().getDimSize(1) << " out";
  return verifyWindowGradient(*this, getG().getType(), getResult().getType(), getWindow(), getCeil());
}

LogicalResult ChannelSumOp::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  types.push_back(f32Tensor(context, {tensorOf(adaptor.getX()).getDimSize(1)}));
  return success();
}

/// A gradient has the type of the value that it is of, or of that value's function.
#define KINEMA_GRADIENT_TYPE(OP, VALUE)                                                                      \
  LogicalResult OP::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,       \
                                     SmallVectorImpl<Type> &types) {                                         \
    types.push_back(adaptor.getG().getType());                                                               \
    return checkSameType(location, adaptor.getG(), adaptor.VALUE());                                         \
  }
KINEMA_GRADIENT_TYPE(ReluGradOp, getY)
KINEMA_GRADIENT_TYPE(LogGradOp, getX)
KINEMA_GRADIENT_TYPE(SoftmaxGradOp, getY)
#undef KINEMA_GRADIENT_TYPE

LogicalResult StandardiseGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                  Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  if (failed(checkSameType(location, adaptor.getG(), adaptor.getX())))
    return failure();
  return checkStandardise(location, tensorOf(adaptor.getX()), adaptor.getOver(), adaptor.getGroups());
}

LogicalResult SpreadSumOp::verify() {
  if (!spreadsOver(getResult().getType(), getX().getType()))
    return emitOpError("sums ") << getX().getType() << " to " << getResult().getType()
                                << ", whose sizes are neither equal nor 1";
  return success();
}

LogicalResult BatchNormGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                Adaptor adaptor, SmallVectorImpl<Type> &types) {
  Type vector = adaptor.getGamma().getType();
  types.assign({adaptor.getG().getType(), vector, vector});
  if (failed(checkSameType(location, adaptor.getG(), adaptor.getZ())))
    return failure();
  return checkChannels(location, adaptor.getG(), {adaptor.getMean(), adaptor.getRstd(), adaptor.getGamma()});
}

//===-- Batch norm in pieces ----------------------------------------------===//

LogicalResult MomentsOp::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.assign(2, f32Tensor(context, {tensorOf(adaptor.getX()).getDimSize(1)}));
  return success();
}

static LogicalResult inferVectors(std::optional<Location> location, ValueRange operands, int results,
                                  SmallVectorImpl<Type> &types) {
  types.assign(results, operands.front().getType());
  for (Value operand : operands)
    if (failed(checkSameType(location, operands.front(), operand)))
      return failure();
  return success();
}

LogicalResult BatchNormCoeffsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                  Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 3, types);
}

LogicalResult BatchNormRunningOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                   Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 2, types);
}

LogicalResult RankSumOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  llvm::append_range(types, adaptor.getValues().getTypes());
  return success();
}

LogicalResult BatchNormShareOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                 Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 3, types);
}

LogicalResult BatchNormJointOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                 Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 2, types);
}

LogicalResult BatchNormGradMeansOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                     Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 2, types);
}

LogicalResult BatchNormGradCoeffsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                      Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 5, types);
}

LogicalResult FrozenNormGradOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                 Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getG().getType());
  return checkChannels(location, adaptor.getG(), {adaptor.getRstd(), adaptor.getGamma()});
}

LogicalResult AffineOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getX().getType());
  return checkChannels(location, adaptor.getX(), {adaptor.getScale(), adaptor.getOffset()});
}

LogicalResult BatchNormGradSumsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                    Adaptor adaptor, SmallVectorImpl<Type> &types) {
  types.assign(2, adaptor.getMean().getType());
  if (failed(checkSameType(location, adaptor.getG(), adaptor.getZ())))
    return failure();
  return checkChannels(location, adaptor.getG(), {adaptor.getMean(), adaptor.getRstd()});
}

LogicalResult Affine2Op::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getG().getType());
  if (failed(checkSameType(location, adaptor.getG(), adaptor.getZ())))
    return failure();
  return checkChannels(location, adaptor.getG(), {adaptor.getP(), adaptor.getQ(), adaptor.getR()});
}

LogicalResult FoldBiasOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  return inferVectors(location, adaptor.getOperands(), 1, types);
}

LogicalResult FoldWeightOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  auto weight = tensorOf(adaptor.getWeight());
  types.push_back(weight);
  if (tensorOf(adaptor.getScale()).getDimSize(0) != weight.getDimSize(0))
    return fail(location, "a factor for each of " + Twine(weight.getDimSize(0)) +
                              " channels is wanted, found " +
                              Twine(tensorOf(adaptor.getScale()).getDimSize(0)));
  return success();
}

#define GET_OP_CLASSES
#include "dialects/Clip/ClipOps.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Clip/ClipLogOps.cpp.inc"
