#include "dsl/Parser.h"

#include "dsl/Operations.h"
#include "dsl/ParseFormula.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

namespace {

using Kind = Token::Kind;

constexpr llvm::StringRef keywordTable[] = {"use", "unit", "block", "network", "stream", "let",
                                            "set", "from", "data",  "train",   "eval",   "compute",
                                            "in",  "auto", "on",    "off",     "none"};

constexpr llvm::StringRef partTable[] = {"use",  "unit",  "block", "network", "act",
                                         "data", "train", "eval",  "compute"};
constexpr llvm::StringRef statementTable[] = {"let", "set", "from", "stream"};
constexpr llvm::StringRef typeTable[] = {"int", "number", "size", "flag", "word", "unit", "block", "value"};

/// Parses files, definitions and statements.
class Parser : public FormulaParser {
public:
  Parser(const Sources &sources, uint32_t id, Diagnostics &diagnostics)
      : FormulaParser(sources, id, diagnostics) {
    result->id = id;
  }

  std::unique_ptr<File> file();
  std::optional<Setting> setting();
  ExprPtr wholeExpression();

private:
  std::optional<Name> name(llvm::StringRef what, bool operationsToo);
  bool part();
  bool use();
  bool definition();
  bool parameter(Definition &definition);
  bool act();
  bool operand(Definition &act);
  bool section();
  bool braceOnLaterLine();
  std::optional<Body> body();
  bool bodyLine(Body &body);
  StmtPtr statement();
  StmtPtr let();
  StmtPtr set();
  StmtPtr stream();
  StmtPtr from(std::optional<Name> label, Location start);
  StmtPtr call(std::optional<Name> label, Location start);

