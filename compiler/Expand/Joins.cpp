// Expands operations on several values: add, mul, average, concat, residual.
#include "compiler/Expand/Expander.h"
#include "dialects/Clip/Formula.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;
using Kind = dsl::Operation::Kind;

using Operand = Expander::Operand;

/// Returns how many times larger `b` is than `a` along each axis, if each is a whole number.
static std::optional<shape::Size3> wholeRatio(const Activation &a, const Activation &b) {
  shape::Size3 ratio;
  for (int axis = 0; axis < 3; ++axis) {
    if (b.size()[axis] % a.size()[axis])
      return std::nullopt;
    ratio[axis] = b.size()[axis] / a.size()[axis];
  }
  return ratio;
}

static std::string text(const shape::Size3 &size) {
  return (Twine(size[0]) + "x" + Twine(size[1]) + "x" + Twine(size[2])).str();
}

/// Returns a hint such as "T 8 and 16, H 28 and 56 differ by 2: `from low -> pool avg 2x2x2` would fit".
static std::string clashHint(const Operand &a, const Operand &b, bool channelsMatter) {
  std::string hint = differences(a.value, b.value, channelsMatter) + " differ";
  if (channelsMatter && a.value.channels() != b.value.channels())
    return hint;
  bool secondIsLarger = wholeRatio(a.value, b.value).has_value();
  std::optional<shape::Size3> ratio =
      secondIsLarger ? wholeRatio(a.value, b.value) : wholeRatio(b.value, a.value);
  if (!ratio)
    return hint;
  SmallVector<int64_t> factors(ratio->begin(), ratio->end());
  llvm::erase(factors, 1);
  if (llvm::all_equal(factors))
    hint += " by " + std::to_string(factors.front());
  const Operand &large = secondIsLarger ? b : a;
  StringRef label = large.name;
  bool named = label.consume_front("'") && label.consume_back("'");
  return hint + ": `" + (named ? "from " + label.str() + " -> " : "") + "pool avg " + text(*ratio) +
         "` would fit";
}

/// Notes one line for each of two values, below each other.
static void noteBoth(dsl::Diagnostic &error, const Operand &a, const Operand &b,
                     const dsl::Sources &sources) {
  size_t width = std::max(a.value.describe().size(), b.value.describe().size());
  for (const Operand &operand : {a, b}) {
    std::string shape = operand.value.describe();
    shape.resize(width, ' ');
    error.note(withOrigin(shape + " is " + operand.name, operand.value.origin, error.location, sources));
  }
}

/// Returns whether two values have the same size along each axis, or one of them has 1.
static bool spreadTogether(const Activation &a, const Activation &b) {
  return llvm::all_of(llvm::zip(a.type().getShape(), b.type().getShape()), [](auto sizes) {
    auto [left, right] = sizes;
    return left == right || left == 1 || right == 1;
  });
}

/// Returns the type over which all operands are spread; nothing, with an error, where two do not fit.
std::optional<RankedTensorType> Expander::commonType(StringRef word, ArrayRef<Operand> operands, Site &site) {
  SmallVector<int64_t> shape(operands.front().value.type().getShape());
  for (auto [i, operand] : llvm::enumerate(operands)) {
    for (const Operand &before : operands.take_front(i))
      if (!spreadTogether(before.value, operand.value)) {
        clash(word, before, operand, site);
        return std::nullopt;
      }
    for (auto [size, other] : llvm::zip(shape, operand.value.type().getShape()))
      size = std::max(size, other);
  }
  return RankedTensorType::get(shape, Builder(&context).getF32Type());
}

/// Returns the operand that is not spread, whose place in the network the result has; the first one where all
/// are.
Activation Expander::widest(ArrayRef<Operand> operands, RankedTensorType type) {
  const auto *found = llvm::find_if(operands, [&](const Operand &o) { return o.value.type() == type; });
  return found == operands.end() ? operands.front().value : found->value;
}

/// Adds or multiplies two values, each of which may be spread.
Value Expander::join(Location where, bool adds, Value a, Value b, RankedTensorType type) {
  if (!adds && a.getType() == type)
    return network.create<clip::MulOp>(where, a, b);
  if (!adds && b.getType() == type)
    return network.create<clip::MulOp>(where, b, a);
  if (a.getType() == b.getType())
    return network.create<clip::AddOp>(where, a, b);
  return network.createMap(where, {a, b}, type, /*kept=*/true, [&](clip::Formula &f, ValueRange x) {
    return adds ? f.add(x[0], x[1]) : f.mul(x[0], x[1]);
  });
}

/// Returns the values that a call joins: its branches, or the value before and those named. Returns nothing
/// where one of them failed.
std::optional<std::vector<Operand>> Expander::operandsOf(const dsl::Callable &callable, Site &site) {
  std::vector<Operand> operands;
  if (site.call.body)
    for (const dsl::Chain &branch : site.call.body->chains)
      if (!branch.statements.empty())
        operands.push_back({expandStatements(statementsOf(branch), site.frame, site.value),
                            "branch " + std::to_string(operands.size() + 1)});
  if (operands.empty())
    operands.push_back({site.value, "the value before"});
  for (const dsl::Callable::Argument &argument : callable.values) {
    auto node = std::static_pointer_cast<Node>(std::get<dsl::NamedPtr>(argument.value));
    operands.push_back({node->value, "'" + node->name + "'"});
  }
  for (const Operand &operand : operands)
    if (!operand.value.ready())
      return std::nullopt;
  return operands;
}

