// Which of several ways to do the same is the quickest on a device. All run in turn, round by round, so that
// what else the machine does meets all alike.
#pragma once

#include "runtime/Device/Device.h"

#include <span>
#include <vector>

namespace kinema {

// Seconds of a sequence over the rounds.
struct ContestTimes {
  double median = 0, least = 0;
};

// Of each sequence. A run follows others of the same sequence, so that
// caches are as warm as its tensors let them be. A sequence that is far behind the quickest after one run is
// not tried again, but for the first, which the others are compared with.
std::vector<ContestTimes> timeSequences(Device &device, std::span<const SequenceId> sequences);

// The number of the one with the least median; the first unless others gain more than measuring errs by, both
// in their median and in their least time.
size_t quickest(std::span<const ContestTimes> times);

// Writes to `bytes` bytes of the arena at `offset` random numbers that are normal ones as float32 and as
// bfloat16.
void fillWithNumbers(Device &device, int64_t offset, int64_t bytes);

} // namespace kinema
