// Writes what an editor shows of a word: what it names, and what its statement does to the value.
#pragma once

#include "tools/kinema/Editor/Analysis.h"

namespace kinema::editor {

/// Returns a callee or a parameter as it would be declared, such as "block basic kind:unit ch stride:size=1".
std::string signatureOf(const dsl::Callee &callee);
std::string signatureOf(const dsl::CalleeParameter &parameter);

/// Returns the comment that stands directly above a definition, without its marks; an empty string where
/// there is none.
std::string commentOf(const dsl::Definition &definition, const dsl::Sources &sources);

/// Returns a shape as "64x16x56x56".
std::string shapeOf(llvm::ArrayRef<int64_t> shape);

/// Returns Markdown about the word at a place; an empty string where there is nothing to say.
std::string hoverAt(const Analysis &analysis, dsl::Location place);

} // namespace kinema::editor
