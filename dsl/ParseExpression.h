// Parses expressions and arguments.
#pragma once

#include "dsl/Parser.h"
#include "dsl/TokenStream.h"

namespace kinema::dsl {

/// Returns whether a name stands for what every call can be told, and so for no parameter.
bool isCallOption(llvm::StringRef name);
/// Returns the names of what every call can be told: `times same frozen`.
std::vector<llvm::StringRef> callOptionNames();

class ExpressionParser : public TokenStream {
public:
  using TokenStream::TokenStream;

protected:
  /// Parses arguments up to a token that cannot start one. `call` receives what every call can be told (`x4`,
  /// `times=n`, `same=a`, `frozen=on`); it is null where arguments are bound and nothing is called.
  bool arguments(std::vector<Argument> &arguments, CallStmt *call);
  ExprPtr expression();
  std::unique_ptr<PathExpr> path();
  /// Parses the integer or number that comes next.
  ExprPtr expressionOfNumber() { return peek().is(Token::Kind::Int) ? integer() : number(); }

private:
  bool argumentFollows();
  bool patternFollows();
  std::optional<Argument> argument();
  bool option(CallStmt *call);
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
