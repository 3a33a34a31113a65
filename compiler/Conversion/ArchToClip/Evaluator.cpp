// Expressions: their values, and the types that parameters want.
#include "compiler/Conversion/ArchToClip/Expander.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

static const expansion::Parameter anInteger = {.name = "", .type = dsl::Type::Int};

//===-- Integers ----------------------------------------------------------===//

std::optional<int64_t> Expander::evaluateInteger(Attribute expression, Frame &frame, Location where) {
  std::optional<Binding> value = evaluate(expression, anInteger, frame, where);
  if (!value)
    return std::nullopt;
  if (const auto *integer = std::get_if<int64_t>(&*value))
    return *integer;
  fail(where, frame, "an integer is wanted here, found " + expansion::describe(*value));
  return std::nullopt;
}

/// Null, with an error, where `path` names no value.
NodePtr Expander::evaluateNode(Attribute path, Frame &frame, Location where) {
  static const Parameter aValue = {.name = "", .type = dsl::Type::Value};
  std::optional<Binding> value = evaluate(path, aValue, frame, where);
  if (!value)
    return nullptr;
  if (const auto *node = std::get_if<NodePtr>(&*value))
    return *node;
  fail(where, frame, "a value is wanted here, found " + expansion::describe(*value));
  return nullptr;
}

/// Rounds down, as the language says.
static int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::optional<int64_t> Expander::evaluateBinary(arch::BinaryAttr binary, Frame &frame, Location where) {
  std::optional<int64_t> lhs = evaluateInteger(binary.getLhs(), frame, where);
  std::optional<int64_t> rhs = lhs ? evaluateInteger(binary.getRhs(), frame, where) : std::nullopt;
  if (!rhs)
    return std::nullopt;
  char operation = binary.getOperation();
  bool divides = operation == '/' || operation == '%';
  if (divides && *rhs == 0) {
    fail(where, frame, "a division of " + Twine(*lhs) + " by zero");
    return std::nullopt;
  }
  std::optional<int64_t> result;
  if (operation == '+')
    result = llvm::checkedAdd(*lhs, *rhs);
  else if (operation == '-')
    result = llvm::checkedSub(*lhs, *rhs);
  else if (operation == '*')
    result = llvm::checkedMul(*lhs, *rhs);
  else if (*rhs == -1)
    result = operation == '/' ? llvm::checkedSub<int64_t>(0, *lhs) : 0;
  else
    result = operation == '/' ? floorDivide(*lhs, *rhs) : *lhs - floorDivide(*lhs, *rhs) * *rhs;
  if (!result)
    fail(where, frame,
         "the result of " + Twine(*lhs) + " " + StringRef(&operation, 1) + " " + Twine(*rhs) +
             " does not fit into 64 bits");
  return result;
}

std::optional<Binding> Expander::evaluateList(ArrayAttr list, Frame &frame, Location where) {
  Size size;
  for (Attribute element : list) {
    std::optional<int64_t> part = evaluateInteger(element, frame, where);
    if (!part)
      return std::nullopt;
    size.push_back(*part);
  }
  return Binding(size);
}

//===-- Names -------------------------------------------------------------===//

static const Binding *findName(StringRef name, Frame &frame) {
  for (Frame *f = &frame; f; f = f->outer)
    if (auto found = f->names.find(name); found != f->names.end())
      return &found->second;
  return nullptr;
}

NodePtr Expander::findNode(StringRef name, Frame &frame) {
  if (name == "in")
    return frame.definitionFrame().in;
  for (Frame *f = &frame; f; f = f->outer)
    for (const auto &[label, node] : f->labels->parts)
      if (label == name)
        return node;
  return nullptr;
}

CallablePtr Expander::findCallable(StringRef name, Frame &frame) {
  if (const Binding *binding = findName(name, frame)) {
    const auto *callable = std::get_if<CallablePtr>(binding);
    return callable ? *callable : nullptr;
  }
  auto result = std::make_shared<Callable>();
  auto inFile = [&](arch::FileOp file) {
    result->definition = file ? SymbolTable::lookupSymbolIn(file, name) : nullptr;
    return result->definition != nullptr;
  };
  bool found = inFile(frame.file);
  for (auto use : frame.file.getUses().getAsRange<FlatSymbolRefAttr>())
    found = found || inFile(module.lookupSymbol<arch::FileOp>(use.getAttr()));
  if (found) {
    result->parameters = parametersOf(result->definition);
    return result;
  }
  return findOperation(name);
}

CallablePtr Expander::findOperation(StringRef name) {
  auto result = std::make_shared<Callable>();
  result->operation = dsl::findOperation(name);
  if (!result->operation)
    return nullptr;
  auto [cached, isNew] = operationParameters.try_emplace(name);
  if (isNew)
    cached->second = parametersOf(*result->operation, context);
  result->parameters = cached->second;
  return result;
}

