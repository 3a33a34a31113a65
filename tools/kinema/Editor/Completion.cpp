#include "tools/kinema/Editor/Completion.h"

#include "dsl/Library.h"
#include "dsl/ParseExpression.h"
#include "dsl/Parser.h"
#include "tools/kinema/Editor/Hover.h"

#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace kinema::editor {

namespace {

using ItemKind = lsp::CompletionItemKind;
using Kind = dsl::Token::Kind;

class Completer {
public:
  Completer(const Analysis &analysis, dsl::Location place);

  std::vector<lsp::CompletionItem> run();

private:
  const dsl::Token &before(size_t n) const { return tokens[tokens.size() - n]; }
  bool isAfterMark(char mark) const { return !tokens.empty() && before(1).isMark(mark); }
  void findOpen();
  void findStatement();

  void add(StringRef label, ItemKind kind, std::string detail = "", std::string documentation = "");
  void addCallee(const dsl::Callee &callee);
  void addCallees(function_ref<bool(const dsl::Callee &)> isWanted);
  void addOwnParameters(function_ref<bool(dsl::Type)> isWanted);
  void addValues();
  void addLets();

  void parts();
  void files();
  void header();
  void setting();
  void statementStart();
  void setParameter();
  void member();
  void value(const dsl::CalleeParameter &parameter);
  void argument();
  std::optional<dsl::CalleeParameter> parameterNamed(StringRef name) const;
  dsl::CalleeParameter withWords(dsl::Callee callee, dsl::CalleeParameter parameter) const;
  std::optional<dsl::ArgumentUse> passedOn(const dsl::Definition &from, StringRef parameter) const;
  std::vector<dsl::Callee> callees() const;

  const Analysis &analysis;
  const dsl::Program &program;
  std::vector<dsl::Token> tokens;              // before the word that is typed
  size_t part = 0;                             // the first token of the part of the file that is open
  size_t statement = 0;                        // the first token of the statement behind its label
  unsigned braces = 0;                         // that are open
  const dsl::Definition *definition = nullptr; // that is open, where the parser has understood it
  StringSet<> added;
  std::vector<lsp::CompletionItem> items;
};

Completer::Completer(const Analysis &analysis, dsl::Location place)
    : analysis(analysis), program(analysis.program()) {
  for (const dsl::Token &token : analysis.tokens()) {
    const dsl::Location &at = token.location;
    const bool isBefore =
        at.line < place.line || (at.line == place.line && at.column + at.length <= place.column);
    // A word that ends at the place is the one that is typed.
    const bool isTyped = at.line == place.line && at.column + at.length == place.column &&
                         (token.is(Kind::Word) || token.is(Kind::Repeat));
    if (token.is(Kind::End) || !isBefore || isTyped)
      break;
    tokens.push_back(token);
  }
  // What stands behind the place does not count, not even the end of its line.
  while (!tokens.empty() && tokens.back().is(Kind::Newline) && tokens.back().location.line == place.line)
    tokens.pop_back();
  findOpen();
  findStatement();
}

/// Finds the part of the file and the braces that are open at the place.
void Completer::findOpen() {
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool starts = i == 0 || tokens[i - 1].is(Kind::Newline);
    if (braces == 0 && starts)
      part = i;
    braces += tokens[i].isMark('{');
    braces -= tokens[i].isMark('}') && braces > 0;
  }
  if (!tokens.empty() && braces == 0 && tokens.back().is(Kind::Newline))
    part = tokens.size();
  for (const auto &candidate : analysis.file().definitions)
    if (part < tokens.size() && candidate->location.line == tokens[part].location.line)
      definition = candidate.get();
}

void Completer::findStatement() {
  int brackets = 0;
  statement = tokens.size();
  while (statement > part) {
    const dsl::Token &token = tokens[statement - 1];
    brackets += token.isMark(')') + token.isMark(']') - token.isMark('(') - token.isMark('[');
    const bool ends =
        token.is(Kind::Newline) || token.is(Kind::Arrow) || token.isMark('{') || token.isMark('}');
    if (ends || (brackets < 0 && token.isMark('('))) // a kind with arguments bound is like a statement
      break;
    --statement;
  }
  if (statement + 1 < tokens.size() && tokens[statement].is(Kind::Word) &&
      tokens[statement + 1].isMark(':') && braces > 0)
    statement += 2;
}

//===-- Items -------------------------------------------------------------===//

