#include "compiler/Export/OnnxNodes.h"

#include "compiler/Transforms/ClipFunctions.h"
#include "dialects/Clip/Attributes.h"
#include "dialects/Clip/Formula.h"
#include "dialects/Clip/Layers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

using Integers = SmallVector<int64_t>;

static Integers integersOf(const shape::Size3 &sizes) { return Integers(sizes.begin(), sizes.end()); }

/// Returns the shape of an activation for a Reshape, which keeps the number of clips.
static Integers reshapedTo(RankedTensorType type) {
  Integers shape(type.getShape());
  shape[0] = 0;
  return shape;
}

static bool hasOnePosition(Value value) { return shape::product(spatialSize(tensorOf(value))) == 1; }

OnnxNodes::OnnxNodes(OnnxGraph &graph, func::FuncOp function, ArrayAttr layers)
    : graph(graph), function(function) {
  for (auto [layer, value] :
       llvm::zip_equal(layers.getAsRange<DictionaryAttr>(), Layers(layers).valuesIn(function.front())))
    if (value)
      given[value] = layer.getAs<StringAttr>("name").str();
}

LogicalResult OnnxNodes::add() {
  auto nameOf = [](Attribute name) { return cast<StringAttr>(name).getValue(); };
  for (BlockArgument argument : function.getArguments()) {
    StringRef name = nameOf(function.getArgAttr(argument.getArgNumber(), nameAttribute));
    graph.reserve(name);
    graph.addInput(name, tensorOf(argument));
    names[argument].whole = name;
    fixed.insert(name);
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    graph.reserve(nameOf(function.getResultAttr(i, nameAttribute)));
  for (Operation &op : function.front().without_terminator())
    if (failed(add(op)))
      return failure();
  for (auto [i, value] : llvm::enumerate(function.front().getTerminator()->getOperands()))
    addOutput(value, nameOf(function.getResultAttr(i, nameAttribute)));
  return success();
}

LogicalResult OnnxNodes::add(Operation &op) {
  auto refuse = [](Operation *op) -> LogicalResult {
    return op->emitError("ONNX has no counterpart of ") << op->getName();
  };
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<ReadOp, ConvOp, LinearOp, BatchNormOp, MaxPoolOp, AvgPoolOp, ConcatOp, ShiftOp, SliceOp,
            ArrangeOp, StandardiseOp, MatmulOp>([&](auto op) {
        add(op);
        return success();
      })
      .Case([&](ReluOp op) { return addElementwise(*op, "Relu"); })
      .Case([&](SigmoidOp op) { return addElementwise(*op, "Sigmoid"); })
      .Case([&](SoftmaxOp op) { return addElementwise(*op, "Softmax", {}, {{"axis", int64_t(1)}}); })
      .Case([&](MapOp op) { return add(op); })
      .Case([&](PointwiseOp op) { return op.isPointwise() ? addFormula(op) : refuse(op); })
      .Default(refuse);
}

//===-- Names and forms of values -----------------------------------------===//

std::string OnnxNodes::resultName(Operation &op) const {
  if (auto layer = given.find(op.getResult(0)); layer != given.end())
    return layer->second;
  return (Twine(layerName(op.getLoc())) + "/" + op.getName().stripDialect()).str();
}

std::string OnnxNodes::whole(Value value) {
  Names &known = names[value];
  if (known.whole.empty())
    known.whole = graph.add("Reshape", {known.flat, graph.integers(reshapedTo(tensorOf(value)))},
                            known.flat + "/whole");
  return known.whole;
}

std::string OnnxNodes::flat(Value value) {
  Names &known = names[value];
  if (known.flat.empty())
    known.flat = graph.add("Flatten", {known.whole}, known.whole + "/flat", {{"axis", int64_t(1)}});
  return known.flat;
}

std::string OnnxNodes::matrix(Value value, bool transposed, const Twine &name) {
  int64_t count = tensorOf(value).getDimSize(1);
  std::string found = graph.add("Reshape", {whole(value), graph.integers({0, count, -1})}, name);
  return transposed ? graph.add("Transpose", {found}, name + "/transposed", {{"perm", Integers{0, 2, 1}}})
                    : found;
}

std::string OnnxNodes::channels(Value value) {
  std::string vector = whole(value);
  return graph.add("Reshape", {vector, graph.integers({1, -1, 1, 1, 1})}, vector + "/channels");
}

void OnnxNodes::addOutput(Value value, StringRef name) {
  bool areScores = hasOnePosition(value);
  RankedTensorType type = tensorOf(value);
  graph.addOutput(name, type, areScores ? 2 : type.getRank());
  std::string found = areScores ? flat(value) : whole(value);
  if (fixed.contains(found))
    found = graph.add("Identity", {found}, name);
  graph.rename(found, name);
  (areScores ? names[value].flat : names[value].whole) = name;
  fixed.insert(name);
}

//===-- Operations --------------------------------------------------------===//

void OnnxNodes::add(ReadOp op) {
  std::string name = op.getParam().str();
  graph.addWeight(name, op.getValue().getType());
  names[op.getValue()].whole = name;
}

/// Returns a window's attributes. What a pool that rounds up reads beyond the padding becomes padding, so
/// that its results are as many without rounding.
static SmallVector<OnnxAttribute> attributesOf(const shape::Window &window, RankedTensorType source,
                                               RankedTensorType result) {
  shape::Size3 in = spatialSize(source), out = spatialSize(result), high = window.padHigh;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t extent = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    int64_t read = (out[axis] - 1) * window.stride[axis] + extent;
    high[axis] = std::max(high[axis], read - in[axis] - window.padLow[axis]);
  }
  Integers pads = integersOf(window.padLow);
  llvm::append_range(pads, high);
  return {
      {"kernel_shape", integersOf(window.kernel)}, {"strides", integersOf(window.stride)}, {"pads", pads}};
}

