// Measures how fast a package runs here: whole entries, and each of their launches, beside the least time
// that their work allows.
#pragma once

#include "runtime/Program/Program.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kinema {

// Fills the inputs with random clips, initialises the parameters, takes the labels in turn, and sets a rate
// so small that no number overflows.
void fillInputs(Program &program);

struct EntryTime {
  std::string entry;
  std::vector<double> seconds; // of each run

  double least() const;
  double median() const;
};

struct BenchOptions {
  int64_t runs = 10;
  std::vector<std::string> entries; // empty: all that have launches
  bool perKernel = false;           // whether each launch is timed too
};

struct BenchResult {
  std::vector<EntryTime> entries;
  Peak peak;              // of this machine, measured behind the entries
  int64_t peakMemory = 0; // the most that the process had taken until then, in bytes
};

// Runs entries on random clips and initialised parameters: first whole, one run after the other; then, if
// wanted, with each launch timed by itself (on a GPU by events around it, outside the entry's graph), which
// Program::times keeps. Throws Error.
BenchResult benchmark(Program &program, const BenchOptions &options);

// Returns the least seconds that a launch can take: what the package states (for a GPU), else the longer of
// its multiply-adds at the peak's rate and its bytes at the peak's bandwidth. 0: not known. Kernels that save
// multiply-adds, or find their tensors in a cache, may be quicker.
double floorOf(const Launch &launch, const Peak &peak);

// Returns, for instance, "64.3 GFLOP/s by AVX2, ..."; an empty string where the peak is not known.
std::string describe(const Peak &peak);

// Returns an entry's time, rate and share of the peak, on one line.
std::string describe(const Program &program, const EntryTime &time, const Peak &peak);

// Returns a table of an entry's launches by the times that the program keeps, the slowest first; at most
// `rows`, 0 for all. It also shows the compiler's model's prediction where there is one.
std::string describeLaunches(const Program &program, const std::string &entry, const Peak &peak, size_t rows);

// Returns {"name", "batch", "target", "device", "memory_bytes": of the device, "peak_memory_bytes": of the
// process, "peak": {"threads", "avx2", "avx512", "neon", "bfloat16", "bandwidth"} (operations and bytes a
// second), "entries":
// [{"entry", "seconds": median, "least", "runs": seconds of each, "macs", "floor", "launches": [{"layer",
// "kernel", "op", "signature", "schedule", "parameters", "seconds": median, "least", "macs", "bytes",
// "gflops", "gbytes", "floor", "predicted"}]}]}. What is not known or was not asked for is left out.
nlohmann::json toJson(const Program &program, const BenchResult &result);

} // namespace kinema
