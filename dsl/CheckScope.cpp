#include "dsl/CheckScope.h"

#include "dsl/Evaluate.h"

#include "llvm/ADT/STLExtras.h"

namespace kinema::dsl {

CheckScope::CheckScope(const Program &program, const Definition &definition, Values &values,
                       const llvm::StringSet<> &everSet, std::vector<ArgumentUse> &arguments,
                       Diagnostics &diagnostics)
    : Scope(program, definition.location.file), definition(definition), values(values),
      diagnostics(diagnostics), everSet(everSet), arguments(arguments) {
  for (const Parameter &parameter : definition.parameters)
    names[parameter.name.text] = Unknown{parameter.type};
}

const Binding *CheckScope::find(llvm::StringRef name) const {
  auto found = names.find(name);
  return found == names.end() ? nullptr : &found->second;
}

std::optional<Type> CheckScope::parameterType(llvm::StringRef name) const {
  const Parameter *parameter = definition.parameter(name);
  return parameter ? std::optional(parameter->type) : std::nullopt;
}

bool CheckScope::isValue(llvm::StringRef name) const {
  return name == "in" || llvm::any_of(labels, [&](const ValueNames &scope) { return scope.find(name); });
}

/// Returns what `set` says in the same definition. Where it says nothing but the program sets the parameter
/// somewhere, the value is unknown, since a caller may have set it.
const Binding *CheckScope::setting(const Callee &callee, llvm::StringRef parameter) const {
  static const Binding unknown = Unknown();
  for (const Setting &setting : llvm::reverse(settings))
    if (setting.callee == callee && setting.parameter == parameter && !is<Auto>(setting.value))
      return &setting.value;
  bool said = !isCompiled() && everSet.contains((callee.name() + "." + parameter).str());
  return said ? &unknown : nullptr;
}

Diagnostic &CheckScope::error(Location where, std::string message, std::string hint) {
  return diagnostics.error(where, std::move(message), std::move(hint));
}

void CheckScope::addNames(std::vector<llvm::StringRef> &found) const {
  for (const auto &name : names)
    found.push_back(name.first());
  llvm::sort(found);
  for (const ValueNames &scope : labels)
    for (const ValueName &value : scope.names)
      found.push_back(value.name);
  for (const ValueName &stream : streams.names)
    found.push_back(stream.name);
}

void CheckScope::noteArgument(Location argument, const Callee &callee, llvm::StringRef parameter) {
  arguments.push_back({argument, callee.operation, callee.definition, parameter.str()});
}

std::optional<Binding> CheckScope::value(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts) {
  return checkValue(path, parts) ? std::optional<Binding>(Unknown{Type::Value}) : std::nullopt;
}

bool CheckScope::checkValue(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts) {
  const std::string &word = parts[0].text;
  llvm::ArrayRef<PathExpr::Part> members = parts.drop_front();
  if (!members.empty() && llvm::is_contained({"c", "t", "h", "w"}, members.back().text)) {
    error(path.location, "'" + path.text() + "' is a number, not a value");
    return false;
  }
  if (word == "in") {
    bool isNetwork = definition.kind == Definition::Kind::Network;
    if (isNetwork)
      error(path.location, "a network has no 'in'", "its `input` line is what it starts from");
    else if (!members.empty())
      error(path.location, "no names are known inside 'in'");
    return !isNetwork && members.empty();
  }
  if (std::optional<Type> type = parameterType(word)) {
    if (*type != Type::Value)
      error(path.location, "'" + word + "' is " + describe({word, *type}) + ", not a value");
    return *type == Type::Value;
  }
  size_t before = diagnostics.count();
  if (const ValueName *value = findValue(path))
    values.checkMembers(*value, members, diagnostics);
  return diagnostics.count() == before;
}

/// Returns the named value that a path starts from; null where there is none (which is reported here) or
/// where nothing can be said.
const ValueName *CheckScope::findValue(const PathExpr &path) {
  const std::string &word = path.parts[0].text;
  bool open = failed(word);
  for (const ValueNames &scope : llvm::reverse(labels)) {
    if (const ValueName *value = scope.find(word))
      return value;
    open |= scope.open;
  }
  if (const ValueName *stream = streams.find(word))
    return stream;
  if (open)
    return nullptr;
  for (const Body *body : bodies) {
    const ValueName *later = values.of(*body, definition).find(word);
    if (!later)
      continue;
    error(path.parts[0].location,
          "'" + word + "' is not known before line " + std::to_string(later->location.line),
          "a value is used on later lines, or from another stream");
    return nullptr;
  }
  reportUnknown(path, *this);
  return nullptr;
}

} // namespace kinema::dsl
