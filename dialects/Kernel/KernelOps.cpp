// Parses, prints and verifies the kernel operations.
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/WidenedWeights.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::kernel;

//===-- Assembly ----------------------------------------------------------===//

/// Parses `(` pixel %a, channel %b `)` `:` `(` types `)` region.
static ParseResult parseAccessRegion(OpAsmParser &parser,
                                     SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
                                     SmallVectorImpl<Type> &types, DenseI32ArrayAttr &access,
                                     Region &region) {
  SmallVector<Access> kinds;
  auto parseOperand = [&]() -> ParseResult {
    StringRef word;
    SMLoc where = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return failure();
    auto kind = symbolizeAccess(word);
    if (!kind)
      return parser.emitError(where, "expected pixel, channel, batch_channel, lattice or spread, found ")
             << word;
    kinds.push_back(*kind);
    return parser.parseOperand(operands.emplace_back());
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseOperand) || parser.parseColon() ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren,
                                     [&]() { return parser.parseType(types.emplace_back()); }) ||
      parser.parseRegion(region))
    return failure();
  access = kindsAttr<Access>(parser.getBuilder(), kinds);
  return success();
}

static void printAccessRegion(OpAsmPrinter &printer, Operation *, OperandRange operands, TypeRange types,
                              DenseI32ArrayAttr access, Region &region) {
  printer << "(";
  llvm::interleaveComma(llvm::zip(kindsOf<Access>(access), operands), printer, [&](auto pair) {
    printer << stringifyAccess(std::get<0>(pair)) << " " << std::get<1>(pair);
  });
  printer << ") : (";
  llvm::interleaveComma(types, printer);
  printer << ") ";
  printer.printRegion(region);
}

static ParseResult parseYields(OpAsmParser &parser, SmallVectorImpl<OpAsmParser::UnresolvedOperand> &values,
                               DenseI32ArrayAttr &attribute) {
  SmallVector<Yield> kinds;
  auto parseOne = [&]() -> ParseResult {
    StringRef word;
    SMLoc where = parser.getCurrentLocation();
    if (parser.parseKeyword(&word))
      return failure();
    auto kind = symbolizeYield(word);
    if (!kind)
      return parser.emitError(where, "expected value, store, moments or sum, found ") << word;
    kinds.push_back(*kind);
    return parser.parseOperand(values.emplace_back());
  };
  if (parser.parseCommaSeparatedList(parseOne))
    return failure();
  attribute = kernel::kindsAttr<Yield>(parser.getBuilder(), kinds);
  return success();
}

static void printYields(OpAsmPrinter &printer, Operation *, OperandRange values, DenseI32ArrayAttr kinds) {
  llvm::interleaveComma(llvm::zip(kindsOf<Yield>(kinds), values), printer, [&](auto pair) {
    printer << stringifyYield(std::get<0>(pair)) << " " << std::get<1>(pair);
  });
}

int64_t YieldOp::countOf(Yield kind) { return llvm::count(getKinds(), kind); }

//===-- Verifiers ---------------------------------------------------------===//

/// Returns the yield that ends a region; null where a region that is not yet verified ends otherwise.
static YieldOp yieldOf(Region &region) {
  return region.front().empty() ? YieldOp() : dyn_cast<YieldOp>(region.front().back());
}

int64_t kinema::kernel::latticeStride(int64_t size, int64_t coarse) { return shape::ceilDiv(size, coarse); }

/// Returns whether a lattice operand of these sizes has one element for each stride along every axis.
static bool isLattice(ArrayRef<int64_t> coarse, ArrayRef<int64_t> sizes) {
  return llvm::all_of(llvm::zip(coarse, sizes), [](auto pair) {
    auto [points, size] = pair;
    return points > 0 && shape::ceilDiv(size, latticeStride(size, points)) == points;
  });
}