/// `path` without its first part is `rest`: "stride.h", "h".
std::optional<Binding> Expander::memberOf(const Binding &binding, StringRef path, StringRef rest,
                                          Frame &frame, Location where) {
  if (isBroken(binding))
    return std::nullopt;
  if (rest.empty())
    return binding;
  if (const auto *node = std::get_if<NodePtr>(&binding))
    return memberOfNode(*node, path, rest, frame, where);
  if (const auto *size = std::get_if<Size>(&binding); size && size->size() == 3)
    for (int axis = 0; axis < 3; ++axis)
      if (rest == StringRef("thw").substr(axis, 1))
        return Binding((*size)[axis]);
  fail(where, frame,
       "'" + path + "' names nothing: '" + path.drop_back(rest.size() + 1) + "' is " +
           expansion::describe(binding));
  return std::nullopt;
}

static std::string namesIn(const Node &node) {
  if (node.parts.empty())
    return "'" + node.name + "' has no named values";
  std::string text = node.name + " has ";
  llvm::raw_string_ostream os(text);
  llvm::interleave(node.parts, os, [&](const auto &part) { os << part.first; }, ", ");
  return text;
}

std::optional<Binding> Expander::memberOfNode(NodePtr node, StringRef path, StringRef rest, Frame &frame,
                                              Location where) {
  while (!rest.empty()) {
    auto [part, further] = rest.split('.');
    size_t axis = part.size() == 1 ? StringRef("cthw").find(part) : StringRef::npos;
    if (axis != StringRef::npos && further.empty()) {
      if (node->value.ready())
        return Binding(node->value.type().getDimSize(1 + axis));
      if (node->value.state == Activation::State::None)
        fail(where, frame, "'" + path + "' is not known yet");
      return std::nullopt;
    }
    NodePtr next;
    for (const auto &[name, child] : node->parts)
      if (name == part)
        next = child;
    if (!next) {
      if (node->value.state != Activation::State::Failed)
        fail(where, frame, "'" + path.split('.').first + "' has no value '" + path.split('.').second + "'",
             namesIn(*node));
      return std::nullopt;
    }
    node = next;
    rest = further;
  }
  return Binding(node);
}

std::optional<Binding> Expander::evaluatePath(StringRef path, const Parameter &wanted, Frame &frame,
                                              Location where) {
  auto [first, rest] = path.split('.');
  if (const Binding *binding = findName(first, frame))
    return memberOf(*binding, path, rest, frame, where);
  if (path == "auto")
    return Binding(Auto());
  if (llvm::is_contained(wanted.words, path))
    return Binding(Word{path.str()});
  if (wanted.type == dsl::Type::Flag && (path == "on" || path == "off"))
    return Binding(Word{path.str()});
  if (wanted.type == dsl::Type::Word && wanted.words.empty() && rest.empty())
    return Binding(Word{path.str()});
  if (wanted.type == dsl::Type::Unit || wanted.type == dsl::Type::Block)
    if (CallablePtr callable = findCallable(path, frame))
      return Binding(callable);
  if (NodePtr node = findNode(first, frame))
    return memberOfNode(node, path, rest, frame, where);
  if (first == "in")
    fail(where, frame, "there is no 'in': the network is called on no value",
         "the clip is the value of its `input` line");
  else
    fail(where, frame, "'" + path + "' is not known here");
  return std::nullopt;
}

std::optional<Binding> Expander::evaluateBound(arch::BoundAttr bound, Frame &frame, Location where) {
  CallablePtr callee = findCallable(bound.getCallee(), frame);
  if (!callee) {
    fail(where, frame, "'" + bound.getCallee().getValue() + "' is no unit, block or operation");
    return std::nullopt;
  }
  auto isCycle = [](arch::ArgumentAttr argument) { return isa<arch::CycleAttr>(argument.getValue()); };
  if (llvm::any_of(bound.getArguments(), isCycle)) {
    fail(where, frame, "`|` belongs to an argument of a call with copies");
    return std::nullopt;
  }
  auto target = std::make_shared<Callable>(*callee);
  SmallVector<arch::Places::Argument> places(bound.getArguments().size(), {where, where});
  if (!bindArguments(target, bound.getArguments(), places, frame, 0))
    return std::nullopt;
  return Binding(target);
}

//===-- Types -------------------------------------------------------------===//

static std::string article(const expansion::Parameter &wanted) {
  std::string words;
  llvm::raw_string_ostream os(words);
  llvm::interleaveComma(wanted.words, os);
  switch (wanted.type) {
  case dsl::Type::Int:
    return "an integer";
  case dsl::Type::Number:
    return "a number";
  case dsl::Type::Size:
    return std::string(wanted.sizeParts == 4 ? "a size such as 3x16x112x112" : "a size such as 1x2x2") +
           (words.empty() ? "" : " or one of " + words);
  case dsl::Type::Flag:
    return "on or off";
  case dsl::Type::Word:
    return words.empty() ? "a word" : "one of " + words;
  case dsl::Type::Unit:
    return "a unit";
  case dsl::Type::Block:
    return "a block";
  case dsl::Type::Value:
    return "a value";
  }
  return "";
}

