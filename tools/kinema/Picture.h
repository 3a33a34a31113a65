// Draws a network as SVG: its blocks from top to bottom, streams beside each other, and what takes what.
#pragma once

#include "compiler/Inspect/LayerTable.h"

#include <string>

namespace kinema {

/// Returns the picture. The same network gives the same text.
std::string pictureOf(const inspect::LayerTable &table);

} // namespace kinema