/// Returns whether an operand fits the domain [N, C, T, H, W] in the way that it is read.
static bool fits(Operation *op, RankedTensorType type, Access access, RankedTensorType domain) {
  ArrayRef<int64_t> shape = type.getShape(), wanted = domain.getShape();
  bool isOfChannels = shape.size() == 5 && shape.take_front(2) == wanted.take_front(2);
  switch (access) {
  case Access::Pixel:
    return shape == wanted;
  case Access::Channel:
    return shape.size() == 1 && shape[0] == wanted[1];
  case Access::BatchChannel:
    return isOfChannels && shape[2] * shape[3] * shape[4] == 1;
  case Access::Lattice:
    return isOfChannels && isLattice(shape.drop_front(2), wanted.drop_front(2));
  case Access::Spread:
    return isa<MapOp>(op) && shape.size() == 5 && clip::spreadsOver(type, domain);
  }
  llvm_unreachable("verified: one of these");
}

/// Succeeds if each operand has one way of reading. This is checked before anything else about the region.
static LogicalResult verifyComplete(Operation *op, const AccessRegion &region) {
  if (region.isComplete())
    return success();
  return op->emitOpError("has ") << region.getBase().operands << " operands and " << region.getAccess().size()
                                 << " ways to read them";
}

static LogicalResult verifyAccess(Operation *op, const AccessRegion &region, RankedTensorType domain) {
  if (failed(verifyComplete(op, region)))
    return failure();
  if (domain.getRank() != 5)
    return op->emitOpError("runs over ") << domain << ", expected [N, C, T, H, W]";
  for (AccessOperand operand : region)
    if (!fits(op, operand.getType(), operand.access, domain))
      return op->emitOpError("reads ") << operand.getType() << " as " << stringifyAccess(operand.access)
                                       << " over the domain " << domain;
  return success();
}

/// Succeeds if the region takes this many f32 arguments and ends with a yield.
static LogicalResult verifyRegion(Operation *op, Region &region, size_t arguments) {
  if (region.getNumArguments() != arguments ||
      llvm::any_of(region.getArgumentTypes(), [](Type type) { return !type.isF32(); }))
    return op->emitOpError("wants a region of ")
           << arguments << " f32 arguments, found " << region.getNumArguments();
  if (!yieldOf(region))
    return op->emitOpError("wants a region that ends with kernel.yield");
  return success();
}

static LogicalResult verifyPrologue(Operation *op, const AccessRegion &prologue) {
  if (failed(verifyComplete(op, prologue)))
    return failure();
  auto domain = prologue.getPixelType();
  if (!domain)
    return op->emitOpError("reads no pixel operand");
  Region &region = prologue.getRegion();
  if (failed(verifyRegion(op, region, prologue.size())) || failed(verifyAccess(op, prologue, domain)))
    return failure();
  if (yieldOf(region).getValues().size() != 1 || yieldOf(region).countOf(Yield::Value) != 1)
    return op->emitOpError("has a prologue that does not yield one value");
  return success();
}

/// Succeeds if the pixel operands of a contraction's prologue have one layout, since near memory holds their
/// elements in one order.
static LogicalResult verifySameLayout(Operation *op, const AccessRegion &prologue) {
  RankedTensorType first = prologue.getPixelType();
  for (AccessOperand operand : prologue)
    if (operand.access == Access::Pixel && layoutOf(first) != layoutOf(operand.getType()))
      return op->emitOpError("has a prologue that reads two layouts: ")
             << first << " and " << operand.getType();
  return success();
}

/// Succeeds if the results are those that the yield makes: a tensor of the domain for each store, then
/// moments [?, 3, C], then sums [?, K, C].
static LogicalResult verifyYields(Operation *op, YieldOp yield, RankedTensorType domain) {
  int64_t stores = yield.countOf(Yield::Store), moments = yield.countOf(Yield::Moments),
          sums = yield.countOf(Yield::Sum);
  if (!llvm::is_sorted(yield.getKinds()) || yield.countOf(Yield::Value) || moments > 1)
    return op->emitOpError("yields stores, then at most one moments, then sums");
  if (int64_t(op->getNumResults()) != stores + moments + (sums > 0))
    return op->emitOpError("yields ")
           << stores + moments + (sums > 0) << " results, has " << op->getNumResults();
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    auto shape = tensorOf(result).getShape();
    bool fits = int64_t(i) < stores ? shape == domain.getShape()
                                    : shape.size() == 3 && shape[2] == domain.getShape()[1] &&
                                          shape[1] == (int64_t(i) < stores + moments ? 3 : sums);
    if (!fits)
      return op->emitOpError("has the result ") << result.getType() << " over the domain " << domain;
  }
  return success();
}

