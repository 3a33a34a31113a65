// Finds which launch is wrong: each launch of a package runs beside its twin, which computes the same by the
// plain lowering from the same buffers (docs/package.md, "Twins"). The partials that a launch leaves are such
// a buffer for what is derived from them.
#pragma once

#include "runtime/Program/Program.h"
#include "runtime/Support/Difference.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kinema {

struct VerifyOptions {
  std::vector<std::string> entries; // empty: all that have launches
};

// Says what is wrong with one launch.
struct Finding {
  enum class Kind {
    Differs, // the result differs from the twin's
    Repeats, // the kernel, run again as its own twin, has left other bits
    Strays   // the launch has changed memory that is not its results'
  };
  Kind kind = Kind::Differs;
  std::string entry;
  int64_t number = 0; // number of the launch in the entry, from 0
  const Launch *launch = nullptr;
  int64_t result = 0; // number of the kernel's result, from 0
  Difference difference;
  std::vector<int64_t> coordinates; // those of the first different element, in the logical tensor
  double found = 0, wanted = 0;     // values of that element
  int64_t offset = 0;               // Strays: the first byte in the arena; `difference` counts bytes
};

struct VerifyResult {
  int64_t launches = 0;     // launches that were run
  int64_t compared = 0;     // launches with twins by another lowering
  int64_t repeated = 0;     // launches that are their own twins
  bool watchesArena = true; // whether stray writes were looked for; not in a large arena
  double furthest = 0;      // the largest distance among results that do not differ
  std::vector<Finding> findings;
};

// Runs the package on random clips and initialised parameters. What a launch has left stays as it is, so that
// the launches after a wrong one are judged by themselves. Throws Error, also where the package has no twins.
VerifyResult verify(Program &program, const VerifyOptions &options);

// Returns the first finding in full, a line for each of the others, and a summary.
std::string describe(const Program &program, const VerifyResult &result);

// Returns {"launches", "compared", "repeated", "watches_arena", "furthest", "findings": [{"kind", "entry",
// "launch", "kernel", "op", "schedule", "parameters", "layer", "result", "coordinates", "found", "wanted",
// "distance", "different", "elements", "text"}]}.
nlohmann::json toJson(const Program &program, const VerifyResult &result);

} // namespace kinema
