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

} // namespace kinema::dsl
