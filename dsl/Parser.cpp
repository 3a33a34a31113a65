#include "dsl/Parser.h"

#include "dsl/Lexer.h"
#include "dsl/Operations.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace kinema::dsl {

namespace {

using Kind = Token::Kind;

/// One expression may hold so many operators: the tree leans to the left and is walked recursively.
constexpr unsigned maxOperators = 256;

constexpr llvm::StringRef keywordTable[] = {"use",  "unit", "block", "network", "stream", "let",
                                            "set",  "from", "data",  "train",   "eval",   "in",
                                            "auto", "on",   "off",   "none"};

Location join(Location first, Location last) {
  if (first.line == last.line && last.column >= first.column)
    first.length = last.column + last.length - first.column;
  return first;
}

class Parser {
public:
  Parser(const Sources &sources, uint32_t id, Diagnostics &diagnostics)
      : diagnostics(diagnostics), tokens(lex(sources, id, diagnostics)) {
    result->id = id;
  }

  std::unique_ptr<File> file();
  std::optional<Setting> setting();
  ExprPtr wholeExpression();

private:
  //===-- Tokens
  //------------------------------------------------------------------------------------------------===//

  /// Inside brackets a line's end is a blank.
  void dropNewlines() {
    while (tokens[position].is(Kind::Newline))
      ++position;
  }
  const Token &peek() {
    if (brackets > 0)
      dropNewlines();
    return tokens[position];
  }
  /// The token after `peek()`.
  const Token &peekSecond() {
    peek();
    return tokens[std::min(position + 1, tokens.size() - 1)];
  }
  Token take() {
    Token token = peek();
    if (!token.is(Kind::End))
      ++position;
    lastLocation = token.location;
    return token;
  }
  bool takeMark(char mark) {
    if (!peek().isMark(mark))
      return false;
    take();
    return true;
  }

  //===-- Errors
  //------------------------------------------------------------------------------------------------===//

  /// Reports at the next token and unwinds to the end of the line: each rule that gets null or false returns
  /// it.
  std::nullptr_t fail(std::string message, std::string hint = {}) {
    if (!peek().is(Kind::Error) && !gaveUp)
      diagnostics.error(peek().location, std::move(message), std::move(hint));
    return nullptr;
  }
  std::nullptr_t unexpected(llvm::StringRef wanted, std::string hint = {}) {
    return fail(("expected " + wanted + ", found " + peek().describe()).str(), std::move(hint));
  }
  std::nullptr_t failAt(Location location, std::string message, std::string hint = {}) {
    if (!gaveUp)
      diagnostics.error(location, std::move(message), std::move(hint));
    return nullptr;
  }
  /// Nothing after this point can be made sense of.
  std::nullptr_t giveUp(Location location, std::string message, std::string hint = {}) {
    failAt(location, std::move(message), std::move(hint));
    gaveUp = true;
    position = tokens.size() - 1;
    return nullptr;
  }
  void nextLine(size_t failedStatement);
  bool startsDefinition();
  void rememberFailed();

  /// Counts braces and brackets while it lives.
  struct Nesting {
    Nesting(Parser &parser) : parser(parser) { ++parser.depth; }
    ~Nesting() { --parser.depth; }
    Parser &parser;
  };
  bool tooDeep() {
    if (depth <= maxNesting)
      return false;
    giveUp(lastLocation,
           "more than " + std::to_string(maxNesting) + " braces and brackets inside each other");
    return true;
  }

  //===-- Rules
  //-------------------------------------------------------------------------------------------------===//

  std::optional<Name> name(llvm::StringRef what, bool operationsToo);
  bool use(File &file);
  std::unique_ptr<Definition> definition();
  bool parameter(Definition &definition);
  std::optional<Section> section();
  std::optional<Body> body();
  bool bodyLine(Body &body);
  StmtPtr statement();
  StmtPtr let();
  StmtPtr set();
  StmtPtr stream();
  StmtPtr from(std::optional<Name> label, Location start);
  StmtPtr call(std::optional<Name> label, Location start);
  bool argumentFollows();
  bool arguments(std::vector<Argument> &arguments, ExprPtr *times);
  std::optional<Argument> argument();
  bool copies(ExprPtr &times, ExprPtr value, Location location);
  ExprPtr expression();
  ExprPtr term();
  ExprPtr factor();
  ExprPtr list();
  ExprPtr parenthesised();
  std::unique_ptr<PathExpr> path();
  ExprPtr integer();
  ExprPtr size();
  std::optional<int64_t> integerValue(llvm::StringRef digits, Location location);