RankedTensorType kinema::kernel::ConvOp::getSourceType() { return prologue().getPixelType(); }

RankedTensorType kinema::kernel::ConvOp::getResultType() {
  YieldOp yield = yieldOf(getEpilogue());
  if (yield.countOf(Yield::Store))
    return tensorOf(getResult(0));
  llvm_unreachable("verified: an epilogue stores");
}

shape::Gather kinema::kernel::ConvOp::getGather() {
  auto source = clip::spatialSize(getSourceType()), result = clip::spatialSize(getResultType());
  bool forward = getDirection() == Direction::Forward;
  return shape::gather(getWindow().getWindow(), forward ? source : result, forward ? result : source,
                       forward ? shape::Direction::Forward : shape::Direction::Transposed);
}

/// Succeeds if the window, slid over `input`, gives `output`, and if the weight is [O, I / groups, T, H, W]
/// with the window's taps or, along the axes of Winograd's tiles, with their points. Of `together` groups,
/// which share their inputs, it is widened.
static LogicalResult verifyContraction(Operation *op, RankedTensorType input, RankedTensorType output,
                                       RankedTensorType weightType, clip::WindowAttr attr, int64_t groups,
                                       shape::Size3 tile = {1, 1, 1}, int64_t together = 1) {
  auto weight = weightType.getShape();
  shape::Window window = attr.getWindow();
  shape::Size3 taps = window.kernel;
  for (int axis = 0; axis < 3; ++axis)
    taps[axis] += tile[axis] - 1;
  weight = weight.take_back(5);
  if (groups < 1 || weight[0] % groups)
    return op->emitOpError("has ") << groups << " groups, which do not divide " << weight[0]
                                   << " output channels";
  auto size = shape::windowOutput(clip::spatialSize(input), window);
  if (!size || *size != clip::spatialSize(output) || input.getDimSize(0) != output.getDimSize(0) ||
      weight[0] != output.getDimSize(1) || weight[1] * groups != together * input.getDimSize(1) ||
      weight.drop_front(2) != ArrayRef(taps))
    return op->emitOpError("does not lead from ")
           << input << " to " << output << " by the weight " << weightType;
  return success();
}

bool kinema::kernel::winogradFits(const shape::Window &window, const shape::Size3 &tile) {
  for (int axis = 0; axis < 3; ++axis) {
    bool isThree = window.kernel[axis] == 3 && window.stride[axis] == 1 && window.dilation[axis] == 1;
    if (tile[axis] != 1 && !(isThree && (tile[axis] == 2 || tile[axis] == 4)))
      return false;
  }
  return tile[1] == tile[2];
}

/// Returns the results of a tile whose points stand in `points` for the taps in `taps`, both T, H, W.
static shape::Size3 tileOf(ArrayRef<int64_t> taps, ArrayRef<int64_t> points) {
  shape::Size3 tile;
  for (int axis = 0; axis < 3; ++axis)
    tile[axis] = points[axis] - taps[axis] + 1;
  return tile;
}

shape::Size3 kinema::kernel::ConvOp::getWinogradTile() {
  auto weight = tensorOf(getWeight());
  shape::Size3 taps = {1, 1, 1};
  if (getGroups() != 1 || weight.getRank() != 5)
    return taps;
  shape::Window window = getWindow().getWindow();
  shape::Size3 tile = tileOf(window.kernel, weight.getShape().take_back(3));
  return winogradFits(window, tile) ? tile : taps;
}

bool kinema::kernel::ConvOp::readsPoints() { return shape::product(getWinogradTile()) > 1; }

