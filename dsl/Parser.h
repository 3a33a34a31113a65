// Text to tree. The grammar is in docs/language.md; the parser is LL(2), reports an error a line and goes on
// at the next one.
#pragma once

#include "dsl/AST.h"
#include "dsl/Diagnostics.h"

namespace kinema::dsl {

/// Braces and parentheses may lie inside each other so deep, not deeper.
inline constexpr unsigned maxNesting = 64;
/// Larger texts are refused unread.
inline constexpr size_t maxFileBytes = 1 << 20;

/// Parses file `id` of `sources`. Always gives a tree; it holds what could be read where `diagnostics` got
/// errors.
std::unique_ptr<File> parse(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

/// `frames=32`, `data.crop=224x224`: a setting from the command line.
struct Setting {
  std::unique_ptr<PathExpr> path;
  ExprPtr value;
};

/// Parses file `id` of `sources` as one setting; nothing after an error.
std::optional<Setting> parseSetting(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

/// `128`, `(conv 1x1x1)`: parses file `id` of `sources` as one expression; null after an error.
ExprPtr parseExpression(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

/// `use unit block ... none`: the words that nothing may be named.
llvm::ArrayRef<llvm::StringRef> keywords();

} // namespace kinema::dsl
