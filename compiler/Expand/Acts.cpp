// Expands acts, the formulas of a spec: each use becomes a clip.map, whose region has the formula.
#include "compiler/Expand/Expander.h"
#include "dialects/Clip/Formula.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

namespace {
/// Writes a formula as arithmetic. What acts call is written in place.
class FormulaWriter {
public:
  FormulaWriter(clip::Formula &f, const dsl::Program &program) : f(f), program(program) {}

  Value call(const dsl::Definition &act, ArrayRef<Value> given);

private:
  using Scalars = llvm::StringMap<Value>;

  Value write(const dsl::Formula &formula, const dsl::Definition &act, const Scalars &scalars);
  Value function(const dsl::Function &function, ArrayRef<Value> x);
  Value constant(double value) { return f.constant(float(value)); }

  clip::Formula &f;
  const dsl::Program &program;
};
} // namespace

/// Returns the number that is the default of an act's parameter.
static double defaultOf(const dsl::Parameter &parameter) {
  if (const auto *integer = dyn_cast<dsl::IntExpr>(parameter.defaultValue.get()))
    return double(integer->value);
  return cast<dsl::NumberExpr>(*parameter.defaultValue).value;
}

/// Writes an act of these operands, followed by as many of its parameters as are given.
Value FormulaWriter::call(const dsl::Definition &act, ArrayRef<Value> given) {
  Scalars scalars;
  for (const dsl::Name &operand : act.operands) {
    scalars[operand.text] = given.front();
    given = given.drop_front();
  }
  for (const dsl::Parameter &parameter : act.parameters) {
    scalars[parameter.name.text] = given.empty() ? constant(defaultOf(parameter)) : given.front();
    given = given.drop_front(given.empty() ? 0 : 1);
  }
  return write(*act.formula, act, scalars);
}

Value FormulaWriter::write(const dsl::Formula &formula, const dsl::Definition &act, const Scalars &scalars) {
  using Kind = dsl::Formula::Kind;
  auto x = llvm::map_to_vector(formula.operands,
                               [&](const dsl::FormulaPtr &operand) { return write(*operand, act, scalars); });
  switch (formula.kind) {
  case Kind::Number:
    return constant(formula.value);
  case Kind::Name:
    return scalars.lookup(formula.text);
  case Kind::Call:
    if (const dsl::Function *known = dsl::findFunction(formula.text))
      return function(*known, x);
    return call(*program.find(act.location.file, formula.text), x);
  case Kind::Add:
    return f.add(x[0], x[1]);
  case Kind::Sub:
    return f.sub(x[0], x[1]);
  case Kind::Mul:
    return f.mul(x[0], x[1]);
  case Kind::Div:
    return f.div(x[0], x[1]);
  case Kind::Negate:
    return f.neg(x[0]);
  }
  llvm_unreachable("no formula");
}

Value FormulaWriter::function(const dsl::Function &function, ArrayRef<Value> x) {
  using Kind = dsl::Function::Kind;
  switch (function.kind) {
  case Kind::Exp:
    return f.exp(x[0]);
  case Kind::Log:
    return math::LogOp::create(f.b, f.loc, x[0]);
  case Kind::Sqrt:
    return f.sqrt(x[0]);
  case Kind::Tanh:
    return math::TanhOp::create(f.b, f.loc, x[0]);
  case Kind::Erf:
    return math::ErfOp::create(f.b, f.loc, x[0]);
  case Kind::Abs:
    return math::AbsFOp::create(f.b, f.loc, x[0]);
  case Kind::Sigmoid:
    return clip::ExpitOp::create(f.b, f.loc, x[0]);
  case Kind::Relu:
    return f.max(x[0], f.constant(0));
  case Kind::Min:
    return arith::MinimumFOp::create(f.b, f.loc, x[0], x[1]);
  case Kind::Max:
    return f.max(x[0], x[1]);
  }
  llvm_unreachable("no function");
}

Value Expander::map(Location where, const dsl::Definition &act, ArrayRef<Value> operands,
                    ArrayRef<double> parameters, RankedTensorType type, bool kept) {
  return network.createMap(where, operands, type, kept, [&](clip::Formula &f, ValueRange scalars) {
    SmallVector<Value> given(scalars);
    for (double parameter : parameters)
      given.push_back(f.constant(float(parameter)));
    return FormulaWriter(f, root.program).call(act, given);
  });
}

Value Expander::activate(Value x, const dsl::Binding &word, Site &site) {
  if (dsl::isWord(word, "none"))
    return x;
  const auto &given = std::get<dsl::Word>(word);
  Location where = layerLocation(site);
  if (given.act)
    return map(where, *given.act, x, {}, tensorOf(x), /*kept=*/false);
  return network.createUnary(where, dsl::findOperation(given.text)->lowered, x);
}

Activation Expander::expandAct(const dsl::Callable &callable, Site &site) {
  const dsl::Definition &act = *callable.callee.definition;
  Arguments arguments(site.frame, callable.callee, site.where());
  if (!arguments.fill(callable, site.where()))
    return Activation::failed();
  std::optional<std::vector<Operand>> operands = operandsOf(callable, site);
  if (!operands)
    return Activation::failed();
  if (operands->size() != act.operands.size()) {
    fail(site.where(), site.frame,
         "'" + act.name.text + "' joins " + Twine(act.operands.size()) + " values, found " +
             Twine(operands->size()),
         "the value before and those named behind it, or branches: `" + act.name.text + " { ... }`");
    return Activation::failed();
  }
  std::optional<RankedTensorType> type = commonType(act.name.text, *operands, site);
  if (!type)
    return Activation::failed();
  SmallVector<double> parameters;
  for (const dsl::Parameter &parameter : act.parameters)
    parameters.push_back(std::get<double>(arguments[parameter.name.text]));
  auto values = llvm::map_to_vector(*operands, [](const Operand &operand) { return operand.value.value; });
  Value y = map(layerLocation(site), act, values, parameters, *type, /*kept=*/values.size() > 1);
  site.value = widest(*operands, *type);
  return result(site, y, {1, 1, 1});
}
