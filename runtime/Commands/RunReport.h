// Makes one page of what a training left in its folder: curves, confusion, the videos that it judged worst,
// throughput, recipe and spec.
#pragma once

#include "runtime/Commands/RunRecord.h"

#include <CLI/CLI.hpp>

#include <span>
#include <string>

namespace kinema {

// Says where the time of a run's steps went, in shares of it that sum up to 1.
struct StepShares {
  double waiting = 0;   // no batch was ready: videos were read, decoded and cut
  double copying = 0;   // clips were handed to the device
  double computing = 0; // everything else
};
StepShares sharesOf(std::span<const StepRow> steps);

// Returns, for instance, "Decoding bounded the run: in 63% of the time no batch was ready.".
std::string describe(const StepShares &shares);

// Returns the videos that the network was most wrong about: those of which it gave the right class the least
// probability, at most `most`; of equal ones, those that come first.
std::vector<JudgedVideo> worstVideos(std::span<const JudgedVideo> videos, size_t most);

// Returns the page (HTML), which needs nothing besides itself. It opens the worst videos to show frames of
// them; where one cannot be read, the reason stands in place of its frames. The same run gives the same page.
std::string reportPage(const RunRecord &run);

// Adds the command `report RUN [-o FILE]`.
void addReport(CLI::App &app);

} // namespace kinema