/// Succeeds if moments are taken of a value that is stored, so that normalisation is exact for what memory
/// holds.
static LogicalResult verifyMomentsOfStored(Operation *op, YieldOp yield) {
  size_t stores = yield.countOf(Yield::Store);
  if (yield.countOf(Yield::Moments) &&
      !llvm::is_contained(yield.getValues().take_front(stores), yield.getValues()[stores]))
    return op->emitOpError("takes moments of a value that it does not store");
  return success();
}

LogicalResult kinema::kernel::ConvOp::verify() {
  if (failed(verifyPrologue(*this, prologue())) || failed(verifySameLayout(*this, prologue())) ||
      failed(verifyRegion(*this, getEpilogue(), getEpilogueOperands().size() + 1)))
    return failure();
  YieldOp yield = yieldOf(getEpilogue());
  if (!yield.countOf(Yield::Store) || getNumResults() == 0)
    return emitOpError("stores nothing");
  auto source = getSourceType(), result = getResultType();
  if (failed(verifyAccess(*this, epilogue(), result)) || failed(verifyYields(*this, yield, result)) ||
      failed(verifyMomentsOfStored(*this, yield)))
    return failure();
  auto weight = tensorOf(getWeight());
  bool hasTerms = weight.getRank() == 6 && weight.getDimSize(0) == terms && weight.getElementType().isBF16();
  if (getBf16x3() ? !hasTerms : weight.getRank() != 5)
    return emitOpError("has the weight ")
           << weight << ", expected "
           << (getBf16x3() ? "[2, O, I, T, H, W] in bfloat16: terms" : "[O, I, T, H, W]");
  bool forward = getDirection() == Direction::Forward;
  return verifyContraction(*this, forward ? source : result, forward ? result : source, tensorOf(getWeight()),
                           getWindow(), getGroups(), getWinogradTile(),
                           std::max<int64_t>(1, groupsTogether(*this)));
}

RankedTensorType PairOp::getSourceType() { return prologue().getPixelType(); }
RankedTensorType PairOp::getResultType() { return tensorOf(getResult()); }

RankedTensorType PairOp::getMiddleType() {
  auto source = getSourceType();
  auto size = shape::windowOutput(clip::spatialSize(source), getFirstWindow().getWindow());
  if (!size)
    return {};
  int64_t channels = tensorOf(getFirstWeight()).getDimSize(0);
  return RankedTensorType::get({source.getDimSize(0), channels, (*size)[0], (*size)[1], (*size)[2]},
                               Float32Type::get(getContext()));
}

LogicalResult PairOp::verify() {
  if (failed(verifyPrologue(*this, prologue())) || failed(verifySameLayout(*this, prologue())) ||
      failed(verifyRegion(*this, getMiddle(), getMiddleOperands().size() + 1)) ||
      failed(verifyRegion(*this, getEpilogue(), getEpilogueOperands().size() + 1)))
    return failure();
  for (Value weight : {getFirstWeight(), getSecondWeight()})
    if (tensorOf(weight).getRank() != 5)
      return emitOpError("has the weight ") << weight.getType() << ", expected [O, I, T, H, W]";
  auto middle = getMiddleType();
  if (!middle)
    return emitOpError("has a first window that does not fit into ") << getSourceType();
  for (AccessOperand operand : this->middle())
    if (!operand.isByChannel())
      return emitOpError("reads a middle operand as ")
             << stringifyAccess(operand.access) << ", expected channel or batch_channel";
  if (failed(verifyAccess(*this, this->middle(), middle)) ||
      failed(verifyAccess(*this, epilogue(), getResultType())))
    return failure();
  if (yieldOf(getMiddle()).getValues().size() != 1 || yieldOf(getMiddle()).countOf(Yield::Value) != 1)
    return emitOpError("has a middle that does not yield one value");
  if (yieldOf(getEpilogue()).getValues().size() != 1 || yieldOf(getEpilogue()).countOf(Yield::Store) != 1)
    return emitOpError("has an epilogue that does not store one value");
  if (failed(
          verifyContraction(*this, getSourceType(), middle, tensorOf(getFirstWeight()), getFirstWindow(), 1)))
    return failure();
  return verifyContraction(*this, middle, getResultType(), tensorOf(getSecondWeight()), getSecondWindow(), 1);
}

