// Says what the ranks of a training tell each other (runtime/Ranks). Where a training has one process,
// `ranks` is null, and each function returns what that process says.
#pragma once

#include "runtime/Program/Program.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Training/Batch.h"
#include "runtime/Training/BatchStatistics.h"
#include "runtime/Training/Evaluator.h"
#include "runtime/Training/Metrics.h"

#include <nlohmann/json_fwd.hpp>

namespace kinema {

// Returns what each rank says, in their order.
std::vector<nlohmann::json> gatherJson(Ranks &ranks, const nlohmann::json &own);

// What ranks have to agree on before a step.
struct StepNews {
  int64_t clips = 0;                  // of the step; of all ranks together
  bool stops = false;                 // a signal has asked a rank to stop
  bool saves = false;                 // a checkpoint is due by the first rank's clock
  std::vector<Unreadable> unreadable; // videos that were found since the last step; each of them once
};
StepNews newsOfAll(Ranks *ranks, const StepNews &own);

// What a step has found.
struct StepFindings {
  ClipMetrics clips;
  double loss = 0;   // mean over the clips that count
  int64_t valid = 0; // clips that count
};
// Returns the sums, and the mean of the losses over all clips.
StepFindings findingsOfAll(Ranks *ranks, const StepFindings &own);

// Merges statistics of as many batches of each rank.
void mergeOverRanks(Ranks *ranks, BatchStatistics &statistics);

// Makes an evaluation of the clips of all ranks out of that of one rank's clips, but for the figures that
// follow from its scores and for features.
void addOtherRanks(Ranks *ranks, Evaluation &evaluation);

// Throws Error unless the parameters of all ranks are the same, bit for bit. `when` says when that is.
void checkSameParameters(Program &program, Ranks &ranks, const std::string &when);

} // namespace kinema
