// Finds which of several ways to do the same is the quickest on a device. All run in turn, round by round, so
// that whatever else the machine does slows all of them alike.
#pragma once

#include "runtime/Device/Device.h"

#include <span>
#include <vector>

namespace kinema {

// Holds the times of a sequence over the rounds, in seconds.
struct ContestTimes {
  double median = 0, least = 0;
};

// Times each sequence. A run follows others of the same sequence, so that caches are as warm as its tensors
// let them be. A sequence that is far behind the quickest after one run is not tried again; only the first
// one always is, since the others are compared with it.
std::vector<ContestTimes> timeSequences(Device &device, std::span<const SequenceId> sequences);

// Returns the number of the sequence with the least median. It is the first one's unless another gains more
// than the error of measurement, both in its median and in its least time.
size_t quickest(std::span<const ContestTimes> times);

// Writes to `bytes` bytes of the arena at `offset` random numbers that are normally distributed both as
// float32 and as bfloat16.
void fillWithNumbers(Device &device, int64_t offset, int64_t bytes);

} // namespace kinema
