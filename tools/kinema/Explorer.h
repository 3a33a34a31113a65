// Leads specs through all phases for `kinema explore`, and writes the page that shows them.
#pragma once

#include "compiler/Inspect/Exploration.h"
#include "compiler/Pipelines/Compile.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

/// A PageFile is a file of tools/kinema/Explorer: what the page is made of.
struct PageFile {
  std::string_view name; // without its ending: "page", "script", "style"
  std::string_view text;
};

/// Returns these files sorted by name.
std::span<const PageFile> pageFiles();

/// An ExploredSide is one network on one target: all that a page shows, or one of the two that it compares.
struct ExploredSide {
  std::string spec;                  // its path, as it was named
  std::vector<std::string> settings; // that were given beside it
  std::vector<std::pair<std::string, std::string>>
      sources; // path and text; empty texts of what nothing is of
  inspect::Exploration exploration;
};

/// Follows the network of a compilation, which is in phase `clip` and stays there, to the code of its
/// kernels.
/// Without `code`, it goes to phase `planned`, where all facts are known.
ExploredSide explore(Compilation &compilation, const CompileOptions &options, bool code);

/// Returns {sides: [facts, spec, settings, sources], pairs, difference}. `pairs` are the layers of two sides
/// that take each other's place, as numbers; `difference` is that of `kinema diff`; null with one side.
nlohmann::json explorerFacts(const std::vector<ExploredSide> &sides);

/// Returns the page (HTML), which needs nothing besides itself.
std::string explorerPage(const std::vector<ExploredSide> &sides);

} // namespace kinema
