// Parses expressions and arguments.
#pragma once

#include "dsl/Parser.h"
#include "dsl/TokenStream.h"

namespace kinema::dsl {

class ExpressionParser : public TokenStream {
public:
  using TokenStream::TokenStream;

protected:
  /// Parses arguments up to a token that cannot start one. `times` receives `x4` and `times=n`; it is null
  /// where copies are not allowed.
  bool arguments(std::vector<Argument> &arguments, ExprPtr *times);
  ExprPtr expression();
  std::unique_ptr<PathExpr> path();
  /// Parses the integer or number that comes next.
  ExprPtr expressionOfNumber() { return peek().is(Token::Kind::Int) ? integer() : number(); }

private:
  bool argumentFollows();
  bool patternFollows();
  std::optional<Argument> argument();
  bool copies(ExprPtr &times, ExprPtr value, Location location);
  ExprPtr binary(ExprPtr lhs, ExprPtr (ExpressionParser::*rule)());
  ExprPtr term();
  ExprPtr factor();
  bool isBeyondBracket(Location bracket);
  ExprPtr list();
  ExprPtr parenthesised();
  ExprPtr integer();
  ExprPtr size();
  ExprPtr number();
  std::optional<int64_t> integerValue(llvm::StringRef digits, Location location);

  unsigned operators = 0; // in the expression so far, brackets included
};

} // namespace kinema::dsl
