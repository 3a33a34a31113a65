#include "dsl/Occurrences.h"

#include "dsl/Parser.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>
#include <tuple>

namespace kinema::dsl {

namespace {

using Kind = Symbol::Kind;

bool isExtent(llvm::StringRef part) { return llvm::is_contained({"c", "t", "h", "w"}, part); }

Symbol symbolOf(const Callee &callee) {
  if (callee.operation)
    return {Kind::Operation, callee.operation->name.str(), {}, callee};
  return {Kind::Definition, callee.definition->name.text, callee.definition->name.location, callee};
}

Symbol symbolOf(const Callee &callee, llvm::StringRef parameter) {
  Symbol symbol{Kind::Parameter, parameter.str(), {}, callee};
  if (!callee.definition)
    return symbol;
  if (const Parameter *own = callee.definition->parameter(parameter))
    symbol.declaration = own->name.location;
  for (const Name &operand : callee.definition->operands)
    if (operand.text == parameter)
      symbol.declaration = operand.location;
  return symbol;
}

/// Finds the occurrences in one definition.
class DefinitionWalk {
public:
  DefinitionWalk(const Program &program, const Definition &definition, Values &values,
                 const std::map<Location, const ArgumentUse *> &uses, std::vector<Occurrence> &found)
      : program(program), definition(definition), own{nullptr, &definition}, file(definition.location.file),
        values(values), uses(uses), found(found) {}

  void run();
  /// Finds a value that the recipe names, such as the one of a loss.
  void nameInRecipe(const std::string &name, Location place);

private:
  void add(Location location, Symbol symbol) { found.push_back({location, std::move(symbol)}); }
  void formula();
  void body(const Body &body);
  void statement(const Stmt &stmt);
  void call(const CallStmt &call);
  void arguments(llvm::ArrayRef<Argument> arguments, const Callee &callee);
  void expression(const Expr &expr, std::optional<Type> wanted);
  void path(const PathExpr &path, std::optional<Type> wanted);
  bool pathOfValue(const PathExpr &path);
  const ValueName *value(llvm::StringRef name);
  std::optional<Symbol> parameterOrLet(llvm::StringRef name) const;
  Callee callee(llvm::StringRef name) const { return findCallee(program, file, name); }

