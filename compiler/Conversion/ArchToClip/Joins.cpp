// Operations on several values: add, mul, average, concat, residual.
#include "compiler/Conversion/ArchToClip/Expander.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;
using Kind = dsl::Operation::Kind;

using Operand = Expander::Operand;

/// By how much `b` is larger than `a` along each axis, if that is a whole number along each and the channels
/// agree.
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

/// "T 8 and 16, H 28 and 56 differ by 2: `from low -> pool avg 2x2x2` would fit"
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

static void noteOperand(InFlightDiagnostic &diagnostic, const Operand &operand, size_t width) {
  std::string shape = operand.value.describe();
  shape.resize(std::max(width, shape.size()), ' ');
  if (operand.value.origin)
    diagnostic.attachNote(*operand.value.origin) << shape << " is " << operand.name;
  else
    diagnostic.attachNote() << shape << " is " << operand.name;
}

static void noteBoth(InFlightDiagnostic &diagnostic, const Operand &a, const Operand &b) {
  size_t width = std::max(a.value.describe().size(), b.value.describe().size());
  noteOperand(diagnostic, a, width);
  noteOperand(diagnostic, b, width);
}

/// `b` can be spread over `a`.
static bool spreads(const Activation &a, const Activation &b) {
  for (auto [left, right] : llvm::zip(a.type().getShape(), b.type().getShape()))
    if (left != right && right != 1)
      return false;
  return true;
}

static bool fit(Kind kind, const Activation &a, const Activation &b) {
  return kind == Kind::Mul ? spreads(a, b) || spreads(b, a) : a.type() == b.type();
}

static std::vector<arch::BranchOp> branchesOf(Operation *op) {
  auto call = cast<arch::CallOp>(op);
  auto branches = call.getBody().getOps<arch::BranchOp>();
  return {branches.begin(), branches.end()};
}

Activation Expander::expandJoin(const Callable &callable, Site &site, Frame &arguments) {
  Kind kind = callable.operation->kind;
  StringRef word = callable.name();
  std::vector<Operand> operands;
  std::vector<arch::BranchOp> branches = branchesOf(site.op);
  for (arch::BranchOp branch : branches)
    operands.push_back({expandBody(branch.getBody(), site.frame, site.value),
                        "branch " + std::to_string(operands.size() + 1)});
  if (branches.empty())
    operands.push_back({site.value, "the value before"});
  for (const Callable::Argument &argument : callable.values) {
    const auto &node = std::get<NodePtr>(argument.value);
    operands.push_back({node->value, "'" + node->name + "'"});
  }
  for (const Operand &operand : operands)
    if (!operand.value.ready())
      return Activation::failed();
  if (operands.size() < 2) {
    fail(site.where, site.frame, "'" + word + "' needs two values",
         "name one behind it, or give it branches: `" + word + " { ... }`");
    return Activation::failed();
  }
  if (kind == Kind::Concat)
    return concatenate(operands, site, arguments);

  // One after the other: what is joined so far, and the next one.
  Operand joined = operands.front();
  Location layer = layerLocation(site);
  for (const Operand &operand : llvm::drop_begin(operands)) {
    if (!fit(kind, joined.value, operand.value))
      return clash(word, joined, operand, site);
    Value a = joined.value.value, b = operand.value.value;
    if (kind == Kind::Add || kind == Kind::Average)
      joined.value.value = network.create<clip::AddOp>(layer, a, b);
    else if (spreads(joined.value, operand.value))
      joined.value.value = network.create<clip::MulOp>(layer, a, b);
    else
      joined.value.value = network.create<clip::MulOp>(layer, b, a);
  }
  if (kind == Kind::Average)
    joined.value.value = network.create<clip::ScaleOp>(layer, joined.value.value,
                                                       llvm::APFloat(1.0 / double(operands.size())));
  site.value = joined.value;
  return result(site, activate(joined.value.value, arguments.names["act"], site), {1, 1, 1});
}

Activation Expander::concatenate(ArrayRef<Operand> operands, Site &site, Frame &arguments) {
  SmallVector<Value> inputs;
  for (const Operand &operand : operands) {
    if (operand.value.size() != operands.front().value.size())
      return clash("concat", operands.front(), operand, site);
    inputs.push_back(operand.value.value);
  }
  Value y = network.create<clip::ConcatOp>(layerLocation(site), ValueRange(inputs));
  site.value = operands.front().value;
  return result(site, activate(y, arguments.names["act"], site), {1, 1, 1});
}

/// The error of two values that cannot be joined.
Activation Expander::clash(StringRef word, const Operand &a, const Operand &b, Site &site) {
  InFlightDiagnostic diagnostic =
      fail(site.where, site.frame, word + " of " + a.value.describe() + " and " + b.value.describe(),
           clashHint(a, b, word != "concat"));
  noteBoth(diagnostic, a, b);
  return Activation::failed();
}

//===-- Residual ----------------------------------------------------------===//

/// The residual's projection: the kind `shortcut` with the body's channels and stride.
std::optional<Activation> Expander::project(Site &site, Frame &arguments, const Activation &body) {
  Callable shortcut = *std::get<CallablePtr>(arguments.names["shortcut"]);
  Size stride(3);
  for (int axis = 0; axis < 3; ++axis) {
    if (body.stride[axis] % site.value.stride[axis]) {
      fail(site.where, site.frame, "the body of this residual has a smaller stride than its input",
           "it must start from the value before");
      return std::nullopt;
    }
    stride[axis] = body.stride[axis] / site.value.stride[axis];
  }
  auto give = [&](const char *name, Binding value) {
    if (shortcut.find(name))
      shortcut.bound.insert({name, {std::move(value), site.where}});
  };
  give("ch", body.channels());
  give("stride", stride);
  give("act", Word{"none"});
  std::string path = site.path.empty() ? "shortcut" : site.path + ".shortcut";
  claims.push_back({&site.frame, path, site.op});
  Activation result =
      invoke(shortcut, {site.op, site.where, site.frame, path, path, site.value, std::make_shared<Node>()});
  claims.pop_back();
  if (!result.ready())
    return std::nullopt;
  return result;
}

Activation Expander::expandResidual(Site &site, Frame &arguments) {
  // A label adds a segment to the names inside; braces themselves do not.
  std::string outer = std::exchange(site.frame.path, site.path.empty() ? "" : site.path + ".");
  Activation body = expandBody(cast<arch::CallOp>(site.op).getBody(), site.frame, site.value);
  site.frame.path = outer;
  if (!body.ready())
    return Activation::failed();
  Activation shortcut = site.value;
  if (body.type() != shortcut.type() || body.stride != shortcut.stride) {
    std::optional<Activation> projected = project(site, arguments, body);
    if (!projected)
      return Activation::failed();
    shortcut = *projected;
    shortcut.origin = arch::Places::of(site.op).statement;
  }
  if (body.type() != shortcut.type()) {
    Operand a{body, "the body"}, b{shortcut, "the shortcut"};
    InFlightDiagnostic diagnostic =
        fail(site.where, site.frame, "residual of " + body.describe() + " and " + shortcut.describe(),
             differences(body, shortcut, true) + " differ");
    noteBoth(diagnostic, a, b);
    return Activation::failed();
  }
  Location layer = layerLocation(site);
  Value y = network.create<clip::AddOp>(layer, body.value, shortcut.value);
  y = activate(y, arguments.names["act"], site);
  Site from = site;
  from.value = body;
  return result(from, y, {1, 1, 1});
}