Activation Expander::expandJoin(const dsl::Callable &callable, Site &site, Arguments &arguments) {
  Kind kind = callable.callee.operation->kind;
  StringRef word = callable.callee.name();
  std::optional<std::vector<Operand>> found = operandsOf(callable, site);
  if (!found)
    return Activation::failed();
  std::vector<Operand> &operands = *found;
  if (operands.size() < 2) {
    fail(site.where(), site.frame, "'" + word + "' needs two values",
         "name one behind it, or give it branches: `" + word + " { ... }`");
    return Activation::failed();
  }
  if (kind == Kind::Concat)
    return concatenate(operands, site, arguments);

  // The values are joined one after the other: what is joined so far with the next one.
  Operand joined = operands.front();
  Location layer = layerLocation(site);
  for (const Operand &operand : llvm::drop_begin(operands)) {
    std::optional<RankedTensorType> type = commonType(word, {joined, operand}, site);
    if (!type)
      return Activation::failed();
    Value y = join(layer, kind != Kind::Mul, joined.value.value, operand.value.value, *type);
    joined.value = widest({joined, operand}, *type);
    joined.value.value = y;
  }
  if (kind == Kind::Average)
    joined.value.value = network.create<clip::ScaleOp>(layer, joined.value.value,
                                                       llvm::APFloat(1.0 / double(operands.size())));
  site.value = joined.value;
  return result(site, activate(joined.value.value, arguments["act"], site), {1, 1, 1});
}

Activation Expander::concatenate(ArrayRef<Operand> operands, Site &site, Arguments &arguments) {
  SmallVector<Value> inputs;
  for (const Operand &operand : operands) {
    if (operand.value.size() != operands.front().value.size())
      return clash("concat", operands.front(), operand, site);
    inputs.push_back(batched(layerLocation(site), operand.value).value);
  }
  Value y = network.create<clip::ConcatOp>(layerLocation(site), ValueRange(inputs));
  site.value = operands.front().value;
  return result(site, activate(y, arguments["act"], site), {1, 1, 1});
}

/// Reports the error of two values that cannot be joined.
Activation Expander::clash(StringRef word, const Operand &a, const Operand &b, Site &site) {
  dsl::Diagnostic &error =
      fail(site.where(), site.frame, word + " of " + a.value.describe() + " and " + b.value.describe(),
           clashHint(a, b, word != "concat"));
  noteBoth(error, a, b, root.program.sources);
  return Activation::failed();
}

//===-- Residual ----------------------------------------------------------===//

/// Expands the residual's projection: the kind `shortcut` with the body's channels and stride.
std::optional<Activation> Expander::project(Site &site, Arguments &arguments, const Activation &body) {
  dsl::Callable shortcut = *std::get<dsl::CallablePtr>(arguments["shortcut"]);
  dsl::Size stride(3);
  for (int axis = 0; axis < 3; ++axis) {
    if (body.stride[axis] % site.value.stride[axis]) {
      fail(site.where(), site.frame, "the body of this residual has a smaller stride than its input",
           "it must start from the value before");
      return std::nullopt;
    }
    stride[axis] = body.stride[axis] / site.value.stride[axis];
  }
  auto give = [&](const char *name, dsl::Binding value) {
    if (shortcut.callee.parameter(name))
      shortcut.bound.insert({name, {std::move(value), site.where()}});
  };
  give("ch", body.channels());
  give("stride", stride);
  give("act", dsl::Word{"none"});
  std::string path = site.path.empty() ? "shortcut" : site.path + ".shortcut";
  claims.push_back({&site.frame, path, &site.call});
  Activation result =
      invoke(shortcut, {site.call, site.frame, path, path, site.value, std::make_shared<Node>()});
  claims.pop_back();
  if (!result.ready())
    return std::nullopt;
  return result;
}

Activation Expander::expandResidual(Site &site, Arguments &arguments) {
  // A label adds a segment to the names inside; braces themselves do not.
  std::string outer = std::exchange(site.frame.path, site.path.empty() ? "" : site.path + ".");
  Activation body = expandStatements(statementsOf(*site.call.body), site.frame, site.value);
  site.frame.path = outer;
  if (!body.ready())
    return Activation::failed();
  Activation shortcut = site.value;
  if (body.type() != shortcut.type() || body.stride != shortcut.stride) {
    std::optional<Activation> projected = project(site, arguments, body);
    if (!projected)
      return Activation::failed();
    shortcut = *projected;
    shortcut.origin = site.call.location;
  }
  if (body.type() != shortcut.type()) {
    Operand a{body, "the body"}, b{shortcut, "the shortcut"};
    dsl::Diagnostic &error =
        fail(site.where(), site.frame, "residual of " + body.describe() + " and " + shortcut.describe(),
             differences(body, shortcut, true) + " differ");
    noteBoth(error, a, b, root.program.sources);
    return Activation::failed();
  }
  Location layer = layerLocation(site);
  Value y = network.create<clip::AddOp>(layer, body.value, shortcut.value);
  y = activate(y, arguments["act"], site);
  Site from = site;
  from.value = body;
  return result(from, y, {1, 1, 1});
}