void OnnxNodes::add(ConvOp op) {
  shape::Window window = op.getWindow().getWindow();
  SmallVector<OnnxAttribute> attributes = attributesOf(window, op.getX().getType(), op.getResult().getType());
  attributes.push_back({"dilations", integersOf(window.dilation)});
  attributes.push_back({"group", static_cast<int64_t>(op.getGroups())});
  SmallVector<std::string> operands = {whole(op.getX()), whole(op.getWeight())};
  if (op.getBias())
    operands.push_back(whole(op.getBias()));
  names[op.getResult()].whole = graph.add("Conv", operands, resultName(*op), attributes);
}

void OnnxNodes::add(LinearOp op) {
  SmallVector<std::string> operands = {flat(op.getX()), whole(op.getWeight())};
  if (op.getBias())
    operands.push_back(whole(op.getBias()));
  names[op.getResult()].flat = graph.add("Gemm", operands, resultName(*op), {{"transB", int64_t(1)}});
}

void OnnxNodes::add(BatchNormOp op) {
  for (StringRef statistic : {op.getRunningMean(), op.getRunningVar()})
    graph.addWeight(statistic, op.getGamma().getType());
  names[op.getResult()].whole =
      graph.add("BatchNormalization",
                {whole(op.getX()), whole(op.getGamma()), whole(op.getBeta()), op.getRunningMean().str(),
                 op.getRunningVar().str()},
                resultName(*op), {{"epsilon", float(op.getEps().convertToDouble())}});
}

void OnnxNodes::addPool(Operation &op, StringRef how, WindowAttr window, ArrayRef<OnnxAttribute> more) {
  Value x = op.getOperand(0), y = op.getResult(0);
  bool global = isGlobalPool(window, tensorOf(x));
  SmallVector<OnnxAttribute> attributes;
  if (!global) {
    attributes = attributesOf(window.getWindow(), tensorOf(x), tensorOf(y));
    llvm::append_range(attributes, more);
  }
  names[y].whole = graph.add((global ? "Global" : "") + how.str(), {whole(x)}, resultName(op), attributes);
}

void OnnxNodes::add(MaxPoolOp op) { addPool(*op, "MaxPool", op.getWindow(), {}); }

void OnnxNodes::add(AvgPoolOp op) {
  addPool(*op, "AveragePool", op.getWindow(), {{"count_include_pad", int64_t(1)}});
}

