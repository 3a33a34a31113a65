// Predicts how long a step of many ranks takes, of what each launch takes and of the network between the
// ranks.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Ranks/Ranks.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kinema {

// What connects the ranks: in a ring, each sends to one other and receives from one.
struct RankNetwork {
  std::string name;
  double latency = 0;   // seconds from rank to rank, of a message of no bytes
  double bandwidth = 0; // bytes a second that a rank sends, and as many that it receives
};
// Returns the networks that have names. Their figures are those of data sheets, less what protocols take.
std::span<const RankNetwork> rankNetworks();
// Finds a network by its name, or makes the one of "LATENCY:BANDWIDTH", in microseconds and GB a second.
// Throws Error where it is neither.
RankNetwork findNetwork(const std::string &text);

// Returns the seconds in which a ring of ranks adds up so many bytes: each rank passes on a part of them
// 2 (ranks - 1) times.
double secondsToAddUp(int64_t bytes, int64_t ranks, const RankNetwork &network);

// Seconds of a step of one rank.
struct StepTimes {
  std::vector<double> launches; // of train_step
  double update = 0;            // of all launches behind the sums
};
// Returns the times that the package's model of its target has or, where `step` is not 0, that many seconds
// for a whole step, shared out by multiply-adds and bytes. Throws Error where neither is known.
StepTimes timesOf(const Manifest &manifest, double step);

// A step of many ranks.
struct ScaledStep {
  int64_t bucketBytes = 0; // as it was asked for
  size_t buckets = 0;
  double seconds = 0, alone = 0;     // of all ranks together, and of one by itself
  double latency = 0, bandwidth = 0; // seconds that sums would take by each alone

  double efficiency() const { return alone / seconds; }
  // Says what makes the step longer than that of one rank: "nothing", "latency", "bandwidth".
  std::string bound() const;
};
ScaledStep scaleStep(const Manifest &manifest, const StepTimes &times, int64_t ranks,
                     const RankNetwork &network, int64_t bucketBytes, Wire wire = Wire::Float32);
// Returns the steps with buckets of several sizes, the smallest first; of sizes with which there are as many
// buckets, the smallest.
std::vector<ScaledStep> scaleSteps(const Manifest &manifest, const StepTimes &times, int64_t ranks,
                                   const RankNetwork &network, Wire wire = Wire::Float32);
// Returns the quickest of these steps; of those that are as quick within a thousandth, that with the fewest
// buckets.
const ScaledStep &quickest(const std::vector<ScaledStep> &steps);

} // namespace kinema
