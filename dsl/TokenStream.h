// Defines the parser's view of the tokens: looking, taking, complaining, and going on after a complaint.
#pragma once

#include "dsl/Lexer.h"

#include "llvm/ADT/StringSet.h"

namespace kinema::dsl {

/// Returns the place from the start of `first` to the end of `last`, where they lie on one line.
Location join(Location first, Location last);

/// This hint helps those who write // or /*.
inline constexpr char commentHint[] = "a comment starts with #";

class TokenStream {
public:
  TokenStream(const Sources &sources, uint32_t file, Diagnostics &diagnostics);

protected:
  /// Returns the next token. Inside brackets a line's end counts as a blank.
  const Token &peek();
  /// Returns the token after `peek()`.
  const Token &peekSecond();
  Token take();
  bool takeMark(char mark);
  void dropNewlines();
  /// Returns whether what comes next stands between definitions and never in them, such as `network x` or
  /// `data {`.
  bool startsDefinition() const;

  /// These report an error at the next token, or at a place, and return null, which each rule that gets it
  /// returns too.
  std::nullptr_t fail(std::string message, std::string hint = {});
  std::nullptr_t unexpected(llvm::StringRef wanted, std::string hint = {});
  std::nullptr_t failAt(Location location, std::string message, std::string hint = {});
  /// Reports an error after which nothing can be made sense of.
  std::nullptr_t giveUp(Location location, std::string message);
  /// Skips what is left of a statement that failed: to the end of the line where it failed, and on to the
  /// matching brace where braces were opened on it. `statement` is the position of its first token.
  void nextLine(size_t statement);

  /// Counts braces and brackets while it lives.
  struct Nesting {
    explicit Nesting(TokenStream &stream) : stream(stream) { ++stream.depth; }
    ~Nesting() { --stream.depth; }
    TokenStream &stream;
  };
  /// Reports braces and brackets that lie too deep inside each other, and gives up.
  bool tooDeep();

  Diagnostics &diagnostics;
  std::vector<Token> tokens;
  size_t position = 0;
  unsigned brackets = 0; // open ( and [
  bool gaveUp = false;
  llvm::StringSet<> failedNames; // names that skipped statements would have given

private:
  const Token &next() const { return tokens[std::min(position + 1, tokens.size() - 1)]; }
  void rememberFailed();

  Location lastLocation;
  unsigned depth = 0; // open ( [ and {
};

} // namespace kinema::dsl
