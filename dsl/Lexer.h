// Cuts text into tokens by longest match, looking one token behind (after a path's `.` only digits are a
// number).
#pragma once

#include "dsl/Diagnostics.h"

#include <vector>

namespace kinema::dsl {

struct Token {
  enum class Kind {
    Word,    // conv(2+1)d
    Int,     // 128
    Number,  // 0.5 1e-4
    Size,    // 1x2x2
    Repeat,  // x4
    Arrow,   // ->
    Mark,    // { } ( ) [ ] = : | . + - * / %
    Newline, // one for each line that holds a token
    Error,   // in place of a line's rest after an error that was reported
    End
  };
  Kind kind;
  llvm::StringRef text; // in the source; empty for Newline, Error and End
  Location location;

  bool is(Kind other) const { return kind == other; }
  bool isMark(char mark) const { return kind == Kind::Mark && text[0] == mark; }
  bool isWord(llvm::StringRef word) const { return kind == Kind::Word && text == word; }
  /// Returns how errors name the token: "'stage'", "the line's end".
  std::string describe() const;
};

/// Returns the tokens of a file, the last one End. A line with an error is cut off there; a file that is not
/// text (too large, NUL bytes, not UTF-8) gives one error and no tokens.
std::vector<Token> lex(const Sources &sources, uint32_t file, Diagnostics &diagnostics);

} // namespace kinema::dsl
