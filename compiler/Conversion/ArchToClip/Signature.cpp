// The parameters of operations and definitions in one form, and how values are spelled in errors.
#include "compiler/Conversion/ArchToClip/Values.h"

#include "compiler/Import/Import.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::expansion;

static std::string sizeText(ArrayRef<int64_t> parts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(parts, os, "x");
  return text;
}

std::string Activation::describe() const { return sizeText(type().getShape().drop_front()); }

Node *Node::find(StringRef part) const {
  for (const auto &[name, node] : parts)
    if (name == part)
      return node.get();
  return nullptr;
}

void Node::add(StringRef part, NodePtr node) {
  if (node->name.empty())
    node->name = part.str();
  for (auto &[name, old] : parts)
    if (name == part) {
      old = std::move(node);
      return;
    }
  parts.emplace_back(part.str(), std::move(node));
}

namespace {
struct Describe {
  std::string operator()(Auto) const { return "'auto'"; }
  std::string operator()(Broken) const { return "nothing"; }
  std::string operator()(int64_t value) const { return "the integer " + std::to_string(value); }
  std::string operator()(double value) const { return llvm::formatv("the number {0}", value).str(); }
  std::string operator()(const Size &size) const { return "the size " + sizeText(size); }
  std::string operator()(const Word &word) const { return "the word '" + word.text + "'"; }
  std::string operator()(const CallablePtr &callable) const { return callable->describe(); }
  std::string operator()(const NodePtr &node) const { return "the value '" + node->name + "'"; }
};
} // namespace

std::string expansion::describe(const Binding &binding) { return std::visit(Describe(), binding); }

std::vector<expansion::Parameter> expansion::parametersOf(const dsl::Operation &operation,
                                                          MLIRContext &context) {
  std::vector<Parameter> parameters;
  for (const dsl::OperationParameter &parameter : operation.parameters) {
    const dsl::Expr *tree = dsl::defaultOf(parameter);
    // A default that is another parameter's value (`stride=k`) takes that one's words too.
    const dsl::OperationParameter *other = operation.parameter(parameter.defaultText);
    parameters.push_back({.name = parameter.name,
                          .type = parameter.type,
                          .defaultValue = tree ? importExpression(*tree, context) : Attribute(),
                          .words = other ? other->words : parameter.words,
                          .sizeParts = parameter.sizeParts,
                          .minimum = parameter.minimum,
                          .maximum = parameter.maximum});
  }
  return parameters;
}

static dsl::Type typeNamed(StringRef name) {
  return llvm::StringSwitch<dsl::Type>(name)
      .Case("int", dsl::Type::Int)
      .Case("number", dsl::Type::Number)
      .Case("size", dsl::Type::Size)
      .Case("flag", dsl::Type::Flag)
      .Case("word", dsl::Type::Word)
      .Case("unit", dsl::Type::Unit)
      .Case("block", dsl::Type::Block)
      .Default(dsl::Type::Value);
}

std::vector<expansion::Parameter> expansion::parametersOf(Operation *definition) {
  std::vector<Parameter> parameters;
  for (auto parameter : definition->getAttrOfType<ArrayAttr>("parameters").getAsRange<arch::ParameterAttr>())
    parameters.push_back({.name = parameter.getName(),
                          .type = typeNamed(parameter.getType()),
                          .defaultValue = parameter.getDefaultValue()});
  return parameters;
}

StringRef Callable::name() const {
  return operation ? operation->name : SymbolTable::getSymbolName(definition).getValue();
}

std::string Callable::describe() const {
  StringRef kind = operation                        ? "operation"
                   : isa<arch::UnitOp>(definition)  ? "unit"
                   : isa<arch::BlockOp>(definition) ? "block"
                                                    : "network";
  return (kind + " '" + name() + "'").str();
}

const expansion::Parameter *Callable::find(StringRef parameter) const {
  for (const Parameter &candidate : parameters)
    if (candidate.name == parameter)
      return &candidate;
  return nullptr;
}

const expansion::Parameter *Callable::kindParameter() const {
  for (const Parameter &candidate : parameters)
    if (candidate.type == dsl::Type::Unit)
      return &candidate;
  return nullptr;
}