void OnnxNodes::add(ConcatOp op) {
  SmallVector<std::string> operands;
  for (Value input : op.getInputs())
    operands.push_back(whole(input));
  names[op.getResult()].whole = graph.add("Concat", operands, resultName(*op), {{"axis", int64_t(1)}});
}

/// A third of the channels at most is taken from later frames, as many from earlier ones, and the others
/// stay.
void OnnxNodes::add(ShiftOp op) {
  RankedTensorType type = op.getX().getType();
  const int64_t all = type.getDimSize(1), count = op.getChannels(), frames = type.getDimSize(2);
  const int64_t far = std::abs(static_cast<int64_t>(op.getFrames()));
  const std::string x = whole(op.getX()), name = resultName(*op);
  auto slice = [&](const std::string &from, int64_t axis, int64_t begin, int64_t end, const Twine &result) {
    return graph.add("Slice", {from, graph.integers({begin}), graph.integers({end}), graph.integers({axis})},
                     result);
  };
  auto shifted = [&](int64_t begin, int64_t offset, const Twine &result) {
    std::string part = slice(x, 1, begin, begin + count, result + "/channels");
    Integers pads = {0, 0, far, 0, 0, 0, 0, far, 0, 0};
    std::string padded = graph.add("Pad", {part, graph.integers(pads)}, result + "/padded");
    return slice(padded, 2, far + offset, far + offset + frames, result);
  };
  SmallVector<std::string> parts = {shifted(0, op.getFrames(), name + "/later"),
                                    shifted(count, -op.getFrames(), name + "/earlier")};
  if (2 * count < all)
    parts.push_back(slice(x, 1, 2 * count, all, name + "/others"));
  names[op.getResult()].whole = graph.add("Concat", parts, name, {{"axis", int64_t(1)}});
}

void OnnxNodes::add(SliceOp op) {
  const int64_t begin = op.getBegin(), end = begin + int64_t(op.getCount());
  names[op.getResult()].whole = graph.add(
      "Slice", {whole(op.getX()), graph.integers({begin}), graph.integers({end}), graph.integers({1})},
      resultName(*op));
}

std::string OnnxNodes::clips() {
  std::string input = whole(function.getArgument(0));
  std::string shape = graph.add("Shape", {input}, input + "/shape");
  return graph.add("Slice", {shape, graph.integers({0}), graph.integers({1})}, input + "/clips");
}

namespace {
/// Follows the factors of an arrangement through the nodes that carry it out. The number of clips is not
/// known: it is that of the slowest factor of the axis N, or what is repeated along that axis.
struct Factors {
  ArrangementAttr how;
  std::optional<int64_t> ofClips;
  SmallVector<int64_t> order; // of the axes that there are now

  explicit Factors(ArrangementAttr how) : how(how), order(how.getSource()) {
    ArrayRef<int64_t> source = how.sourceFactors(0), target = how.targetFactors(0);
    if (!source.empty())
      ofClips = source.front();
    else if (!target.empty())
      ofClips = target.front();
  }

  bool isThere(int64_t factor) const { return llvm::is_contained(order, factor); }
  int64_t sizeOf(int64_t factor) const { return factor == ofClips ? -1 : how.getSizes()[factor]; }

  /// Returns the place of each factor that both sides have, in the result's order.
  Integers permutation() const {
    Integers places;
    for (int64_t factor : how.getTarget())
      if (isThere(factor))
        places.push_back(llvm::find(order, factor) - order.begin());
    return places;
  }
};
} // namespace

