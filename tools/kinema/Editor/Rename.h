// Renames what a text names, where that leaves every other word with the meaning that it had.
#pragma once

#include "tools/kinema/Editor/Analysis.h"

#include "llvm/Support/LSP/Protocol.h"

namespace kinema::editor {

/// Returns the occurrence at a place of something that the text itself names; an error says why there is
/// none.
llvm::Expected<dsl::Occurrence> renamableAt(const Analysis &analysis, dsl::Location place);

/// Returns the edits that give it another name. An error says why it cannot have that name: the text would
/// have errors then, or words another meaning.
llvm::Expected<std::vector<llvm::lsp::TextEdit>> rename(const Analysis &analysis, const dsl::Occurrence &what,
                                                        llvm::StringRef newName,
                                                        const Surroundings &surroundings);

} // namespace kinema::editor
