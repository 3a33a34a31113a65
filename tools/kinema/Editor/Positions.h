// Converts between the places of the front end, whose columns are bytes from 1, and those of editors, which
// count UTF-16 code units from 0.
#pragma once

#include "dsl/Source.h"

#include "llvm/Support/LSP/Protocol.h"

namespace kinema::editor {

/// Returns a place as an editor sees it; the start of the file where it is not known.
llvm::lsp::Range rangeOf(const dsl::Sources &sources, dsl::Location location);
/// Returns the range from the start of one place to the end of another.
llvm::lsp::Range rangeOf(const dsl::Sources &sources, dsl::Location first, dsl::Location last);
/// Returns the place of one byte at an editor's position, which may lie behind the end of its line.
dsl::Location locationOf(const dsl::Sources &sources, uint32_t file, llvm::lsp::Position position);

} // namespace kinema::editor