void Completer::add(StringRef label, ItemKind kind, std::string detail, std::string documentation) {
  if (!added.insert(label).second)
    return;
  lsp::CompletionItem &item = items.emplace_back(label, kind);
  item.detail = std::move(detail);
  if (!documentation.empty())
    item.documentation = lsp::MarkupContent{lsp::MarkupKind::Markdown, std::move(documentation)};
}

void Completer::addCallee(const dsl::Callee &callee) {
  if (callee.operation)
    return add(callee.name(), ItemKind::Operator, signatureOf(callee));
  add(callee.name(), callee.isUnit() ? ItemKind::Function : ItemKind::Class, signatureOf(callee),
      commentOf(*callee.definition, analysis.sources()));
}

void Completer::addCallees(function_ref<bool(const dsl::Callee &)> isWanted) {
  for (StringRef name : program.names(0))
    if (const dsl::Callee callee{nullptr, program.find(0, name)}; isWanted(callee))
      addCallee(callee);
  for (const dsl::Operation &operation : dsl::operations())
    if (const dsl::Callee callee{&operation, nullptr}; isWanted(callee))
      addCallee(callee);
}

void Completer::addOwnParameters(function_ref<bool(dsl::Type)> isWanted) {
  if (definition)
    for (const dsl::Parameter &parameter : definition->parameters)
      if (isWanted(parameter.type))
        add(parameter.name.text, ItemKind::Variable, "parameter of " + definition->name.text);
}

void Completer::addLets() {
  if (definition)
    dsl::visitStatements(definition->body, [&](const dsl::Stmt &stmt) {
      if (const auto *let = dyn_cast<dsl::LetStmt>(&stmt))
        add(let->name.text, ItemKind::Variable, "let");
    });
}

/// Adds the names of values, those of streams too.
void Completer::addValues() {
  if (!definition || !program.callsEnd)
    return;
  dsl::Values values(program);
  auto addAll = [&](const dsl::Body &body) {
    for (const dsl::ValueName &value : values.of(body, *definition).names)
      add(value.name, ItemKind::Reference, "value");
  };
  addAll(definition->body);
  dsl::visitStatements(definition->body, [&](const dsl::Stmt &stmt) {
    if (const auto *stream = dyn_cast<dsl::StreamStmt>(&stmt))
      addAll(stream->body);
  });
  if (definition->kind != dsl::Definition::Kind::Network)
    add("in", ItemKind::Keyword, "the value that this is called on");
  addOwnParameters([](dsl::Type type) { return type == dsl::Type::Value; });
}

//===-- Places ------------------------------------------------------------===//

void Completer::parts() {
  for (StringRef word : dsl::partWords())
    add(word, ItemKind::Keyword);
}

void Completer::files() {
  for (auto [all, what] : {std::pair(dsl::library(), "library"), {dsl::models(), "network of models/"}})
    for (const dsl::LibraryFile &file : all)
      if (file.name != "prelude") // which every file has
        add(file.name, ItemKind::File, what);
}

/// Completes between the name of a definition and its brace.
void Completer::header() {
  if (isAfterMark(':')) {
    for (StringRef type : dsl::parameterTypes())
      add(type, ItemKind::TypeParameter);
  } else if (isAfterMark('=')) {
    addCallees([](const dsl::Callee &) { return true; });
    for (StringRef word : {"on", "off", "auto", "none"})
      add(word, ItemKind::Keyword);
    addOwnParameters([](dsl::Type) { return true; });
  }
}

/// Completes a statement of the recipe.
void Completer::setting() {
  const StringRef section = tokens[part].text;
  const bool starts = statement == tokens.size();
  const std::string_view head = starts ? "" : std::string_view(tokens[statement].text);
  const StringRef named = isAfterMark('=') && tokens.size() > 1 ? before(2).text : "";
  for (const RecipeField &field : recipeFields) {
    if (StringRef(field.section) != section)
      continue;
    const std::string meaning(field.meaning);
    if (starts && field.isStatement) {
      for (std::string_view word : field.words)
        add(word, ItemKind::Keyword, "", meaning);
    } else if (starts) {
      add(field.statement, ItemKind::Keyword, "", field.argument.empty() ? meaning : "");
      for (std::string_view word : field.also)
        add(word, ItemKind::Keyword);
    } else if (!field.isArgumentOf(head) || field.isStatement) {
      continue;
    } else if (named.empty() && !field.argument.empty()) {
      add(std::string(field.argument) + "=", ItemKind::Property, "", meaning);
    } else if (StringRef(field.argument) == named) {
      for (std::string_view word : field.words)
        add(word, ItemKind::EnumMember, "", meaning);
    }
  }
}