  std::unique_ptr<File> result = std::make_unique<File>();
  bool inSection = false; // whether in a section of the recipe
  bool unwinding = false; // a body was not closed before a definition: close all that are open
};

std::unique_ptr<File> Parser::file() {
  while (true) {
    dropNewlines();
    unwinding = false;
    if (peek().is(Kind::End) || diagnostics.count() >= Diagnostics::limit)
      break;
    size_t start = position;
    bool good = part();
    if (good && !peek().is(Kind::Newline) && !peek().is(Kind::End))
      good = unexpected("the line's end") != nullptr;
    if (!good && !unwinding)
      nextLine(start);
    if (position == start)
      ++position;
  }
  result->failedNames = std::move(failedNames);
  return std::move(result);
}

/// Parses a `use` line, a definition or a section.
bool Parser::part() {
  const Token &token = peek();
  if (token.isWord("use"))
    return use();
  if (token.isWord("unit") || token.isWord("block") || token.isWord("network"))
    return definition();
  if (token.isWord("act"))
    return act();
  if (token.isWord("data") || token.isWord("train") || token.isWord("eval") || token.isWord("compute"))
    return section();
  if (token.isMark('}')) {
    fail("a '}' too many: no brace is open here");
    take();
    return true;
  }
  unexpected("use, unit, block, network, act, data, train, eval or compute",
             token.isMark('/') ? commentHint : didYouMean(token.text, partTable));
  return false;
}

std::optional<Name> Parser::name(llvm::StringRef what, bool operationsToo) {
  const Token &token = peek();
  if (token.is(Kind::Repeat)) {
    fail(("'" + token.text + "' cannot be the name of " + what).str(), "x and digits are a number of copies");
    return std::nullopt;
  }
  if (!token.is(Kind::Word)) {
    unexpected(("the name of " + what).str());
    return std::nullopt;
  }
  if (llvm::is_contained(keywords(), token.text)) {
    fail(("'" + token.text + "' is a word of the language, it cannot be the name of " + what).str());
    return std::nullopt;
  }
  if (!operationsToo && findOperation(token.text)) {
    fail(("'" + token.text + "' is an operation, it cannot be the name of " + what).str());
    return std::nullopt;
  }
  Token taken = take();
  return Name{taken.text.str(), taken.location};
}

bool Parser::use() {
  take();
  auto used = name("a file", true);
  if (!used)
    return false;
  if (peek().isMark('.'))
    return unexpected("the line's end", "a file is named without its ending: use " + used->text), false;
  result->uses.push_back(std::move(*used));
  return true;
}

bool Parser::definition() {
  auto definition = std::make_unique<Definition>();
  Token keyword = take();
  definition->location = keyword.location;
  definition->kind = keyword.isWord("unit")    ? Definition::Kind::Unit
                     : keyword.isWord("block") ? Definition::Kind::Block
                                               : Definition::Kind::Network;
  auto named = name(("a " + keyword.text).str(), false);
  if (!named)
    return false;
  definition->name = std::move(*named);
  while (peek().is(Kind::Word))
    if (!parameter(*definition))
      return false;
  if (peek().is(Kind::Repeat))
    return name("a parameter", true), false;
  auto parsed = body();
  if (!parsed)
    return false;
  definition->body = std::move(*parsed);
  result->definitions.push_back(std::move(definition));
  return true;
}

bool Parser::parameter(Definition &definition) {
  Parameter parameter;
  auto named = name("a parameter", true);
  if (!named)
    return false;
  if (isCallOption(named->text))
    return failAt(named->location, "'" + named->text + "' cannot be the name of a parameter",
                  "every call can be told times=n, its copies; same=a, whose weights it uses; frozen=on"),
           false;
  if (const Parameter *other = definition.parameter(named->text))
    return failAt(named->location, "two parameters are called '" + other->name.text + "'"), false;
  parameter.name = std::move(*named);
  if (takeMark(':')) {
    const auto *type = llvm::find(typeTable, peek().text);
    if (type == std::end(typeTable))
      return unexpected("a type (int number size flag word unit block value)",
                        didYouMean(peek().text, typeTable)),
             false;
    take();
    parameter.type = static_cast<Type>(type - typeTable);
  }
  if ((parameter.type == Type::Unit || parameter.type == Type::Block) && findOperation(parameter.name.text))
    return failAt(parameter.name.location,
                  "'" + parameter.name.text +
                      "' is an operation, it cannot be the name of a parameter that is called"),
           false;
  if (takeMark('=')) {
    parameter.defaultValue = expression();
    if (!parameter.defaultValue)
      return false;
  }
  definition.parameters.push_back(std::move(parameter));
  return true;
}

/// Parses an act, such as `act leaky(x, slope=0.1) = max(x, 0) + slope * min(x, 0)`.
bool Parser::act() {
  auto definition = std::make_unique<Definition>();
  definition->kind = Definition::Kind::Act;
  definition->location = take().location;
  auto named = name("an act", false);
  if (!named)
    return false;
  if (findFunction(named->text))
    return failAt(named->location,
                  "'" + named->text + "' is a function of formulas, it cannot be the name of an act"),
           false;
  definition->name = std::move(*named);
  const char *form = "act swish(x) = x * sigmoid(x)";
  if (!takeMark('('))
    return unexpected("'('", form), false;
  do {
    if (!operand(*definition))
      return false;
  } while (takeMark(','));
  if (!takeMark(')'))
    return unexpected("')'", form), false;
  if (!takeMark('='))
    return unexpected("'='", form), false;
  definition->formula = formula();
  if (!definition->formula)
    return false;
  result->definitions.push_back(std::move(definition));
  return true;
}

/// Parses an operand of an act, or a parameter, which is a number with a default.
bool Parser::operand(Definition &act) {
  auto named = name("an operand", true);
  if (!named)
    return false;
  auto isTaken = [&](const Name &other) { return other.text == named->text; };
  if (llvm::any_of(act.operands, isTaken) || act.parameter(named->text))
    return failAt(named->location, "two operands are called '" + named->text + "'"), false;
  if (!takeMark('=')) {
    if (!act.parameters.empty())
      return failAt(named->location, "the operand '" + named->text + "' stands behind a parameter",
                    "operands come first"),
             false;
    act.operands.push_back(std::move(*named));
    return true;
  }
  if (!peek().is(Kind::Int) && !peek().is(Kind::Number))
    return unexpected("a number"), false;
  ExprPtr number = expressionOfNumber();
  if (!number)
    return false;
  act.parameters.push_back({std::move(*named), Type::Number, std::move(number)});
  return true;
}

bool Parser::section() {
  Token keyword = take();
  auto kind = keyword.isWord("data")    ? Section::Kind::Data
              : keyword.isWord("train") ? Section::Kind::Train
              : keyword.isWord("eval")  ? Section::Kind::Eval
                                        : Section::Kind::Compute;
  inSection = true;
  auto parsed = body();
  inSection = false;
  if (parsed)
    result->sections.push_back({kind, keyword.location, std::move(*parsed)});
  return parsed.has_value();
}

/// Reports a '{' that stands on a line of its own, and takes it.
bool Parser::braceOnLaterLine() {
  size_t end = position;
  dropNewlines();
  bool found = peek().isMark('{') && position > end;
  Location brace = peek().location;
  if (!found)
    position = end;
  else
    failAt(brace, "expected '{' on the line before", "it stands at the end of the line that it belongs to");
  return found;
}

/// Parses a body. After an error on one of its lines it goes on at the next; it fails only where the body is
/// not closed.
std::optional<Body> Parser::body() {
  if (!peek().isMark('{') && !braceOnLaterLine()) {
    unexpected("'{'");
    return std::nullopt;
  }
  Nesting nesting(*this);
  Body parsed;
  parsed.open = take().location;
  if (tooDeep())
    return std::nullopt;
  while (true) {
    dropNewlines();
    if (gaveUp)
      return std::nullopt;
    if (peek().isMark('}')) {
      parsed.close = take().location;
      return parsed;
    }
    if (peek().is(Kind::End) || startsDefinition()) {
      bool atEnd = peek().is(Kind::End);
      std::string where =
          atEnd ? "the file ends"
                : ("'" + peek().text + "' follows in line " + llvm::Twine(peek().location.line)).str();
      if (!unwinding)
        failAt(parsed.open, "this '{' is never closed", where + " without a '}'");
      unwinding = true;
      return std::nullopt;
    }
    if (diagnostics.count() >= Diagnostics::limit) {
      gaveUp = true;
      return std::nullopt;
    }
    size_t start = position;
    if (!bodyLine(parsed)) {
      if (unwinding || gaveUp)
        return std::nullopt;
      parsed.broken = true;
      nextLine(start);
    }
  }
}

/// Parses one chain and its line's end.
bool Parser::bodyLine(Body &body) {
  Chain chain;
  while (true) {
    StmtPtr parsed = statement();
    if (!parsed)
      return false;
    chain.statements.push_back(std::move(parsed));
    size_t end = position;
    dropNewlines();
    if (!peek().is(Kind::Arrow)) {
      position = end;
      break;
    }
    take();
    dropNewlines();
  }
  if (peek().isMark(':') && tokens[position - 1].is(Kind::Word)) {
    std::string name = tokens[position - 1].text.str();
    return unexpected("'->' or the line's end", "an argument is given with '=': " + name + "=..."), false;
  }
  body.chains.push_back(std::move(chain));
  if (peek().is(Kind::Newline) || peek().isMark('}') || peek().is(Kind::End))
    return true;
  if (peek().isMark('{'))
    return fail("these braces belong to nothing", "braces follow residual, add, mul, average and concat"),
           false;
  return unexpected("'->' or the line's end", peek().isMark('/') ? commentHint : ""), false;
}

StmtPtr Parser::statement() {
  const Token &token = peek();
  if (token.isWord("let"))
    return let();
  if (token.isWord("set"))
    return set();
  if (token.isWord("stream"))
    return stream();
  Location start = token.location;
  std::optional<Name> label;
  if (token.is(Kind::Word) && peekSecond().isMark(':')) {
    label = name("a value", true);
    if (!label)
      return nullptr;
    take();
    if (llvm::is_contained({"c", "t", "h", "w"}, label->text))
      return failAt(label->location, "'" + label->text + "' cannot be a label",
                    "value." + label->text + " is a size of the value");
  }
  if (peek().isWord("from"))
    return from(std::move(label), start);
  return call(std::move(label), start);
}

StmtPtr Parser::let() {
  Location start = take().location;
  auto named = name("a number", true);
  if (!named)
    return nullptr;
  if (!takeMark('='))
    return unexpected("'='");
  ExprPtr value = expression();
  if (!value)
    return nullptr;
  return std::make_unique<LetStmt>(start, std::move(*named), std::move(value));
}

StmtPtr Parser::set() {
  Location start = take().location;
  const char *form = "set bn.eps=1e-5 sets a default";
  if (!peek().is(Kind::Word))
    return unexpected("an operation, unit or block", form);
  Token head = take();
  if (!takeMark('.'))
    return unexpected("'.'", form);
  if (!peek().is(Kind::Word))
    return unexpected("a parameter", form);
  Token parameter = take();
  if (!takeMark('='))
    return unexpected("'='", form);
  ExprPtr value = expression();
  if (!value)
    return nullptr;
  return std::make_unique<SetStmt>(start, Name{head.text.str(), head.location},
                                   Name{parameter.text.str(), parameter.location}, std::move(value));
}

StmtPtr Parser::stream() {
  Location start = take().location;
  auto named = name("a stream", true);
  if (!named)
    return nullptr;
  auto parsed = body();
  if (!parsed)
    return nullptr;
  return std::make_unique<StreamStmt>(start, std::move(*named), std::move(*parsed));
}

StmtPtr Parser::from(std::optional<Name> label, Location start) {
  take();
  if (!peek().is(Kind::Word))
    return unexpected("the name of a value");
  auto parsed = path();
  if (!parsed)
    return nullptr;
  return std::make_unique<FromStmt>(start, std::move(label), std::move(parsed));
}

StmtPtr Parser::call(std::optional<Name> label, Location start) {
  if (peek().is(Kind::Arrow))
    return fail("nothing stands before this '->'");
  if (!peek().is(Kind::Word))
    return unexpected("a statement", peek().isMark('/') ? commentHint : "");
  Token head = take();
  auto result = std::make_unique<CallStmt>(start, std::move(label), Name{head.text.str(), head.location});
  if (peek().isMark('='))
    return fail("a statement starts with what is called, not with an argument",
                inSection ? ("a setting is written without '=': " + head.text + " " + peekSecond().text).str()
                          : "a line is `conv3d ch=64`, a number is `let m = 3`");
  if (!arguments(result->arguments, result.get()))
    return nullptr;
  if (peek().isMark('{')) {
    result->body = body();
    if (!result->body)
      return nullptr;
  }
  return result;
}

std::optional<Setting> Parser::setting() {
  const char *form = "a setting is frames=32 or data.crop=224x224";
  if (!peek().is(Kind::Word) && !peek().is(Kind::Error))
    return unexpected("a name", form), std::nullopt;
  if (peek().is(Kind::Error))
    return std::nullopt;
  Setting result;
  result.path = path();
  if (!result.path)
    return std::nullopt;
  if (!takeMark('='))
    return unexpected("'='", form), std::nullopt;
  result.value = wholeExpression();
  if (!result.value)
    return std::nullopt;
  return result;
}

ExprPtr Parser::wholeExpression() {
  ExprPtr value = expression();
  if (!value)
    return nullptr;
  dropNewlines();
  if (!peek().is(Kind::End))
    return unexpected("the end");
  return value;
}

} // namespace

llvm::ArrayRef<llvm::StringRef> keywords() { return keywordTable; }
llvm::ArrayRef<llvm::StringRef> partWords() { return partTable; }
llvm::ArrayRef<llvm::StringRef> statementWords() { return statementTable; }
llvm::ArrayRef<llvm::StringRef> parameterTypes() { return typeTable; }

std::unique_ptr<File> parse(const Sources &sources, uint32_t id, Diagnostics &diagnostics) {
  return Parser(sources, id, diagnostics).file();
}

std::optional<Setting> parseSetting(const Sources &sources, uint32_t id, Diagnostics &diagnostics) {
  return Parser(sources, id, diagnostics).setting();
}

ExprPtr parseExpression(const Sources &sources, uint32_t id, Diagnostics &diagnostics) {
  return Parser(sources, id, diagnostics).wholeExpression();
}

} // namespace kinema::dsl
