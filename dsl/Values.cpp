#include "dsl/Values.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

namespace {

/// Limits how many names are told apart, since calls under `_:` can multiply them beyond measure.
constexpr size_t maxNames = 1024;

} // namespace

const ValueName *ValueNames::find(llvm::StringRef name) const {
  for (const ValueName &value : names)
    if (value.name == name)
      return &value;
  return nullptr;
}

std::string noSuchMember(llvm::StringRef what, llvm::StringRef from, llvm::StringRef last,
                         llvm::StringRef part) {
  std::string whole = last == from ? part.str() : (last + "." + part).str();
  return (what + " '" + from + "' has no value '" + whole + "'").str();
}

std::string namesInside(llvm::StringRef value, llvm::ArrayRef<llvm::StringRef> names) {
  return names.empty() ? (value + " has no values inside").str()
                       : (value + " has " + llvm::join(names, ", ")).str();
}

/// Returns what a call's head is, where it is not a parameter.
Callee Values::headOf(const CallStmt &call, const Definition &owner) const {
  if (owner.parameter(call.head.text))
    return {};
  return findCallee(program, owner.location.file, call.head.text);
}

const ValueNames &Values::of(const Body &body, const Definition &owner) {
  auto found = known.find(&body);
  if (found != known.end())
    return *found->second;
  auto names = std::make_unique<ValueNames>();
  addBody(body, owner, *names);
  return *(known[&body] = std::move(names));
}

void Values::addBody(const Body &body, const Definition &owner, ValueNames &names) {
  for (const Chain &chain : body.chains) {
    for (const StmtPtr &stmt : chain.statements) {
      if (const auto *call = llvm::dyn_cast<CallStmt>(stmt.get()); call && call->body)
        addBody(*call->body, owner, names);
      add(*stmt, owner, names);
    }
  }
}

void Values::add(const Stmt &stmt, const Definition &owner, ValueNames &names) {
  auto addName = [&](const Name &name) { names.names.push_back({name.text, name.location, &stmt, &owner}); };
  names.open |= names.names.size() > maxNames;
  if (names.open && names.names.size() > maxNames)
    return;
  if (const auto *stream = llvm::dyn_cast<StreamStmt>(&stmt)) {
    addName(stream->name);
  } else if (const auto *from = llvm::dyn_cast<FromStmt>(&stmt)) {
    if (from->label && from->label->text != "_")
      addName(*from->label);
  } else if (const auto *call = llvm::dyn_cast<CallStmt>(&stmt)) {
    bool stage = call->head.text == "stage";
    names.stages += stage; // labelled ones count too, so that a label changes no other name
    if (!call->label) {
      if (stage)
        addName({"stage" + std::to_string(names.stages), call->head.location});
    } else if (call->label->text != "_") {
      addName(*call->label);
    } else if (Callee callee = headOf(*call, owner); !callee || stage) {
      names.open = true;
    } else if (callee.definition) {
      const ValueNames &inner = of(callee.definition->body, *callee.definition);
      names.names.insert(names.names.end(), inner.names.begin(), inner.names.end());
      names.open |= inner.open;
    }
  }
}

const ValueNames *Values::membersOf(const ValueName &value) {
  if (const auto *stream = llvm::dyn_cast<StreamStmt>(value.stmt))
    return &of(stream->body, *value.owner);
  const auto *call = llvm::dyn_cast<CallStmt>(value.stmt);
  if (!call)
    return &nothing;
  Callee callee = headOf(*call, *value.owner);
  if (callee.definition)
    return &of(callee.definition->body, *callee.definition);
  return callee.operation && !callee.is(Operation::Kind::Stage) ? &nothing : nullptr;
}

bool Values::checkMembers(const ValueName &from, llvm::ArrayRef<PathExpr::Part> parts,
                          Diagnostics &diagnostics) {
  ValueName value = from;
  while (!parts.empty()) {
    const PathExpr::Part &part = parts.front();
    if (parts.size() == 1 && llvm::is_contained({"c", "t", "h", "w"}, part.text))
      return true;
    const auto *call = llvm::dyn_cast<CallStmt>(value.stmt);
    bool stage = call && call->head.text == "stage";
    bool copies = stage || (call && call->times);
    if (copies && llvm::isDigit(part.text[0])) {
      if (stage)
        return true;
      parts = parts.drop_front();
      continue;
    }
    const ValueNames *members = membersOf(value);
    if (!members)
      return true;
    const ValueName *member = members->find(part.text);
    if (!member) {
      if (members->open)
        return true;
      std::vector<llvm::StringRef> names;
      for (const ValueName &name : members->names)
        names.push_back(name.name);
      llvm::StringRef what = llvm::isa<StreamStmt>(from.stmt) ? "stream" : "value";
      diagnostics.error(part.location, noSuchMember(what, from.name, value.name, part.text),
                        namesInside(value.name, names));
      return false;
    }
    value = *member;
    parts = parts.drop_front();
  }
  return true;
}

} // namespace kinema::dsl
