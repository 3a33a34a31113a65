// Lists what may be written at a place of a text, which usually has an error there.
#pragma once

#include "tools/kinema/Editor/Analysis.h"

#include "llvm/Support/LSP/Protocol.h"

namespace kinema::editor {

/// Returns what may stand at a place, whatever has been typed of it; the editor chooses among it by that.
std::vector<llvm::lsp::CompletionItem> completionsAt(const Analysis &analysis, dsl::Location place);

} // namespace kinema::editor