RankedTensorType WeightGradOp::getGradientType() { return gradient().getPixelType(); }
RankedTensorType WeightGradOp::getActivationType() { return activation().getPixelType(); }

LogicalResult WeightGradOp::verify() {
  if (failed(verifyPrologue(*this, gradient())) || failed(verifySameLayout(*this, gradient())) ||
      failed(verifyPrologue(*this, activation())) || failed(verifySameLayout(*this, activation())))
    return failure();
  auto partials = tensorOf(getResult());
  if (partials.getRank() != 6)
    return emitOpError("has the result ") << partials << ", expected partials [blocks, O, I, T, H, W]";
  return verifyContraction(*this, getActivationType(), getGradientType(), partials, getWindow(), getGroups());
}

RankedTensorType MapOp::getDomainType() {
  if (auto type = body().getPixelType())
    return type;
  return tensorOf(getResult(0));
}

LogicalResult MapOp::verify() {
  if (getNumResults() == 0)
    return emitOpError("has no result");
  if (failed(verifyRegion(*this, getBody(), getInputs().size())))
    return failure();
  auto domain = getDomainType();
  if (failed(verifyAccess(*this, body(), domain)))
    return failure();
  return verifyYields(*this, yieldOf(getBody()), domain);
}

//===-- Pools -------------------------------------------------------------===//

/// Succeeds if a pool of `input` gives `output`. Its last windows may reach beyond the input (`ceil`).
static LogicalResult verifyPool(Operation *op, RankedTensorType input, RankedTensorType output,
                                clip::WindowAttr window) {
  if (output.getRank() == 5 && input.getShape().take_front(2) == output.getShape().take_front(2)) {
    auto from = clip::spatialSize(input), to = clip::spatialSize(output);
    if (to == shape::windowOutput(from, window.getWindow()) ||
        to == shape::windowOutputCeil(from, window.getWindow()))
      return success();
  }
  return op->emitOpError("does not lead from ") << input << " to " << output << " by its window";
}

RankedTensorType PoolOp::getSourceType() { return prologue().getPixelType(); }

LogicalResult PoolOp::verify() {
  if (failed(verifyPrologue(*this, prologue())))
    return failure();
  return verifyPool(*this, getSourceType(), tensorOf(getResult()), getWindow());
}

LogicalResult PoolGradOp::verify() {
  auto result = tensorOf(getResult());
  if (getKind() == PoolKind::Average) {
    if (!getInputs().empty())
      return emitOpError("of an average reads nothing but the gradient");
    if (result.getRank() != 5)
      return emitOpError("runs over ") << result << ", expected [N, C, T, H, W]";
  } else {
    if (failed(verifyPrologue(*this, prologue())))
      return failure();
    auto source = prologue().getPixelType();
    if (source.getShape() != result.getShape())
      return emitOpError("has the result ") << result << " for the input " << source;
  }
  return verifyPool(*this, result, tensorOf(getG()), getWindow());
}

//===-- Channels ----------------------------------------------------------===//

/// Returns whether a weight is that of a conv of so many groups with the inputs of several of them.
static bool isWidened(RankedTensorType from, ArrayRef<int64_t> to, int64_t groups) {
  if (groups < 1 || from.getRank() != 5 || to.size() != 5 || to[1] % from.getDimSize(1) ||
      from.getDimSize(0) % groups || groups % (to[1] / from.getDimSize(1)))
    return false;
  SmallVector<int64_t> wide(from.getShape());
  wide[1] = to[1];
  return to == ArrayRef(wide);
}

