#include "dsl/Callee.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

namespace kinema::dsl {

namespace {

/// Bounds the extent of anything, which keeps products of a few extents within 64 bits.
constexpr double largestExtent = (1u << 31) - 1;

CalleeParameter view(const OperationParameter &parameter) {
  CalleeParameter result{parameter.name,           parameter.type,      defaultOf(parameter),
                         parameter.allowedWords(), parameter.sizeParts, parameter.minimum,
                         parameter.maximum,        parameter.takesPair, parameter.isActivation};
  if (parameter.minimum && !parameter.maximum &&
      (parameter.type == Type::Int || parameter.type == Type::Size))
    result.maximum = largestExtent;
  return result;
}

/// Returns a parameter as callers see it. `ch` and `stride` mean the same in all units and blocks, which is
/// what lets blocks call any kind.
CalleeParameter view(const Parameter &parameter) {
  CalleeParameter result{parameter.name.text, parameter.type, parameter.defaultValue.get()};
  if ((result.name == "ch" && result.type == Type::Int) ||
      (result.name == "stride" && result.type == Type::Size)) {
    result.minimum = 1;
    result.maximum = largestExtent;
  }
  return result;
}

} // namespace

llvm::StringRef Callee::name() const {
  return operation ? operation->name : llvm::StringRef(definition->name.text);
}

std::string Callee::describe() const {
  llvm::StringRef kind = operation ? llvm::StringRef("operation") : toString(definition->kind);
  return (llvm::Twine(kind) + " '" + name() + "'").str();
}

std::vector<CalleeParameter> Callee::parameters() const {
  std::vector<CalleeParameter> result;
  if (operation)
    for (const OperationParameter &parameter : operation->parameters)
      result.push_back(view(parameter));
  else
    for (const Parameter &parameter : definition->parameters)
      result.push_back(view(parameter));
  return result;
}

std::optional<CalleeParameter> Callee::parameter(llvm::StringRef name) const {
  auto find = [&](const auto *parameter) {
    return parameter ? std::optional(view(*parameter)) : std::nullopt;
  };
  return operation ? find(operation->parameter(name)) : find(definition->parameter(name));
}

std::vector<llvm::StringRef> Callee::parameterNames() const {
  std::vector<llvm::StringRef> names;
  for (CalleeParameter &parameter : parameters())
    names.push_back(parameter.name);
  return names;
}

std::optional<CalleeParameter> Callee::kindParameter() const {
  if (definition)
    for (CalleeParameter &parameter : parameters())
      if (parameter.type == Type::Unit)
        return parameter;
  return std::nullopt;
}

bool Callee::isUnit() const { return operation || definition->kind == Definition::Kind::Unit || isAct(); }

bool Callee::takesValues() const {
  return operation ? operation->takesValues : isAct() && definition->operands.size() > 1;
}

Operation::Braces Callee::braces() const {
  if (operation)
    return operation->braces;
  return takesValues() ? Operation::Braces::Branches : Operation::Braces::None;
}

Callee findCallee(const Program &program, uint32_t file, llvm::StringRef name) {
  if (const Operation *operation = findOperation(name))
    return {operation, nullptr};
  return {nullptr, program.find(file, name)};
}

} // namespace kinema::dsl
