// Follows one layer of a spec on its road, for `kinema inspect --layer`.
#pragma once

#include "compiler/Inspect/Story.h"
#include "compiler/Pipelines/Compile.h"

#include <string>

namespace kinema {

/// Leads the network of a compilation, which is in phase `clip`, to phase `planned` for the options' target
/// and notes on the way what becomes of a layer; with `forms`, on to its code. Throws Error where there is no
/// such layer, with the nearest one's name.
inspect::LayerStory tellStory(Compilation &compilation, const inspect::LayerTable &table,
                              const std::string &layer, CompileOptions options,
                              llvm::ArrayRef<CodeForm> forms);

} // namespace kinema