void Completer::statementStart() {
  for (StringRef word : dsl::statementWords())
    add(word, ItemKind::Keyword);
  addOwnParameters([](dsl::Type type) { return type == dsl::Type::Unit || type == dsl::Type::Block; });
  addCallees([](const dsl::Callee &) { return true; });
}

/// Completes the parameter behind `set conv.`.
void Completer::setParameter() {
  if (statement + 1 >= tokens.size())
    return;
  if (const dsl::Callee callee = dsl::findCallee(program, 0, tokens[statement + 1].text))
    for (const dsl::CalleeParameter &parameter : callee.parameters())
      add(parameter.name.str() + "=", ItemKind::Property, signatureOf(parameter));
}

/// Completes what is inside of a value or a size, behind a dot.
void Completer::member() {
  size_t first = tokens.size() - 1;
  while (first >= 2 && tokens[first].isMark('.'))
    first -= 2;
  first += first + 1 < tokens.size() && !tokens[first].is(Kind::Word);
  const StringRef name = tokens[first].text;
  const dsl::Parameter *parameter = definition ? definition->parameter(name) : nullptr;
  const bool isSize = parameter && parameter->type == dsl::Type::Size;
  for (StringRef axis : {"c", "t", "h", "w"})
    if (!isSize || axis != "c")
      add(axis, ItemKind::Property, isSize ? "part of a size" : "size of the value");
  if (isSize || !definition || !program.callsEnd)
    return;
  dsl::Values values(program);
  const dsl::ValueName *value = values.of(definition->body, *definition).find(name);
  std::optional<dsl::ValueName> last = value ? std::optional(*value) : std::nullopt;
  for (size_t i = first + 2; last && i + 1 < tokens.size(); i += 2) {
    const dsl::ValueNames *members = values.membersOf(*last);
    const dsl::ValueName *member = members ? members->find(tokens[i].text) : nullptr;
    if (member)
      last = *member;
    else if (!tokens[i].is(Kind::Int))
      last.reset();
  }
  if (const dsl::ValueNames *members = last ? values.membersOf(*last) : nullptr)
    for (const dsl::ValueName &member : members->names)
      add(member.name, ItemKind::Reference, "value in " + name.str());
}

/// Completes the value of a parameter.
void Completer::value(const dsl::CalleeParameter &parameter) {
  using dsl::Type;
  for (StringRef word : parameter.words)
    add(word, ItemKind::EnumMember);
  if (parameter.type == Type::Flag)
    for (StringRef word : {"on", "off"})
      add(word, ItemKind::EnumMember);
  if (parameter.defaultValue)
    add("auto", ItemKind::Keyword, "the default");
  if (parameter.isActivation)
    addCallees([](const dsl::Callee &callee) { return callee.isAct() && !callee.takesValues(); });
  if (parameter.type == Type::Unit)
    addCallees([](const dsl::Callee &callee) { return callee.isUnit(); });
  if (parameter.type == Type::Block)
    addCallees([](const dsl::Callee &) { return true; });
  if (parameter.type == Type::Value)
    return addValues();
  const bool isNumeric = parameter.type == Type::Int || parameter.type == Type::Size;
  addOwnParameters([&](Type type) { return type == parameter.type || (isNumeric && type == Type::Int); });
  if (isNumeric || parameter.type == Type::Axes)
    addLets();
  if (isNumeric)
    addValues();
}

/// Returns what the statement calls, and the kinds and blocks among its arguments, with which others ride.
std::vector<dsl::Callee> Completer::callees() const {
  std::vector<dsl::Callee> result;
  auto addNamed = [&](StringRef name) {
    if (const dsl::Callee callee = dsl::findCallee(program, 0, name); callee && !is_contained(result, callee))
      result.push_back(callee);
  };
  for (const dsl::Token &token : ArrayRef(tokens).drop_front(statement))
    if (token.is(Kind::Word))
      addNamed(token.text);
  // Where none is named, kinds and blocks that are defaults take the arguments.
  for (size_t i = 0; i < result.size(); ++i)
    for (const dsl::CalleeParameter &parameter : result[i].parameters())
      if (parameter.type == dsl::Type::Unit || parameter.type == dsl::Type::Block)
        if (const auto *path = dyn_cast_or_null<dsl::PathExpr>(parameter.defaultValue))
          addNamed(path->text());
  return result;
}

std::optional<dsl::CalleeParameter> Completer::parameterNamed(StringRef name) const {
  for (const dsl::Callee &callee : callees())
    if (std::optional<dsl::CalleeParameter> parameter = callee.parameter(name))
      return withWords(callee, *parameter);
  return std::nullopt;
}

