#include "dsl/ParseExpression.h"

#include "llvm/ADT/Twine.h"

namespace kinema::dsl {

using Kind = Token::Kind;

/// Limits the operators of one expression, because the tree leans to the left and is walked recursively.
static constexpr unsigned maxOperators = 256;

bool ExpressionParser::argumentFollows() {
  const Token &token = peek();
  switch (token.kind) {
  case Kind::Word:
  case Kind::Int:
  case Kind::Number:
  case Kind::Size:
  case Kind::Repeat:
    return true;
  case Kind::Mark:
    return token.isMark('(') || token.isMark('[') || patternFollows();
  default:
    return false;
  }
}

/// Returns whether a pattern of names such as `*.bn.weight` comes next, and not a factor.
bool ExpressionParser::patternFollows() { return peek().isMark('*') && peekSecond().isMark('.'); }

namespace {
/// A CallOption is what every call can be told.
struct CallOption {
  llvm::StringRef name;
  ExprPtr CallStmt::*value;
};
} // namespace

static constexpr CallOption callOptions[] = {
    {"times", &CallStmt::times}, {"same", &CallStmt::same}, {"frozen", &CallStmt::frozen}};

static const CallOption *findCallOption(llvm::StringRef name) {
  const auto *found =
      llvm::find_if(callOptions, [&](const CallOption &option) { return option.name == name; });
  return found == std::end(callOptions) ? nullptr : found;
}

std::vector<llvm::StringRef> callOptionNames() {
  std::vector<llvm::StringRef> names;
  for (const CallOption &option : callOptions)
    names.push_back(option.name);
  return names;
}

bool isCallOption(llvm::StringRef name) { return findCallOption(name) != nullptr; }

/// Parses `x4`, `times=n`, `same=a` or `frozen=on`.
bool ExpressionParser::option(CallStmt *call) {
  const Token first = take();
  const bool isRepeat = first.is(Kind::Repeat);
  const llvm::StringRef name = isRepeat ? "times" : first.text;
  if (!call)
    return failAt(first.location, name == "times"
                                      ? "copies are made where a unit or block is called, not where its "
                                        "arguments are bound"
                                      : "'" + name.str() +
                                            "' is said where a unit or block is called, not where its "
                                            "arguments are bound"),
           false;
  ExprPtr value;
  if (isRepeat) {
    auto copies = integerValue(first.text.drop_front(), first.location);
    value = copies ? std::make_unique<IntExpr>(first.location, *copies) : nullptr;
  } else {
    take();
    value = expression();
  }
  if (!value)
    return false;
  ExprPtr &option = call->*findCallOption(name)->value;
  if (option)
    return failAt(first.location, name == "times" ? "the number of copies is given twice"
                                                  : "'" + name.str() + "' is given twice"),
           false;
  option = std::move(value);
  return true;
}

bool ExpressionParser::arguments(std::vector<Argument> &arguments, CallStmt *call) {
  while (argumentFollows()) {
    const Token &token = peek();
    bool isNamed = token.is(Kind::Word) && peekSecond().isMark('=');
    if (token.is(Kind::Repeat) || (isNamed && isCallOption(token.text))) {
      if (!option(call))
        return false;
      continue;
    }
    auto parsed = argument();
    if (!parsed)
      return false;
    arguments.push_back(std::move(*parsed));
  }
  return !peek().is(Kind::Error);
}

std::optional<Argument> ExpressionParser::argument() {
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

/// Parses what follows `lhs`: an operator, and what `rule` reads after it.
ExprPtr ExpressionParser::binary(ExprPtr lhs, ExprPtr (ExpressionParser::*rule)()) {
  using Op = BinaryExpr::Op;
  static constexpr Op ops[] = {Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Mod};
  Token mark = take();
  if (++operators > maxOperators)
    return failAt(mark.location, "an expression of more than " + std::to_string(maxOperators) + " operators");
  ExprPtr rhs = (this->*rule)();
  if (!rhs)
    return nullptr;
  Location whole = join(lhs->location, rhs->location);
  Op op = ops[llvm::StringRef("+-*/%").find(mark.text)];
  return std::make_unique<BinaryExpr>(whole, op, mark.location, std::move(lhs), std::move(rhs));
}

ExprPtr ExpressionParser::expression() {
  if (brackets == 0)
    operators = 0;
  ExprPtr result = term();
  while (result && (peek().isMark('+') || peek().isMark('-')))
    result = binary(std::move(result), &ExpressionParser::term);
  return result;
}

ExprPtr ExpressionParser::term() {
  ExprPtr result = factor();
  while (result && !patternFollows() && (peek().isMark('*') || peek().isMark('/') || peek().isMark('%')))
    result = binary(std::move(result), &ExpressionParser::factor);
  return result;
}

ExprPtr ExpressionParser::factor() {
  const Token &token = peek();
  switch (token.kind) {
  case Kind::Int:
    return integer();
  case Kind::Size:
    return size();
  case Kind::Number:
    return number();
  case Kind::Word:
    return path();
  case Kind::Mark:
    if (token.isMark('['))
      return list();
    if (token.isMark('('))
      return parenthesised();
    if (patternFollows())
      return path();
    if (token.isMark('-'))
      return fail("expected a value, found '-'", "there are no negative numbers in the language");
    if (token.isMark('/') || token.isMark('*'))
      return unexpected("a value", commentHint);
    [[fallthrough]];
  default:
    return unexpected("a value");
  }
}

/// Returns whether the next token shows that the bracket was meant to end before it: a brace, or a token on a
/// later line that cannot stand in an expression.
bool ExpressionParser::isBeyondBracket(Location bracket) {
  const Token &token = peek();
  if (token.is(Kind::End) || token.isMark('}') || token.isMark('{'))
    return true;
  return token.location.line != bracket.line && !token.is(Kind::Error) && !argumentFollows();
}

ExprPtr ExpressionParser::list() {
  Nesting nesting(*this);
  Location start = take().location;
  if (tooDeep())
    return nullptr;
  ++brackets;
  std::vector<ExprPtr> elements;
  while (!peek().isMark(']')) {
    if (isBeyondBracket(start))
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

/// Parses `(a + b)`, which is the sum, or `(conv3d t=1)`, a unit with an argument bound.
ExprPtr ExpressionParser::parenthesised() {
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
    if (isBeyondBracket(start))
      return failAt(start, "this '(' is never closed");
    return unexpected("')'");
  }
  Location whole = join(start, take().location);
  --brackets;
  if (bound.empty())
    return inner;
  return std::make_unique<BoundExpr>(whole, std::move(inner), std::move(bound));
}

std::unique_ptr<PathExpr> ExpressionParser::path() {
  Token first = take();
  std::vector<PathExpr::Part> parts{{first.text.str(), first.location}};
  while (takeMark('.')) {
    if (parts.size() > maxNesting)
      return failAt(first.location, "a name of more than " + std::to_string(maxNesting) + " parts");
    if (!peek().is(Kind::Word) && !peek().is(Kind::Int) && !peek().isMark('*'))
      return unexpected("a name or a copy's number");
    Token part = take();
    parts.push_back({part.text.str(), part.location});
  }
  Location whole = join(first.location, parts.back().location);
  return std::make_unique<PathExpr>(whole, std::move(parts));
}

std::optional<int64_t> ExpressionParser::integerValue(llvm::StringRef digits, Location location) {
  int64_t value = 0;
  if (!digits.getAsInteger(10, value))
    return value;
  failAt(location, ("the number " + (digits.size() > 40 ? digits.take_front(40) + "..." : digits) +
                    " does not fit into 64 bits")
                       .str());
  return std::nullopt;
}

ExprPtr ExpressionParser::integer() {
  Token token = take();
  auto value = integerValue(token.text, token.location);
  return value ? std::make_unique<IntExpr>(token.location, *value) : nullptr;
}

ExprPtr ExpressionParser::number() {
  Token token = take();
  double value = 0;
  llvm::StringRef text = token.text;
  const bool isPercent = text.consume_back("%");
  if (text.getAsDouble(value) || !(value <= std::numeric_limits<double>::max()))
    return failAt(token.location, ("the number " + token.text + " is out of range").str());
  return std::make_unique<NumberExpr>(token.location, isPercent ? value / 100 : value, token.text.str());
}

ExprPtr ExpressionParser::size() {
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

} // namespace kinema::dsl