  const Program &program;
  const Definition &definition;
  const Callee own;
  const uint32_t file;
  Values &values;
  const std::map<Location, const ArgumentUse *> &uses; // by the place of the argument
  std::vector<Occurrence> &found;
  std::map<std::string, Location> lets;
  std::vector<const Body *> bodies; // the definition's and those of the streams around
  ValueNames streams;               // all of the definition
};

void DefinitionWalk::run() {
  add(definition.name.location, symbolOf(own));
  visitStatements(definition.body, [&](const Stmt &stmt) {
    if (const auto *let = llvm::dyn_cast<LetStmt>(&stmt))
      lets.try_emplace(let->name.text, let->name.location);
    if (llvm::isa<StreamStmt>(stmt))
      values.add(stmt, definition, streams);
  });
  for (const Parameter &parameter : definition.parameters) {
    add(parameter.name.location, symbolOf(own, parameter.name.text));
    if (parameter.defaultValue)
      expression(*parameter.defaultValue, parameter.type);
  }
  for (const Name &operand : definition.operands)
    add(operand.location, symbolOf(own, operand.text));
  if (definition.formula)
    formula();
  body(definition.body);
}

void DefinitionWalk::formula() {
  visitFormula(*definition.formula, [&](const Formula &part) {
    if (part.kind == Formula::Kind::Name)
      add(part.location, symbolOf(own, part.text));
    else if (part.kind == Formula::Kind::Call && findFunction(part.text))
      add(part.location, {Kind::Function, part.text});
    else if (const Definition *act =
                 part.kind == Formula::Kind::Call ? program.find(file, part.text) : nullptr)
      add(part.location, symbolOf(Callee{nullptr, act}));
  });
}

void DefinitionWalk::body(const Body &body) {
  const bool isScope = &body == &definition.body;
  if (isScope)
    bodies.push_back(&body);
  for (const Chain &chain : body.chains)
    for (const StmtPtr &stmt : chain.statements)
      statement(*stmt);
  if (isScope)
    bodies.pop_back();
}

void DefinitionWalk::statement(const Stmt &stmt) {
  if (const auto *let = llvm::dyn_cast<LetStmt>(&stmt)) {
    add(let->name.location, {Kind::Let, let->name.text, lets.at(let->name.text)});
    expression(*let->value, Type::Int);
  } else if (const auto *set = llvm::dyn_cast<SetStmt>(&stmt)) {
    const Callee head = callee(set->head.text);
    if (!head)
      return expression(*set->value, std::nullopt);
    add(set->head.location, symbolOf(head));
    std::optional<CalleeParameter> parameter = head.parameter(set->parameter.text);
    if (parameter)
      add(set->parameter.location, symbolOf(head, parameter->name));
    expression(*set->value, parameter ? std::optional(parameter->type) : std::nullopt);
  } else if (const auto *stream = llvm::dyn_cast<StreamStmt>(&stmt)) {
    add(stream->name.location, {Kind::Value, stream->name.text, stream->name.location});
    bodies.push_back(&stream->body);
    body(stream->body);
    bodies.pop_back();
  } else if (const auto *from = llvm::dyn_cast<FromStmt>(&stmt)) {
    if (from->label && from->label->text != "_")
      add(from->label->location, {Kind::Value, from->label->text, from->label->location});
    path(*from->path, Type::Value);
  } else {
    call(llvm::cast<CallStmt>(stmt));
  }
}

void DefinitionWalk::call(const CallStmt &call) {
  if (call.label && call.label->text != "_")
    add(call.label->location, {Kind::Value, call.label->text, call.label->location});
  const Parameter *parameter = definition.parameter(call.head.text);
  const bool callsParameter = parameter && (parameter->type == Type::Unit || parameter->type == Type::Block);
  const Callee head = callsParameter ? Callee() : callee(call.head.text);
  if (callsParameter)
    add(call.head.location, symbolOf(own, call.head.text));
  else if (head)
    add(call.head.location, symbolOf(head));
  arguments(call.arguments, head);
  if (call.times)
    expression(*call.times, Type::Int);
  if (call.same)
    expression(*call.same, Type::Value);
  if (call.frozen)
    expression(*call.frozen, Type::Flag);
  if (call.body)
    body(*call.body);
}

/// Takes the parameters that arguments fill from what the checks found.
void DefinitionWalk::arguments(llvm::ArrayRef<Argument> arguments, const Callee &head) {
  for (const Argument &argument : arguments) {
    Callee target;
    std::string name;
    if (auto use = uses.find(argument.location); use != uses.end()) {
      target = {use->second->operation, use->second->definition};
      name = use->second->parameter;
    } else if (head && head.parameter(argument.name)) { // a call with an error, which was not checked
      target = head;
      name = argument.name;
    }
    std::optional<CalleeParameter> parameter = target ? target.parameter(name) : std::nullopt;
    if (parameter && argument.isNamed())
      add(argument.location, symbolOf(target, name));
    std::optional<Type> type = parameter ? std::optional(parameter->type) : std::nullopt;
    if (!argument.isNamed() && head && head.takesValues())
      type = Type::Value;
    for (const ExprPtr &value : argument.cycle)
      expression(*value, type);
  }
}

void DefinitionWalk::expression(const Expr &expr, std::optional<Type> wanted) {
  if (const auto *path = llvm::dyn_cast<PathExpr>(&expr)) {
    this->path(*path, wanted);
  } else if (const auto *binary = llvm::dyn_cast<BinaryExpr>(&expr)) {
    expression(*binary->lhs, Type::Int);
    expression(*binary->rhs, Type::Int);
  } else if (const auto *list = llvm::dyn_cast<ListExpr>(&expr)) {
    for (const ExprPtr &element : list->elements)
      expression(*element, wanted == Type::Axes ? Type::Axes : Type::Int);
  } else if (const auto *bound = llvm::dyn_cast<BoundExpr>(&expr)) {
    expression(*bound->callee, wanted == Type::Block ? Type::Block : Type::Unit);
    const auto *path = llvm::dyn_cast<PathExpr>(bound->callee.get());
    const bool isDeclared = path && parameterOrLet(path->text());
    arguments(bound->arguments, path && !isDeclared ? callee(path->text()) : Callee());
  }
}

std::optional<Symbol> DefinitionWalk::parameterOrLet(llvm::StringRef name) const {
  if (definition.parameter(name))
    return symbolOf(own, name);
  if (auto let = lets.find(name.str()); let != lets.end())
    return Symbol{Kind::Let, name.str(), let->second};
  return std::nullopt;
}

/// Finds a path's words by the rules of Evaluator::evaluatePath. Where it is not known what is wanted, a
/// value of the network comes before what is called.
void DefinitionWalk::path(const PathExpr &path, std::optional<Type> wanted) {
  const PathExpr::Part &first = path.parts[0];
  if (std::optional<Symbol> symbol = parameterOrLet(first.text)) {
    // A parameter of another type does not hide an operation.
    const Parameter *parameter = definition.parameter(first.text);
    const bool isCallable = wanted == Type::Unit || wanted == Type::Block;
    if (!isCallable || !findOperation(first.text) || !parameter || parameter->type == *wanted)
      return add(first.location, std::move(*symbol));
  }
  const bool isNumber = path.parts.size() > 1 && isExtent(path.parts.back().text);
  if ((wanted == Type::Value || !wanted || isNumber) && pathOfValue(path))
    return;
  if (!path.isWord() || (wanted && *wanted != Type::Unit && *wanted != Type::Block && *wanted != Type::Word))
    return;
  const Callee named = callee(first.text);
  if (named && (wanted != Type::Word || named.isAct()))
    add(first.location, symbolOf(named));
}

/// Finds a value's name and those of values inside of it; returns false where the first part names none.
bool DefinitionWalk::pathOfValue(const PathExpr &path) {
  const ValueName *named = value(path.parts[0].text);
  if (!named)
    return false;
  ValueName last = *named;
  add(path.parts[0].location, {Kind::Value, last.name, last.location});
  for (const PathExpr::Part &part : llvm::drop_begin(path.parts)) {
    if (llvm::isDigit(part.text[0]))
      continue;
    const ValueNames *members = values.membersOf(last);
    const ValueName *member = members ? members->find(part.text) : nullptr;
    if (!member)
      break;
    last = *member;
    add(part.location, {Kind::Value, last.name, last.location});
  }
  return true;
}

void DefinitionWalk::nameInRecipe(const std::string &name, Location place) {
  std::vector<PathExpr::Part> parts;
  for (llvm::StringRef part : llvm::split(name, '.')) {
    place.length = part.size();
    parts.push_back({part.str(), place});
    place.column += part.size() + 1;
  }
  bodies = {&definition.body};
  pathOfValue(PathExpr(parts.front().location, parts));
  bodies.clear();
}

const ValueName *DefinitionWalk::value(llvm::StringRef name) {
  for (const Body *body : llvm::reverse(bodies))
    if (const ValueName *found = values.of(*body, definition).find(name))
      return found;
  return streams.find(name);
}

/// Finds what the statements of a section are.
void walkSection(const Section &section, std::vector<Occurrence> &found) {
  auto add = [&](Location location, Kind kind, llvm::StringRef name, const RecipeField &field) {
    found.push_back({location, {kind, name.str(), {}, {}, &field}});
  };
  visitStatements(section.body, [&](const Stmt &stmt) {
    const auto *call = llvm::dyn_cast<CallStmt>(&stmt);
    if (!call)
      return;
    const std::string_view head = call->head.text;
    for (const RecipeField &field : recipeFields) {
      if (llvm::StringRef(field.section) != toString(section.kind))
        continue;
      if (field.isStatement && llvm::is_contained(field.words, head))
        add(call->head.location, Kind::StatementWord, call->head.text, field);
      else if (field.isArgumentOf(head) && field.argument.empty())
        add(call->head.location, Kind::Setting, call->head.text, field);
      for (const Argument &argument : call->arguments)
        if (argument.isNamed() && field.isArgumentOf(head) && field.argument == argument.name)
          add(argument.location, Kind::Setting, argument.name, field);
    }
  });
}

} // namespace

std::vector<Occurrence> occurrencesIn(const Program &program, uint32_t file) {
  std::vector<Occurrence> found;
  const File &tree = *program.files[file];
  for (auto [use, other] : llvm::zip(tree.uses, program.uses[file]))
    if (other != file)
      found.push_back({use.location, {Kind::File, use.text, {other, 1, 1, 1}}});
  std::map<Location, const ArgumentUse *> uses;
  for (const ArgumentUse &use : program.arguments)
    uses.try_emplace(use.location, &use);
  Values values(program);
  auto walk = [&](const Definition &definition) {
    DefinitionWalk walk(program, definition, values, uses, found);
    walk.run();
    if (definition.kind != Definition::Kind::Network || file != 0)
      return;
    for (const std::string &name : program.recipe.train.of)
      if (auto place = program.recipe.valuePlaces.find(name); place != program.recipe.valuePlaces.end())
        walk.nameInRecipe(name, place->second);
  };
  for (const auto &definition : tree.definitions)
    if (program.callsEnd)
      walk(*definition);
  for (const Section &section : tree.sections)
    walkSection(section, found);
  llvm::sort(found, [](const Occurrence &a, const Occurrence &b) {
    return std::tie(a.location, a.symbol.kind, a.symbol.name) <
           std::tie(b.location, b.symbol.kind, b.symbol.name);
  });
  return found;
}

} // namespace kinema::dsl
