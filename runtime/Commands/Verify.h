// Which launch is wrong: each launch of a package runs beside its twin, which computes the same by the plain
// lowering from the same buffers (docs/package.md, "Twins").
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

// What is wrong with one launch.
struct Finding {
  enum class Kind {
    Differs, // from its twin
    Repeats, // the kernel is its own twin and has left other bits
    Strays   // has changed what is no result of its
  };
  Kind kind = Kind::Differs;
  std::string entry;
  int64_t number = 0; // of the launch in the entry, from 0
  const Launch *launch = nullptr;
  int64_t result = 0; // of the kernel, from 0
  Difference difference;
  std::vector<int64_t> coordinates; // of the first different element, logical
  double found = 0, wanted = 0;     // there
  int64_t offset = 0;               // Strays: of the first byte, in the arena; difference counts bytes
};

struct VerifyResult {
  int64_t launches = 0;     // that were run
  int64_t compared = 0;     // of these, with twins by another lowering
  int64_t repeated = 0;     // of these, their own twins
  bool watchesArena = true; // whether launches were seen not to stray; not in a large arena
  double furthest = 0;      // of all that do not differ, as a part of what it may be
  std::vector<Finding> findings;
};

// On random clips and initialised parameters. What a launch has left stays as it is, so that the launches
// behind a wrong one are judged by themselves. Throws Error, also where the package has no twins.
VerifyResult verify(Program &program, const VerifyOptions &options);

// The first finding in full, a line for each of the others, and a summary.
std::string describe(const Program &program, const VerifyResult &result);

// {"launches", "compared", "repeated", "watches_arena", "furthest", "findings": [{"kind", "entry", "launch",
// "kernel", "op", "schedule", "parameters", "layer", "result", "coordinates", "found", "wanted", "distance",
// "different", "elements", "text"}]}.
nlohmann::json toJson(const Program &program, const VerifyResult &result);

} // namespace kinema
