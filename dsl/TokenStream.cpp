#include "dsl/TokenStream.h"

#include "dsl/Parser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

namespace kinema::dsl {

using Kind = Token::Kind;

Location join(Location first, Location last) {
  if (first.line == last.line && last.column >= first.column)
    first.length = last.column + last.length - first.column;
  return first;
}

TokenStream::TokenStream(const Sources &sources, uint32_t file, Diagnostics &diagnostics)
    : diagnostics(diagnostics), tokens(lex(sources, file, diagnostics)) {}

void TokenStream::dropNewlines() {
  while (tokens[position].is(Kind::Newline))
    ++position;
}

const Token &TokenStream::peek() {
  if (brackets > 0)
    dropNewlines();
  return tokens[position];
}

const Token &TokenStream::peekSecond() {
  peek();
  return next();
}

Token TokenStream::take() {
  Token token = peek();
  if (!token.is(Kind::End))
    ++position;
  lastLocation = token.location;
  return token;
}

bool TokenStream::takeMark(char mark) {
  if (!peek().isMark(mark))
    return false;
  take();
  return true;
}

bool TokenStream::startsDefinition() const {
  const Token &first = tokens[position];
  if (first.isWord("data") || first.isWord("train") || first.isWord("eval") || first.isWord("compute"))
    return next().isMark('{');
  if (first.isWord("act") && position + 2 < tokens.size() && tokens[position + 2].isMark('('))
    return true;
  return (first.isWord("use") || first.isWord("unit") || first.isWord("block") || first.isWord("network")) &&
         next().is(Kind::Word);
}

std::nullptr_t TokenStream::fail(std::string message, std::string hint) {
  if (peek().is(Kind::Error))
    return nullptr; // the lexer has reported it
  return failAt(peek().location, std::move(message), std::move(hint));
}

std::nullptr_t TokenStream::unexpected(llvm::StringRef wanted, std::string hint) {
  return fail(("expected " + wanted + ", found " + peek().describe()).str(), std::move(hint));
}

std::nullptr_t TokenStream::failAt(Location location, std::string message, std::string hint) {
  if (!gaveUp)
    diagnostics.error(location, std::move(message), std::move(hint));
  return nullptr;
}

std::nullptr_t TokenStream::giveUp(Location location, std::string message) {
  failAt(location, std::move(message));
  gaveUp = true;
  position = tokens.size() - 1;
  return nullptr;
}

bool TokenStream::tooDeep() {
  if (depth <= maxNesting)
    return false;
  giveUp(lastLocation, "more than " + std::to_string(maxNesting) + " braces and brackets inside each other");
  return true;
}

void TokenStream::nextLine(size_t statement) {
  brackets = 0;
  int open = 0;
  size_t failure = std::max(position, statement);
  for (position = statement; !tokens[position].is(Kind::End); ++position) {
    const Token &token = tokens[position];
    if (token.is(Kind::Newline) && open <= 0 && position >= failure)
      return;
    if (position > statement && tokens[position - 1].is(Kind::Newline) && startsDefinition())
      return;
    if (token.isMark('}') && open == 0)
      return;
    open += token.isMark('{') - token.isMark('}');
    rememberFailed();
  }
}

/// Notes the name that the token at `position` would have given.
void TokenStream::rememberFailed() {
  const Token &token = tokens[position];
  bool defines = llvm::is_contained({"unit", "block", "network", "act", "let", "stream"}, token.text);
  if (token.is(Kind::Word) && next().isMark(':'))
    failedNames.insert(token.text);
  else if (token.is(Kind::Word) && defines && next().is(Kind::Word))
    failedNames.insert(next().text);
}

} // namespace kinema::dsl
