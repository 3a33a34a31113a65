// Implements clip.map: its checks, its formula and number, and its gradient, which is made by going backwards
// through its region.
#include "dialects/Clip/ClipLog.h"
#include "dialects/Clip/Scalars.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

bool clip::keepsResult(Operation *op) {
  auto map = dyn_cast<MapOp>(op);
  return op->hasTrait<clip::KeepsResult>() || (map && map.getKept());
}

MapOp clip::createMap(OpBuilder &builder, Location where, ValueRange operands, RankedTensorType type,
                      bool kept, llvm::function_ref<Value(Formula &, ValueRange)> write) {
  auto op = MapOp::create(builder, where, type, operands, kept);
  Block &body = op.getBody().emplaceBlock();
  for (size_t i = 0; i < operands.size(); ++i)
    body.addArgument(builder.getF32Type(), where);
  OpBuilder inside = OpBuilder::atBlockEnd(&body);
  auto scalarOf = [](Value) { return Value(); }; // its scalars are at hand
  Formula f(inside, where, scalarOf);
  YieldOp::create(inside, where, write(f, body.getArguments()));
  return op;
}

//===-- Checks ------------------------------------------------------------===//

LogicalResult MapOp::verify() {
  if (getInputs().empty())
    return emitOpError("has no operand");
  RankedTensorType result = getResult().getType();
  for (Value input : getInputs()) {
    RankedTensorType type = tensorOf(input);
    bool fits = type.getRank() == 1 ? type.getDimSize(0) == result.getDimSize(1) : spreadsOver(type, result);
    if (!fits)
      return emitOpError("makes ") << result << " of " << type << ", which does not spread over it";
  }
  return success();
}

LogicalResult MapOp::verifyRegions() {
  Block &body = getBody().front();
  if (body.getNumArguments() != getInputs().size() ||
      llvm::any_of(body.getArgumentTypes(), [](Type type) { return !type.isF32(); }))
    return emitOpError("wants a region of ") << getInputs().size() << " numbers in f32, one for each operand";
  if (body.empty() || !isa<YieldOp>(body.back()))
    return emitOpError("wants a region that ends with clip.yield");
  for (Operation &op : body.without_terminator())
    if (!isScalarArithmetic(&op))
      return op.emitOpError("is no arithmetic on f32 that the region of a clip.map may hold");
  return success();
}

//===-- What it computes --------------------------------------------------===//

Value MapOp::formula(Formula &f) {
  IRMapping mapping;
  Block &body = getBody().front();
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), getInputs()))
    mapping.map(argument, f(input));
  for (Operation &op : body.without_terminator()) {
    if (auto expit = dyn_cast<ExpitOp>(op)) {
      mapping.map(expit.getResult(), f.expit(mapping.lookup(expit.getX())));
      continue;
    }
    f.b.clone(op, mapping)->setLoc(f.loc);
  }
  return mapping.lookup(cast<YieldOp>(body.back()).getValue());
}

double MapOp::number(ArrayRef<double> x) {
  DenseMap<Value, double> numbers;
  Block &body = getBody().front();
  for (auto [argument, element] : llvm::zip_equal(body.getArguments(), x))
    numbers[argument] = element;
  for (Operation &op : body.without_terminator()) {
    auto operands = llvm::map_to_vector(op.getOperands(), [&](Value v) { return numbers.at(v); });
    numbers[op.getResult(0)] = numberOf(&op, operands);
  }
  return numbers.at(cast<YieldOp>(body.back()).getValue());
}

bool MapOp::variesWith(unsigned operand) {
  Block &body = getBody().front();
  DenseSet<Value> varying = {body.getArgument(operand)};
  for (Operation &op : body.without_terminator()) {
    auto isZero = [](Value factor) { return matchPattern(factor, m_AnyZeroFloat()); };
    const bool isConstant = isa<arith::MulFOp>(op) && llvm::any_of(op.getOperands(), isZero);
    if (!isConstant && llvm::any_of(op.getOperands(), [&](Value x) { return varying.contains(x); }))
      varying.insert(op.getResult(0));
  }
  return varying.contains(cast<YieldOp>(body.back()).getValue());
}

//===-- Gradient ----------------------------------------------------------===//

namespace {
/// Builds the map that computes the gradient of one operand of another map, before the gradients of places
/// that the operand was spread to are added up.
class GradientMap {
public:
  GradientMap(OpBuilder &builder, MapOp map, Value g) : builder(builder), map(map), g(g) {}

  Value of(unsigned operand);

private:
  Value backward(Formula &f, unsigned operand, Value seed);
  void add(Formula &f, Value value, Value gradient);

  OpBuilder &builder;
  MapOp map;
  Value g;
  IRMapping copies;                 // of the map's scalars in the gradient's region
  DenseMap<Value, Value> gradients; // of these copies
};
} // namespace

void GradientMap::add(Formula &f, Value value, Value gradient) {
  Value &sum = gradients[value];
  sum = sum ? f.add(sum, gradient) : gradient;
}

/// Repeats the region of the map and goes through it backwards. Returns the gradient of an operand.
Value GradientMap::backward(Formula &f, unsigned operand, Value seed) {
  Block &body = map.getBody().front();
  SmallVector<Operation *> forward;
  for (Operation &op : body.without_terminator())
    forward.push_back(f.b.clone(op, copies));
  add(f, copies.lookup(cast<YieldOp>(body.back()).getValue()), seed);
  for (Operation *op : llvm::reverse(forward)) {
    Value gradient = gradients.lookup(op->getResult(0));
    if (!gradient || op->getNumOperands() == 0)
      continue;
    for (auto [value, derivative] : llvm::zip_equal(op->getOperands(), derivatives(f, op, gradient)))
      if (derivative)
        add(f, value, derivative);
  }
  Value found = gradients.lookup(copies.lookup(body.getArgument(operand)));
  return found ? found : f.constant(0);
}

Value GradientMap::of(unsigned operand) {
  SmallVector<Value> inputs = {g};
  llvm::append_range(inputs, map.getInputs());
  auto write = [&](Formula &f, ValueRange scalars) {
    for (auto [argument, copy] : llvm::zip_equal(map.getBody().getArguments(), scalars.drop_front()))
      copies.map(argument, copy);
    return backward(f, operand, scalars.front());
  };
  MapOp gradient = createMap(builder, map.getLoc(), inputs, map.getType(), /*kept=*/false, write);
  Block &body = gradient.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
  for (unsigned i = inputs.size() - 1; i > 0; --i)
    if (body.getArgument(i).use_empty()) {
      body.eraseArgument(i);
      gradient.getInputsMutable().erase(i);
    }
  return gradient;
}

SmallVector<Value> MapOp::gradients(OpBuilder &builder, ValueRange gradients, ArrayRef<bool> needed) {
  SmallVector<Value> result(getNumOperands());
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    if (!needed[i])
      continue;
    Value gradient = GradientMap(builder, *this, gradients.front()).of(i);
    RankedTensorType type = tensorOf(input);
    if (type.getRank() == 1)
      gradient = ChannelSumOp::create(builder, getLoc(), gradient);
    else if (type != getType())
      gradient = SpreadSumOp::create(builder, getLoc(), type, gradient);
    result[i] = gradient;
  }
  return result;
}