LogicalResult ConvertOp::verify() {
  if (getNumOperands() == 0 || getNumOperands() != getNumResults())
    return emitOpError("has ") << getNumOperands() << " operands and " << getNumResults()
                               << " results; it makes one of each, and has at least one";
  auto groups = widenedGroups(*this);
  if (groups.size() != getNumOperands())
    return emitOpError("widens ") << groups.size() << " weights, expected as many numbers as "
                                  << getNumOperands() << " operands";
  for (auto [of, operand, result] : llvm::zip_equal(groups, getInputs(), getResults())) {
    auto from = tensorOf(operand), to = tensorOf(result);
    auto shape = to.getShape().drop_front(makesTerms(from, to) ? 1 : 0);
    if (of == 1 && makesTerms(from, to) && shape != from.getShape())
      return emitOpError("makes terms of ") << from << " in " << to << ", expected its axes behind the first";
    if (of != 1 && !isWidened(from, shape, of))
      return emitOpError("widens ") << from << " to " << to << ", expected the inputs of some of " << of
                                    << " groups side by side";
  }
  return success();
}

shape::Size3 WinogradOp::getTile() {
  return tileOf(tensorOf(getWeight()).getShape().take_back(3), tensorOf(getResult()).getShape().take_back(3));
}

LogicalResult WinogradOp::verify() {
  auto weight = tensorOf(getWeight()), result = tensorOf(getResult());
  if (weight.getRank() != 5 || result.getRank() != 5)
    return emitOpError("leads from ") << weight << " to " << result << ", expected [O, I, T, H, W]";
  shape::Window window;
  llvm::copy(weight.getShape().take_back(3), window.kernel.begin());
  shape::Size3 tile = getTile();
  if (weight.getShape().take_front(2) != result.getShape().take_front(2) ||
      !kernel::winogradFits(window, tile) || shape::product(tile) == 1)
    return emitOpError("leads from ")
           << weight << " to " << result
           << ", expected 4 or 6 points in place of 3 taps along T, or along H and W";
  return success();
}

LogicalResult NormsOp::verify() {
  size_t results = getTogether() ? 1 : getInputs().size();
  if (getInputs().empty() || getNumResults() != results)
    return emitOpError("has ") << getInputs().size() << " operands and " << getNumResults()
                               << " results; it makes one of each, or one of all together";
  for (Type type : getResultTypes())
    if (auto norms = cast<RankedTensorType>(type);
        norms.getRank() != 1 || norms.getDimSize(0) < 1 || (getTogether() && norms.getDimSize(0) != 1))
      return emitOpError("has the result ") << norms << ", expected norms of pieces, and one of all together";
  return success();
}

/// Returns whether a tensor, or each of its partials, has the elements of another one in their order.
static bool addsUpTo(RankedTensorType partials, RankedTensorType sum) {
  auto shape = partials.getShape();
  bool isOne = shape == sum.getShape();
  bool arePartials = !shape.empty() && shape.drop_front() == sum.getShape();
  return (isOne || arePartials) && layoutOf(partials).withRank(sum.getRank()) == layoutOf(sum);
}

LogicalResult RankSumOp::verify() {
  if (getValues().getTypes() != getSums().getTypes())
    return emitOpError("has results that are not of the types of what it adds up");
  for (Type type : getValues().getTypes())
    if (!cast<RankedTensorType>(type).getElementType().isF32())
      return emitOpError("adds up ") << type << ", expected f32";
  return success();
}

LogicalResult ReduceOp::verify() {
  if (getInputs().empty())
    return emitOpError("has no operand");
  for (Type input : getInputs().getTypes())
    if (!addsUpTo(cast<RankedTensorType>(input), tensorOf(getResult())))
      return emitOpError("adds up ") << input << " to " << getResult().getType();
  return success();
}

static LogicalResult verifyGradient(kernel::UpdateOp op, int64_t parameter) {
  auto weight = tensorOf(op.getWeights()[parameter]), gradient = tensorOf(op.getGradients()[parameter]);
  if (!addsUpTo(gradient, weight))
    return op.emitOpError("parameter ") << parameter << " is " << weight << ", but its gradient " << gradient;
  return success();
}