void OnnxNodes::add(ArrangeOp op) {
  const std::string name = resultName(*op);
  Factors factors(op.getHow());
  ArrangementAttr how = op.getHow();
  auto reshape = [&](std::string x, ArrayRef<int64_t> shape, const Twine &result) {
    return graph.add("Reshape", {x, graph.integers(shape)}, result);
  };
  auto sizes = llvm::map_to_vector(factors.order, [&](int64_t f) { return factors.sizeOf(f); });
  std::string x = reshape(whole(op.getX()), sizes, name + "/factors");
  if (Integers summed = how.summed(); !summed.empty()) {
    auto places = llvm::map_to_vector(
        summed, [&](int64_t f) { return int64_t(llvm::find(factors.order, f) - factors.order.begin()); });
    x = graph.add("ReduceSum", {x, graph.integers(places)}, name + "/sum", {{"keepdims", int64_t(0)}});
    llvm::erase_if(factors.order, [&](int64_t f) { return llvm::is_contained(summed, f); });
  }
  Integers permutation = factors.permutation();
  if (!llvm::is_sorted(permutation))
    x = graph.add("Transpose", {x}, name + "/transposed", {{"perm", permutation}});
  Integers repeats, spread; // what is repeated has a size of 1 first
  for (int64_t factor : how.getTarget()) {
    spread.push_back(factors.isThere(factor) ? factors.sizeOf(factor) : 1);
    repeats.push_back(factors.isThere(factor) ? 1 : how.getSizes()[factor]);
  }
  if (llvm::any_of(how.getTarget(), [&](int64_t factor) { return !factors.isThere(factor); })) {
    x = reshape(x, spread, name + "/spread");
    bool repeatsClips = how.sourceFactors(0).empty() && factors.ofClips;
    std::string shape = graph.integers(repeatsClips ? ArrayRef(repeats).drop_front() : ArrayRef(repeats));
    if (repeatsClips)
      shape = graph.add("Concat", {clips(), shape}, name + "/shape", {{"axis", int64_t(0)}});
    x = graph.add("Expand", {x, shape}, name + "/repeated");
  }
  Integers shape = how.targetShape();
  for (unsigned axis = 0; axis < shape.size(); ++axis)
    if (factors.ofClips && llvm::is_contained(how.targetFactors(axis), *factors.ofClips))
      shape[axis] = -1;
  names[op.getResult()].whole = reshape(x, shape, name);
}

void OnnxNodes::add(StandardiseOp op) {
  const std::string name = resultName(*op);
  RankedTensorType type = op.getX().getType();
  const int64_t groups = op.getGroups();
  Integers axes(op.getOver()), shape = reshapedTo(type);
  std::string x = whole(op.getX());
  if (groups > 1) { // C becomes two axes
    for (int64_t &axis : axes)
      ++axis;
    Integers grouped = {0, groups, type.getDimSize(1) / groups};
    grouped.append(shape.begin() + 2, shape.end());
    x = graph.add("Reshape", {x, graph.integers(grouped)}, name + "/groups");
  }
  std::string mean = graph.add("ReduceMean", {x}, name + "/mean", {{"axes", axes}});
  std::string distance = graph.add("Sub", {x, mean}, name + "/distance");
  std::string square = graph.add("Mul", {distance, distance}, name + "/square");
  std::string variance = graph.add("ReduceMean", {square}, name + "/variance", {{"axes", axes}});
  std::string sum =
      graph.add("Add", {variance, graph.number(float(op.getEps().convertToDouble()))}, name + "/sum");
  std::string deviation = graph.add("Sqrt", {sum}, name + "/deviation");
  std::string y = graph.add("Div", {distance, deviation}, groups > 1 ? name + "/standardised" : name);
  names[op.getResult()].whole = groups > 1 ? graph.add("Reshape", {y, graph.integers(shape)}, name) : y;
}

void OnnxNodes::add(MatmulOp op) {
  const std::string name = resultName(*op);
  std::string lhs = matrix(op.getLhs(), op.getTransposeLhs(), name + "/lhs");
  std::string rhs = matrix(op.getRhs(), op.getTransposeRhs(), name + "/rhs");
  std::string product = graph.add("MatMul", {lhs, rhs}, name + "/product");
  names[op.getResult()].whole =
      graph.add("Reshape", {product, graph.integers(reshapedTo(op.getResult().getType()))}, name);
}

//===-- Element by element ------------------------------------------------===//

LogicalResult OnnxNodes::addElementwise(Operation &op, StringRef type, ArrayRef<std::string> constants,
                                        ArrayRef<OnnxAttribute> attributes) {
  Value x = op.getOperand(0);
  bool isFlat = hasFlat(x);
  SmallVector<std::string> operands = {isFlat ? flat(x) : whole(x)};
  llvm::append_range(operands, constants);
  Names &result = names[op.getResult(0)];
  (isFlat ? result.flat : result.whole) = graph.add(type, operands, resultName(op), attributes);
  return success();
}