/// Returns a parameter with the words of the one that it is passed on to, such as `act` of conv3d: a
/// definition's own declares none.
dsl::CalleeParameter Completer::withWords(dsl::Callee callee, dsl::CalleeParameter parameter) const {
  if (!program.callsEnd) // else this may not end
    return parameter;
  while (parameter.type == dsl::Type::Word && callee.definition) {
    const std::optional<dsl::ArgumentUse> passed = passedOn(*callee.definition, parameter.name);
    if (!passed)
      break;
    callee = {passed->operation, passed->definition};
    dsl::CalleeParameter target = *callee.parameter(passed->parameter);
    parameter.type = target.type;
    parameter.words = target.words;
    parameter.isActivation = target.isActivation;
    parameter.name = target.name;
  }
  return parameter;
}

/// Returns where a definition passes a parameter on as it is.
std::optional<dsl::ArgumentUse> Completer::passedOn(const dsl::Definition &from, StringRef parameter) const {
  std::optional<dsl::ArgumentUse> passed;
  dsl::visitStatements(from.body, [&](const dsl::Stmt &stmt) {
    const auto *call = dyn_cast<dsl::CallStmt>(&stmt);
    for (const dsl::Argument &argument : call ? ArrayRef(call->arguments) : ArrayRef<dsl::Argument>()) {
      const auto *path = dyn_cast<dsl::PathExpr>(&argument.value());
      const auto use = llvm::find_if(program.arguments, [&](const dsl::ArgumentUse &use) {
        return path && path->text() == parameter && use.location == argument.location;
      });
      if (!passed && use != program.arguments.end())
        passed = *use;
    }
  });
  return passed;
}

/// Completes an argument of a call.
void Completer::argument() {
  const std::vector<dsl::Callee> all = callees();
  if (isAfterMark('=') || isAfterMark('|')) {
    size_t name = tokens.size();
    while (name > statement && !tokens[name - 1].isMark('='))
      --name;
    if (name < statement + 2)
      return;
    if (std::optional<dsl::CalleeParameter> parameter = parameterNamed(tokens[name - 2].text))
      return value(*parameter);
    return value(
        {tokens[name - 2].text, tokens[name - 2].isWord("same") ? dsl::Type::Value : dsl::Type::Int});
  }
  if (!all.empty() && tokens[statement].text == all.front().name()) {
    if (all.front().takesValues())
      addValues();
    for (const dsl::CalleeParameter &parameter : all.front().parameters())
      if (!parameter.defaultValue) // what is given by position
        value(parameter);
  }
  StringSet<> given;
  for (size_t i = statement; i + 1 < tokens.size(); ++i)
    if (tokens[i].is(Kind::Word) && tokens[i + 1].isMark('='))
      given.insert(tokens[i].text);
  for (const dsl::Callee &callee : all)
    for (const dsl::CalleeParameter &parameter : callee.parameters())
      if (!given.contains(parameter.name))
        add(parameter.name.str() + "=", ItemKind::Property,
            signatureOf(parameter) + " of " + callee.describe());
  for (StringRef option : dsl::callOptionNames())
    if (!given.contains(option))
      add(option.str() + "=", ItemKind::Property, "what every call can be told");
}

std::vector<lsp::CompletionItem> Completer::run() {
  const bool inPart = part < tokens.size();
  if (!inPart) {
    parts();
  } else if (braces == 0 && tokens[part].isWord("use")) {
    files();
  } else if (braces == 0) {
    header();
  } else if (is_contained({"data", "train", "eval", "compute"}, tokens[part].text)) {
    setting();
  } else if (isAfterMark('.') && tokens[statement].isWord("set")) {
    setParameter();
  } else if (isAfterMark('.')) {
    member();
  } else if (statement == tokens.size()) {
    statementStart();
  } else if (tokens[statement].isWord("from")) {
    addValues();
  } else if (tokens[statement].isWord("let")) {
    value({"let", dsl::Type::Int});
  } else if (tokens[statement].isWord("set") && statement + 1 == tokens.size()) {
    addCallees([](const dsl::Callee &) { return true; });
  } else {
    argument();
  }
  return std::move(items);
}

} // namespace

std::vector<lsp::CompletionItem> completionsAt(const Analysis &analysis, dsl::Location place) {
  const StringRef before = analysis.sources().line(0, place.line).take_front(place.column - 1);
  if (before.contains('#')) // which nothing but a comment has
    return {};
  return Completer(analysis, place).run();
}

} // namespace kinema::editor
