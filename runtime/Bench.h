// How fast a package runs here: whole entries, and each of their launches.
#pragma once

#include "runtime/Program.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kinema {

struct EntryTime {
  std::string entry;
  double least = 0, median = 0; // seconds of a run
};

struct BenchOptions {
  int64_t runs = 10;
  std::vector<std::string> entries; // empty: all that have launches
};

// Runs entries on random clips and initialised parameters: whole, one run behind the other, then with each
// launch timed by itself (on a GPU by events around it, outside the entry's graph), which Program::times
// keeps. Throws Error.
std::vector<EntryTime> benchmark(Program &program, const BenchOptions &options);

// A table of an entry's launches, the slowest first; at most `rows`, 0: all. Where the package knows the
// least that a launch can take, how many times that it took, and what the compiler's model had predicted.
std::string describeLaunches(const Program &program, const std::string &entry, size_t rows);

// {"entry", "seconds": median, "least", "launches": [{"layer", "kernel", "op", "schedule", "seconds": median,
// "gflops", "gbytes", "floor", "predicted"}]}; the last two, in seconds, where the package knows them.
nlohmann::json toJson(const Program &program, const EntryTime &time);

} // namespace kinema