LogicalResult kinema::kernel::UpdateOp::verify() {
  clip::UpdateForm rule = form();
  int64_t states = rule.states().size(), parameters = getParameters();
  if (!rule.isComplete())
    return emitOpError("is checked, which needs max_norm and held");
  int64_t tensors = parameters * getTensorsEach() + (rule.clipped ? 1 : 0);
  if (parameters == 0 || int64_t(getNumResults()) != parameters * (1 + states) ||
      int64_t(getTensors().size()) != tensors)
    return emitOpError("has ") << getNumOperands() << " operands and " << getNumResults()
                               << " results; of each parameter it takes weight, " << states
                               << " states, gradient and " << rule.norms()
                               << " norms, then what all share, and gives the new weight and states";
  for (auto [i, types] : llvm::enumerate(llvm::zip_equal(getOldValues().getTypes(), getResultTypes()))) {
    Type weight = getWeights()[i % parameters].getType();
    for (Type type : {std::get<0>(types), std::get<1>(types)})
      if (type != weight)
        return emitOpError("parameter ")
               << i % parameters << " is " << weight << ", but its state or new value " << type;
  }
  for (int64_t i = 0; i < parameters; ++i)
    if (failed(verifyGradient(*this, i)))
      return failure();
  for (Value norm : getTensors().drop_front(parameters * (2 + states)))
    if (tensorOf(norm).getShape() != ArrayRef<int64_t>{1})
      return emitOpError("reads the norm ") << norm.getType() << ", expected one number";
  for (auto factors : {getRateFactors(), getDecayFactors()})
    if (factors && int64_t(factors->size()) != parameters)
      return emitOpError("has ") << factors->size() << " factors for " << parameters << " parameters";
  return clip::verifyHyper(getLoc(), getHyper().getType(), rule.fields());
}

/// Checks that a loss that is told anything is told its scale.
static LogicalResult verifyLossScale(Operation *op, Value hyper) {
  return hyper ? clip::verifyHyper(op->getLoc(), hyper.getType(), clip::HyperField::LossScale) : success();
}

LogicalResult SoftmaxCrossEntropyOp::verify() { return verifyLossScale(*this, getHyper()); }
LogicalResult TargetCrossEntropyOp::verify() { return verifyLossScale(*this, getHyper()); }

LogicalResult DropoutOp::verify() {
  return clip::verifyHyper(getLoc(), getHyper().getType(), clip::dropoutFields);
}

LogicalResult PlaceOp::verify() {
  auto result = tensorOf(getResult());
  auto isChannels = [](int64_t first, int64_t count, RankedTensorType type) {
    return first >= 0 && count > 0 && first + count <= type.getDimSize(1);
  };
  auto pieces = llvm::to_vector(getPieces().getAsRange<PieceAttr>());
  for (auto [i, piece] : llvm::enumerate(pieces)) {
    if (piece.getInput() < 0 || piece.getInput() >= int64_t(getInputs().size()))
      return emitOpError("has ") << getInputs().size() << " operands, none for " << piece;
    auto x = tensorOf(getInputs()[piece.getInput()]);
    bool alike = x.getRank() == 5 && result.getRank() == 5 && x.getDimSize(0) == result.getDimSize(0) &&
                 clip::spatialSize(x) == clip::spatialSize(result);
    if (!alike || !isChannels(piece.getFrom(), piece.getCount(), x) ||
        !isChannels(piece.getTo(), piece.getCount(), result))
      return emitOpError("cannot take ") << piece << " from " << x << " to " << result;
    for (auto before : ArrayRef(pieces).take_front(i))
      if (piece.getTo() < before.getTo() + before.getCount() &&
          before.getTo() < piece.getTo() + piece.getCount())
        return emitOpError("has two pieces for one channel: ") << before << " and " << piece;
  }
  return success();
}

LogicalResult kinema::kernel::MatmulOp::verify() {
  for (Type type : {getLhs().getType(), getRhs().getType(), getResult().getType()})
    if (cast<RankedTensorType>(type).getRank() != 5)
      return emitOpError("multiplies ") << type << ", expected [N, C, T, H, W]";
  return clip::verifyMatmul(*this, tensorOf(getLhs()), tensorOf(getRhs()), tensorOf(getResult()),
                            getTransposeLhs(), getTransposeRhs());
}