  Diagnostics &diagnostics;
  std::vector<Token> tokens;
  std::unique_ptr<File> result = std::make_unique<File>();
  size_t position = 0;
  Location lastLocation;
  unsigned brackets = 0; // open ( and [
  unsigned depth = 0;    // open ( [ and {
  unsigned operators = 0;
  bool gaveUp = false;
  bool unwinding = false; // a body was not closed before a definition: close all that are open
};

//===-- Recovery
//----------------------------------------------------------------------------------------------===//

/// Skips what is left of the failed statement: to the end of the line where it failed, and on to the matching
/// brace where braces were opened on it.
void Parser::nextLine(size_t failedStatement) {
  brackets = 0;
  operators = 0;
  int open = 0;
  size_t failure = std::max(position, failedStatement);
  position = failedStatement;
  for (; !tokens[position].is(Kind::End); ++position) {
    const Token &token = tokens[position];
    if (token.is(Kind::Newline) && open <= 0 && position >= failure)
      return;
    if (position > failedStatement && tokens[position - 1].is(Kind::Newline) && startsDefinition())
      return;
    if (token.isMark('}') && open == 0)
      return;
    open += token.isMark('{') - token.isMark('}');
    rememberFailed();
  }
}

/// Notes the name that the token at `position` would have given.
void Parser::rememberFailed() {
  const Token &token = tokens[position];
  const Token &next = tokens[std::min(position + 1, tokens.size() - 1)];
  bool defines = llvm::is_contained({"unit", "block", "network", "let", "stream"}, token.text);
  if (token.is(Kind::Word) && next.isMark(':'))
    result->failedNames.insert(token.text);
  else if (token.is(Kind::Word) && defines && next.is(Kind::Word))
    result->failedNames.insert(next.text);
}

/// `network x`, `data {`: what stands between definitions and never in them.
bool Parser::startsDefinition() {
  const Token &first = tokens[position];
  if (!first.is(Kind::Word))
    return false;
  const Token &second = tokens[std::min(position + 1, tokens.size() - 1)];
  if (first.isWord("data") || first.isWord("train") || first.isWord("eval"))
    return second.isMark('{');
  return (first.isWord("use") || first.isWord("unit") || first.isWord("block") || first.isWord("network")) &&
         second.is(Kind::Word);
}

//===-- Files and definitions
//-----------------------------------------------------------------------------------===//

std::unique_ptr<File> Parser::file() {
  while (true) {
    dropNewlines();
    unwinding = false;
    if (peek().is(Kind::End) || diagnostics.count() >= Diagnostics::limit)
      return std::move(result);
    size_t start = position;
    const Token &token = peek();
    bool good = false;
    if (token.isWord("use")) {
      good = use(*result);
    } else if (token.isWord("unit") || token.isWord("block") || token.isWord("network")) {
      if (auto parsed = definition()) {
        result->definitions.push_back(std::move(parsed));
        good = true;
      }
    } else if (token.isWord("data") || token.isWord("train") || token.isWord("eval")) {
      if (auto parsed = section()) {
        result->sections.push_back(std::move(*parsed));
        good = true;
      }
    } else if (token.isMark('}')) {
      fail("a '}' too many: no brace is open here");
      take();
      good = true;
    } else {
      unexpected("use, unit, block, network, data, train or eval",
                 didYouMean(token.text, {"use", "unit", "block", "network", "data", "train", "eval"}));
    }
    if (good && !unwinding && !peek().is(Kind::Newline) && !peek().is(Kind::End))
      good = unexpected("the line's end") != nullptr;
    if (!good && !unwinding)
      nextLine(start);
    if (position == start)
      ++position;
  }
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

bool Parser::use(File &file) {
  take();
  auto used = name("a file", true);
  if (used)
    file.uses.push_back(std::move(*used));
  return used.has_value();
}

std::unique_ptr<Definition> Parser::definition() {
  auto result = std::make_unique<Definition>();
  Token keyword = take();
  result->location = keyword.location;
  result->kind = keyword.isWord("unit")    ? Definition::Kind::Unit
                 : keyword.isWord("block") ? Definition::Kind::Block
                                           : Definition::Kind::Network;
  auto named = name(("a " + keyword.text).str(), false);
  if (!named)
    return nullptr;
  result->name = std::move(*named);
  while (peek().is(Kind::Word))
    if (!parameter(*result))
      return nullptr;
  if (peek().is(Kind::Repeat))
    return name("a parameter", false), nullptr;
  auto parsed = body();
  if (!parsed)
    return nullptr;
  result->body = std::move(*parsed);
  return result;
}

bool Parser::parameter(Definition &definition) {
  Parameter parameter;
  auto named = name("a parameter", true);
  if (!named)
    return false;
  if (named->text == "times")
    return failAt(named->location, "'times' cannot be the name of a parameter",
                  "times=n is the number of copies of any call"),
           false;
  if (const Parameter *other = definition.parameter(named->text))
    return failAt(named->location, "two parameters are called '" + other->name.text + "'"), false;
  parameter.name = std::move(*named);
  if (takeMark(':')) {
    static constexpr llvm::StringRef types[] = {"int",  "number", "size",  "flag",
                                                "word", "unit",   "block", "value"};
    const auto *type = llvm::find(types, peek().text);
    if (type == std::end(types))
      return unexpected("a type (int number size flag word unit block value)",
                        didYouMean(peek().text, types)),
             false;
    take();
    parameter.type = static_cast<Type>(type - types);
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

std::optional<Section> Parser::section() {
  Token keyword = take();
  auto kind = keyword.isWord("data")    ? Section::Kind::Data
              : keyword.isWord("train") ? Section::Kind::Train
                                        : Section::Kind::Eval;
  auto parsed = body();
  if (!parsed)
    return std::nullopt;
  return Section{kind, keyword.location, std::move(*parsed)};
}

//===-- Bodies and statements
//-----------------------------------------------------------------------------------===//

/// After an error on one of its lines a body goes on at the next; it fails only where it is not closed.
std::optional<Body> Parser::body() {
  if (!peek().isMark('{')) {
    unexpected("'{'");
    return std::nullopt;
  }
  Nesting nesting(*this);
  Body result;
  result.open = take().location;
  if (tooDeep())
    return std::nullopt;
  while (true) {
    dropNewlines();
    if (gaveUp)
      return std::nullopt;
    if (peek().isMark('}')) {
      result.close = take().location;
      return result;
    }
    if (peek().is(Kind::End) || startsDefinition()) {
      bool atEnd = peek().is(Kind::End);
      std::string where =
          atEnd ? "the file ends"
                : ("'" + peek().text + "' follows in line " + llvm::Twine(peek().location.line)).str();
      if (!unwinding)
        failAt(result.open, "this '{' is never closed", where + " without a '}'");
      unwinding = true;
      return std::nullopt;
    }
    if (diagnostics.count() >= Diagnostics::limit) {
      gaveUp = true;
      return std::nullopt;
    }
    size_t start = position;
    if (!bodyLine(result)) {
      if (unwinding || gaveUp)
        return std::nullopt;
      result.broken = true;
      nextLine(start);
    }
  }
}

/// One chain and its line's end.
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
  body.chains.push_back(std::move(chain));
  if (peek().is(Kind::Newline) || peek().isMark('}') || peek().is(Kind::End))
    return true;
  if (peek().isMark('{'))
    return fail("these braces belong to nothing", "braces follow residual, add, mul, average and concat"),
           false;
  return unexpected("'->' or the line's end"), false;
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
    return unexpected("a statement");
  Token head = take();
  auto result = std::make_unique<CallStmt>(start, std::move(label), Name{head.text.str(), head.location});
  if (peek().isMark('='))
    return fail("a statement starts with what is called, not with an argument",
                "a line is `conv3d ch=64`, a number is `let m = 3`");
  if (!arguments(result->arguments, &result->times))
    return nullptr;
  if (peek().isMark('{')) {
    result->body = body();
    if (!result->body)
      return nullptr;
  }
  return result;
}

//===-- Arguments
//-----------------------------------------------------------------------------------------------===//

bool Parser::argumentFollows() {
  const Token &token = peek();
  switch (token.kind) {
  case Kind::Word:
  case Kind::Int:
  case Kind::Number:
  case Kind::Size:
  case Kind::Repeat:
    return true;
  case Kind::Mark:
    return token.isMark('(') || token.isMark('[');
  default:
    return false;
  }
}

/// `times` is where `x4` and `times=n` go; null where there are no copies to make.
bool Parser::arguments(std::vector<Argument> &arguments, ExprPtr *times) {
  while (argumentFollows()) {
    const Token &token = peek();
    Location location = token.location;
    bool isTimes = token.isWord("times") && peekSecond().isMark('=');
    if (!times && (token.is(Kind::Repeat) || isTimes))
      return fail("copies are made where a unit or block is called, not where its arguments are bound"),
             false;
    if (token.is(Kind::Repeat)) {
      auto value = integerValue(token.text.drop_front(), location);
      if (!value)
        return false;
      take();
      if (!copies(*times, std::make_unique<IntExpr>(location, *value), location))
        return false;
    } else if (isTimes) {
      take();
      take();
      if (!copies(*times, expression(), location))
        return false;
    } else {
      auto parsed = argument();
      if (!parsed)
        return false;
      arguments.push_back(std::move(*parsed));
    }
  }
  return !peek().is(Kind::Error);
}

bool Parser::copies(ExprPtr &times, ExprPtr value, Location location) {
  if (!value)
    return false;
  if (times)
    return failAt(location, "the number of copies is given twice"), false;
  times = std::move(value);
  return true;
}

std::optional<Argument> Parser::argument() {
  Argument result;
  result.location = peek().location;
  if (peek().is(Kind::Word) && peekSecond().isMark('=')) {
    result.name = take().text.str();
    take();
  }
  do {
    ExprPtr value = expression();
    if (!value)
      return std::nullopt;
    result.cycle.push_back(std::move(value));
  } while (takeMark('|'));
  if (!result.isNamed())
    result.location = result.value().location;
  return result;
}

//===-- Expressions
//---------------------------------------------------------------------------------------------===//

ExprPtr Parser::expression() {
  unsigned outerOperators = operators;
  ExprPtr lhs = term();
  while (lhs && (peek().isMark('+') || peek().isMark('-'))) {
    Token op = take();
    if (++operators > maxOperators)
      return failAt(op.location, "an expression of more than " + std::to_string(maxOperators) + " operators");
    ExprPtr rhs = term();
    if (!rhs)
      return nullptr;
    Location whole = join(lhs->location, rhs->location);
    auto kind = op.isMark('+') ? BinaryExpr::Op::Add : BinaryExpr::Op::Sub;
    lhs = std::make_unique<BinaryExpr>(whole, kind, op.location, std::move(lhs), std::move(rhs));
  }
  if (brackets == 0)
    operators = outerOperators;
  return lhs;
}

ExprPtr Parser::term() {
  ExprPtr lhs = factor();
  while (lhs && (peek().isMark('*') || peek().isMark('/') || peek().isMark('%'))) {
    Token op = take();
    if (++operators > maxOperators)
      return failAt(op.location, "an expression of more than " + std::to_string(maxOperators) + " operators");
    ExprPtr rhs = factor();
    if (!rhs)
      return nullptr;
    Location whole = join(lhs->location, rhs->location);
    auto kind = op.isMark('*')   ? BinaryExpr::Op::Mul
                : op.isMark('/') ? BinaryExpr::Op::Div
                                 : BinaryExpr::Op::Mod;
    lhs = std::make_unique<BinaryExpr>(whole, kind, op.location, std::move(lhs), std::move(rhs));
  }
  return lhs;
}

ExprPtr Parser::factor() {
  const Token &token = peek();
  switch (token.kind) {
  case Kind::Int:
    return integer();
  case Kind::Size:
    return size();
  case Kind::Number: {
    double value = 0;
    if (token.text.getAsDouble(value) || !(value <= 1.7e308))
      return fail(("the number " + token.text + " is out of range").str());
    Token taken = take();
    return std::make_unique<NumberExpr>(taken.location, value, taken.text.str());
  }
  case Kind::Word:
    return path();
  case Kind::Mark:
    if (token.isMark('['))
      return list();
    if (token.isMark('('))
      return parenthesised();
    if (token.isMark('-'))
      return fail("expected a value, found '-'", "there are no negative numbers in the language");
    [[fallthrough]];
  default:
    return unexpected("a value");
  }
}

ExprPtr Parser::list() {
  Nesting nesting(*this);
  Location start = take().location;
  if (tooDeep())
    return nullptr;
  ++brackets;
  std::vector<ExprPtr> elements;
  while (!peek().isMark(']')) {
    if (peek().is(Kind::End) || peek().isMark('}') || peek().isMark('{'))
      return failAt(start, "this '[' is never closed");
    ExprPtr element = expression();
    if (!element)
      return nullptr;
    elements.push_back(std::move(element));
  }
  Location whole = join(start, take().location);
  --brackets;
  if (elements.empty())
    return failAt(whole, "nothing stands in these brackets");
  return std::make_unique<ListExpr>(whole, std::move(elements));
}

/// `(a + b)` is the sum, `(conv3d t=1)` a unit with an argument bound.
ExprPtr Parser::parenthesised() {
  Nesting nesting(*this);
  Location start = take().location;
  if (tooDeep())
    return nullptr;
  ++brackets;
  ExprPtr inner = expression();
  if (!inner)
    return nullptr;
  std::vector<Argument> bound;
  if (!arguments(bound, nullptr))
    return nullptr;
  if (!peek().isMark(')')) {
    if (peek().is(Kind::End) || peek().isMark('}') || peek().isMark('{'))
      return failAt(start, "this '(' is never closed");
    return unexpected("')'");
  }
  Location whole = join(start, take().location);
  --brackets;
  if (bound.empty())
    return inner;
  return std::make_unique<BoundExpr>(whole, std::move(inner), std::move(bound));
}

std::unique_ptr<PathExpr> Parser::path() {
  Token first = take();
  std::vector<PathExpr::Part> parts{{first.text.str(), first.location}};
  while (takeMark('.')) {
    if (parts.size() > maxNesting)
      return failAt(first.location, "a name of more than " + std::to_string(maxNesting) + " parts");
    if (!peek().is(Kind::Word) && !peek().is(Kind::Int))
      return unexpected("a name or a copy's number");
    Token part = take();
    parts.push_back({part.text.str(), part.location});
  }
  Location whole = join(first.location, parts.back().location);
  return std::make_unique<PathExpr>(whole, std::move(parts));
}

std::optional<int64_t> Parser::integerValue(llvm::StringRef digits, Location location) {
  int64_t value = 0;
  if (!digits.getAsInteger(10, value))
    return value;
  failAt(location, ("the number " + (digits.size() > 40 ? digits.take_front(40) + "..." : digits) +
                    " does not fit into 64 bits")
                       .str());
  return std::nullopt;
}

ExprPtr Parser::integer() {
  Token token = take();
  auto value = integerValue(token.text, token.location);
  return value ? std::make_unique<IntExpr>(token.location, *value) : nullptr;
}

ExprPtr Parser::size() {
  Token token = take();
  llvm::SmallVector<llvm::StringRef> texts;
  token.text.split(texts, 'x');
  std::vector<int64_t> parts;
  for (llvm::StringRef text : texts) {
    auto value = integerValue(text, token.location);
    if (!value)
      return nullptr;
    parts.push_back(*value);
  }
  return std::make_unique<SizeExpr>(token.location, std::move(parts));
}

//===-- One thing from the command line
//-------------------------------------------------------------------------===//

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
