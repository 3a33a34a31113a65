// Parses text to a tree. The grammar is in docs/language.md; the parser is LL(2), reports one error a line
// and goes on at the next line.
#pragma once

#include "dsl/AST.h"
#include "dsl/Diagnostics.h"

namespace kinema::dsl {

/// Limits how deep braces and parentheses may lie inside each other.
inline constexpr unsigned maxNesting = 64;
/// Limits the bytes of a text; larger ones are refused unread.
inline constexpr size_t maxFileBytes = 1 << 20;

/// Parses file `id` of `sources`. It always returns a tree, which holds what could be read where
/// `diagnostics` got errors.
std::unique_ptr<File> parse(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

/// A Setting is a setting from the command line, such as `frames=32` or `data.crop=224x224`.
struct Setting {
  std::unique_ptr<PathExpr> path;
  ExprPtr value;
};

/// Parses file `id` of `sources` as one setting; returns nothing after an error.
std::optional<Setting> parseSetting(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

/// Parses file `id` of `sources` as one expression, such as `128` or `(conv 1x1x1)`; returns null after an
/// error.
ExprPtr parseExpression(const Sources &sources, uint32_t id, Diagnostics &diagnostics);

/// Returns the words that start what a file is made of: `use unit block network act data train eval compute`.
llvm::ArrayRef<llvm::StringRef> partWords();
/// Returns the words that start statements which call nothing: `let set from stream`.
llvm::ArrayRef<llvm::StringRef> statementWords();
/// Returns the names of the types that parameters of definitions have.
llvm::ArrayRef<llvm::StringRef> parameterTypes();
/// Returns the words that nothing may be named: `use unit block ... none`.
llvm::ArrayRef<llvm::StringRef> keywords();

} // namespace kinema::dsl