LogicalResult kinema::kernel::ArrangeOp::verify() {
  if (tensorOf(getX()).getShape() != ArrayRef(getHow().sourceShape()) ||
      tensorOf(getResult()).getShape() != ArrayRef(getHow().targetShape()))
    return emitOpError("arranges ") << getX().getType() << " to " << getResult().getType() << " by "
                                    << getHow();
  return success();
}

/// Checks that all tensors of a standardise or its gradient have one shape.
static LogicalResult verifyStandardise(Operation *op, ArrayRef<int64_t> over, int64_t groups) {
  RankedTensorType type = tensorOf(op->getResult(0));
  for (Value operand : op->getOperands())
    if (tensorOf(operand).getShape() != type.getShape() || type.getRank() != 5)
      return op->emitOpError("makes ") << type << " of " << operand.getType();
  return clip::checkStandardise(op->getLoc(), type, over, groups);
}

LogicalResult kinema::kernel::StandardiseOp::verify() {
  return verifyStandardise(*this, getOver(), getGroups());
}
LogicalResult kinema::kernel::StandardiseGradOp::verify() {
  return verifyStandardise(*this, getOver(), getGroups());
}

RankedTensorType kinema::kernel::SpreadSumOp::getSourceType() { return prologue().getPixelType(); }

LogicalResult kinema::kernel::SpreadSumOp::verify() {
  if (failed(verifyPrologue(*this, prologue())))
    return failure();
  auto result = tensorOf(getResult());
  if (result.getRank() != 5 || !clip::spreadsOver(result, getSourceType()))
    return emitOpError("sums ") << getSourceType() << " to " << result
                                << ", whose sizes are neither equal nor 1";
  return success();
}

//===-- Merging -----------------------------------------------------------===//

LogicalResult FinalizeOp::verify() {
  int64_t statistics = 0;
  if (getPartials()) {
    auto partials = tensorOf(getPartials());
    if (partials.getRank() != 3 || (getMoments() && partials.getDimSize(1) != 3))
      return emitOpError("merges ") << partials << ", expected partials [blocks, "
                                    << (getMoments() ? "3" : "sums") << ", C]";
    statistics = getMoments() ? 2 : partials.getDimSize(1);
  }
  if (failed(verifyRegion(*this, getBody(), statistics + getInputs().size())))
    return failure();
  YieldOp yield = yieldOf(getBody());
  int64_t values = yield.countOf(Yield::Value);
  if (values != int64_t(yield.getValues().size()) || values != int64_t(getNumResults()) || values == 0)
    return emitOpError("yields ") << values << " values for " << getNumResults() << " results";
  int64_t channels =
      getPartials() ? tensorOf(getPartials()).getDimSize(2) : tensorOf(getResult(0)).getNumElements();
  for (Type type : llvm::concat<const Type>(getInputs().getTypes(), getResultTypes())) {
    auto vector = cast<RankedTensorType>(type);
    if (vector.getRank() != 1 || vector.getDimSize(0) != channels)
      return emitOpError("has ") << vector << " among vectors of " << channels << " channels";
  }
  return success();
}

SmallVector<SmallVector<Value>> ReduceOp::getCopies() {
  SmallVector<Value> copies(getInputs());
  copies.push_back(getResult());
  return {copies};
}

SmallVector<SmallVector<Value>> kinema::kernel::UpdateOp::getCopies() {
  int64_t parameters = getParameters();
  SmallVector<SmallVector<Value>> copies;
  for (int64_t i = 0; i < parameters; ++i) {
    SmallVector<Value> &ofOne = copies.emplace_back();
    ofOne.push_back(getWeights()[i]);
    ofOne.push_back(getGradients()[i]);
    for (int64_t at = parameters + i; at < int64_t(getNumResults()); at += parameters)
      ofOne.push_back(getOldValues()[at]);
    for (int64_t at = i; at < int64_t(getNumResults()); at += parameters)
      ofOne.push_back(getNewTensors()[at]);
  }
  return copies;
}

FinalizeOp DefOp::getAttached() { return dyn_cast<FinalizeOp>(getKernel()->getNextNode()); }

#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.cpp.inc"