/// Returns the node that computes an operation of a formula; empty where there is none.
static StringRef nodeOf(Operation &step) {
  return TypeSwitch<Operation *, StringRef>(&step)
      .Case([](arith::AddFOp) { return "Add"; })
      .Case([](arith::SubFOp) { return "Sub"; })
      .Case([](arith::MulFOp) { return "Mul"; })
      .Case([](arith::DivFOp) { return "Div"; })
      .Case([](arith::NegFOp) { return "Neg"; })
      .Case([](arith::MaximumFOp) { return "Max"; })
      .Case([](arith::MinimumFOp) { return "Min"; })
      .Case([](arith::CmpFOp op) { return op.getPredicate() == arith::CmpFPredicate::OGT ? "Greater" : ""; })
      .Case([](arith::SelectOp) { return "Where"; })
      .Case([](math::ExpOp) { return "Exp"; })
      .Case([](math::LogOp) { return "Log"; })
      .Case([](math::SqrtOp) { return "Sqrt"; })
      .Case([](math::TanhOp) { return "Tanh"; })
      .Case([](math::ErfOp) { return "Erf"; })
      .Case([](math::AbsFOp) { return "Abs"; })
      .Case([](ExpitOp) { return "Sigmoid"; })
      .Default([](Operation *) { return ""; });
}

LogicalResult OnnxNodes::addFormula(PointwiseOp op) {
  Block scratch;
  OpBuilder builder(op.getContext());
  builder.setInsertionPointToEnd(&scratch);
  SmallVector<Value> operands;
  llvm::MapVector<Value, Value> scalars;
  auto scalarOf = [&](Value operand) {
    Value &scalar = scalars[operand];
    if (!scalar) {
      scalar = scratch.addArgument(builder.getF32Type(), op.getLoc());
      operands.push_back(operand);
    }
    return scalar;
  };
  Formula writer(builder, op.getLoc(), scalarOf);
  Value element = op.formula(writer);
  return addFormula(*op, scratch, operands, element);
}

LogicalResult OnnxNodes::add(MapOp op) {
  Block &body = op.getBody().front();
  return addFormula(*op, body, SmallVector<Value>(op.getInputs()), cast<YieldOp>(body.back()).getValue());
}

LogicalResult OnnxNodes::addFormula(Operation &op, Block &formula, ArrayRef<Value> operands, Value element) {
  bool isFlat = llvm::all_of(operands, [&](Value operand) { return hasFlat(operand); });
  llvm::DenseMap<Value, std::string> nodes;
  for (auto [operand, scalar] : llvm::zip_equal(operands, formula.getArguments()))
    nodes[scalar] = tensorOf(operand).getRank() == 1 ? channels(operand)
                    : isFlat                         ? flat(operand)
                                                     : whole(operand);
  const std::string name = resultName(op);
  for (Operation &step : formula) {
    if (isa<YieldOp>(step))
      break;
    Value y = step.getResult(0);
    std::string called = y == element ? name : (Twine(name) + "/" + step.getName().stripDialect()).str();
    auto inputs = llvm::map_to_vector(step.getOperands(), [&](Value x) { return nodes.at(x); });
    if (auto constant = dyn_cast<arith::ConstantOp>(step)) {
      nodes[y] = graph.number(float(cast<FloatAttr>(constant.getValue()).getValueAsDouble()));
    } else if (isa<math::FmaOp>(step)) {
      std::string product = graph.add("Mul", ArrayRef(inputs).take_front(2), called + "/product");
      nodes[y] = graph.add("Add", {product, inputs[2]}, called);
    } else if (StringRef type = nodeOf(step); !type.empty()) {
      nodes[y] = graph.add(type, inputs, called);
    } else {
      return op.emitError("ONNX has no counterpart of ") << step.getName() << ", which the formula has";
    }
  }
  Names &result = names[op.getResult(0)];
  (isFlat ? result.flat : result.whole) = nodes.at(element);
  return success();
}
