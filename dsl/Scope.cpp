#include "dsl/Scope.h"

#include "dsl/Evaluate.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

std::string parametersOf(llvm::ArrayRef<Callee> callees) {
  auto describe = [](const Callee &callee) {
    return (callee.name() + ": " + llvm::join(callee.parameterNames(), " ")).str();
  };
  return "(" + llvm::join(llvm::map_range(callees, describe), "; ") + ")";
}

void reportMissing(const Callee &callee, const CalleeParameter &parameter, Location head, Scope &scope) {
  scope.error(head, (callee.describe() + " wants '" + parameter.name + "'").str(), parametersOf({callee}));
}

std::optional<CalleeParameter> missingArgument(const Callable &callable, const Scope &scope) {
  for (const CalleeParameter &parameter : callable.callee.parameters())
    if (!parameter.defaultValue && !callable.bound.count(parameter.name.str()) &&
        !scope.setting(callable.callee, parameter.name))
      return parameter;
  return std::nullopt;
}

CalleeScope::CalleeScope(Scope &caller, const Callee &callee, Location call)
    : Scope(caller.program, callee.definition ? callee.definition->location.file : caller.file),
      caller(caller), called(callee), call(call) {}

bool CalleeScope::fill(const Callable &callable, Location head) {
  for (const auto &[name, argument] : callable.bound)
    names[name] = argument.value;
  for (const CalleeParameter &parameter : called.parameters()) {
    if (names.contains(parameter.name))
      continue;
    if (const Binding *setting = caller.setting(called, parameter.name)) {
      names[parameter.name] = *setting;
    } else if (!parameter.defaultValue) {
      reportMissing(called, parameter, head, caller);
      return false;
    } else if (!fillDefault(parameter)) {
      return false;
    }
    if (is<Broken>(names[parameter.name]))
      return false;
  }
  return true;
}

bool CalleeScope::fillDefault(const CalleeParameter &parameter) {
  // A default that is another parameter's value (`stride=k`) takes the words of that parameter too.
  CalleeParameter wanted = parameter;
  if (const auto *path = llvm::dyn_cast<PathExpr>(parameter.defaultValue))
    if (auto other = called.parameter(path->text()))
      wanted.words = other->words;
  std::optional<Binding> value = Evaluator(*this).evaluate(*parameter.defaultValue, wanted);
  if (value)
    names[parameter.name] = std::move(*value);
  return value.has_value();
}

void CalleeScope::assumeParameters() {
  for (const CalleeParameter &parameter : called.parameters())
    names[parameter.name] = Unknown{parameter.type};
}

const Binding *CalleeScope::find(llvm::StringRef name) const {
  auto found = names.find(name);
  return found == names.end() ? nullptr : &found->second;
}

std::optional<Type> CalleeScope::parameterType(llvm::StringRef name) const {
  auto parameter = called.parameter(name);
  return parameter ? std::optional(parameter->type) : std::nullopt;
}

std::optional<Binding> CalleeScope::value(const PathExpr &, llvm::ArrayRef<PathExpr::Part>) {
  return Binding(Unknown{Type::Value});
}

/// Reports an error. A default of an operation stands nowhere in a text, so that the place is then the call.
Diagnostic &CalleeScope::error(Location where, std::string message, std::string hint) {
  Location place = where.known() ? where : call;
  Diagnostic &error = caller.error(place, std::move(message), std::move(hint));
  if (call.known() && call != place)
    error.calledFrom.insert(error.calledFrom.begin(), call);
  return error;
}

} // namespace kinema::dsl
