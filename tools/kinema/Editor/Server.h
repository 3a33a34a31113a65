// Serves an editor: it keeps the texts that are open, and answers what the editor asks about them, by the
// Language Server Protocol on two streams.
#pragma once

#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <string>
#include <vector>

namespace kinema::editor {

/// Serves until the editor says `exit`, or its stream ends. `use` looks for files in the `libraryPaths` too,
/// and texts of the library that no file has are copied to `copies` to be shown. Returns the exit status: 0
/// if the editor has said `shutdown` before.
int serve(std::FILE *input, llvm::raw_ostream &output, const std::vector<std::string> &libraryPaths,
          const std::string &copies);

} // namespace kinema::editor