/// The binding in the type that is wanted, or nothing.
static std::optional<Binding> convert(const Binding &binding, const expansion::Parameter &wanted) {
  const auto *integer = std::get_if<int64_t>(&binding);
  const auto *size = std::get_if<Size>(&binding);
  const auto *word = std::get_if<Word>(&binding);
  bool knownWord = word && llvm::is_contained(wanted.words, word->text);
  switch (wanted.type) {
  case dsl::Type::Int:
    return integer ? std::optional(binding) : std::nullopt;
  case dsl::Type::Number:
    if (integer)
      return Binding(static_cast<double>(*integer));
    return std::holds_alternative<double>(binding) ? std::optional(binding) : std::nullopt;
  case dsl::Type::Size:
    if (integer && wanted.sizeParts == 3)
      return Binding(Size(3, *integer));
    return knownWord || (size && size->size() == wanted.sizeParts) ? std::optional(binding) : std::nullopt;
  case dsl::Type::Flag:
    return isWord(binding, "on") || isWord(binding, "off") ? std::optional(binding) : std::nullopt;
  case dsl::Type::Word:
    return knownWord || (word && wanted.words.empty()) ? std::optional(binding) : std::nullopt;
  case dsl::Type::Unit:
  case dsl::Type::Block:
    return std::holds_alternative<CallablePtr>(binding) ? std::optional(binding) : std::nullopt;
  case dsl::Type::Value:
    return std::holds_alternative<NodePtr>(binding) ? std::optional(binding) : std::nullopt;
  }
  return std::nullopt;
}

/// A number outside of the parameter's range, or nothing. Parts of sizes count each.
static std::optional<double> outOfRange(const Binding &binding, const expansion::Parameter &wanted) {
  auto bad = [&](double value) {
    return (wanted.minimum && value < *wanted.minimum) || (wanted.maximum && value > *wanted.maximum);
  };
  if (const auto *integer = std::get_if<int64_t>(&binding); integer && bad(*integer))
    return *integer;
  if (const auto *number = std::get_if<double>(&binding); number && bad(*number))
    return *number;
  if (const auto *size = std::get_if<Size>(&binding))
    for (int64_t part : *size)
      if (bad(part))
        return part;
  return std::nullopt;
}

static std::string plainNumber(double value) {
  SmallString<32> text;
  APFloat(value).toString(text, 6, 12);
  return text.str().str();
}

std::optional<Binding> Expander::coerce(Binding binding, const Parameter &wanted, Frame &frame,
                                        Location where) {
  if (isAuto(binding))
    return binding;
  std::optional<Binding> converted = convert(binding, wanted);
  if (!converted) {
    fail(where, frame,
         (wanted.name.empty() ? article(wanted) + " is wanted here"
                              : "'" + wanted.name.str() + "' is " + article(wanted)) +
             ", found " + expansion::describe(binding));
    return std::nullopt;
  }
  if (std::optional<double> value = outOfRange(*converted, wanted)) {
    bool low = wanted.minimum && *value < *wanted.minimum;
    fail(where, frame,
         "'" + wanted.name + "' is " + plainNumber(*value) + ", it must be at " + (low ? "least " : "most ") +
             plainNumber(low ? *wanted.minimum : *wanted.maximum));
    return std::nullopt;
  }
  return converted;
}

std::optional<Binding> Expander::evaluateAny(Attribute expression, const Parameter &wanted, Frame &frame,
                                             Location where) {
  if (auto integer = dyn_cast<IntegerAttr>(expression))
    return Binding(integer.getInt());
  if (auto number = dyn_cast<FloatAttr>(expression))
    return Binding(number.getValueAsDouble());
  if (auto size = dyn_cast<arch::SizeAttr>(expression))
    return Binding(Size(size.getParts().begin(), size.getParts().end()));
  if (auto path = dyn_cast<StringAttr>(expression))
    return evaluatePath(path, wanted, frame, where);
  if (auto list = dyn_cast<ArrayAttr>(expression))
    return evaluateList(list, frame, where);
  if (auto bound = dyn_cast<arch::BoundAttr>(expression))
    return evaluateBound(bound, frame, where);
  if (auto binary = dyn_cast<arch::BinaryAttr>(expression)) {
    std::optional<int64_t> value = evaluateBinary(binary, frame, where);
    return value ? std::optional<Binding>(*value) : std::nullopt;
  }
  fail(where, frame, "`|` belongs to an argument of a call with copies");
  return std::nullopt;
}

std::optional<Binding> Expander::evaluate(Attribute expression, const Parameter &wanted, Frame &frame,
                                          Location where) {
  std::optional<Binding> value = evaluateAny(expression, wanted, frame, where);
  return value ? coerce(std::move(*value), wanted, frame, where) : std::nullopt;
}
