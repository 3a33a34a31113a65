#include "runtime/Program/Contest.h"

#include "runtime/Support/Random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kinema {
namespace {

constexpr int rounds = 7;
constexpr double hopeless = 1.5;      // times the quickest: not tried again
constexpr double leastSeconds = 2e-3; // least length of a round, so that the clock's steps do not count
constexpr double error = 0.02;

// Returns the seconds of one of `runs` runs that follow each other without a pause.
double timeRuns(Device &device, SequenceId sequence, int64_t runs) {
  device.mark(0);
  for (int64_t i = 0; i < runs; ++i)
    device.run(sequence);
  device.mark(1);
  return device.secondsBetween(0, 1) / static_cast<double>(runs);
}

ContestTimes timesOf(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples.front()};
}

} // namespace

std::vector<ContestTimes> timeSequences(Device &device, std::span<const SequenceId> sequences) {
  std::vector<double> seconds; // of one run
  for (SequenceId sequence : sequences) {
    timeRuns(device, sequence, 1); // touches its memory
    seconds.push_back(timeRuns(device, sequence, 1));
  }
  double least = *std::min_element(seconds.begin(), seconds.end());
  std::vector<std::vector<double>> samples(sequences.size());
  for (int round = 0; round < rounds; ++round)
    for (size_t i = 0; i < sequences.size(); ++i)
      if (i == 0 || seconds[i] <= hopeless * least) {
        auto runs = static_cast<int64_t>(std::clamp(std::ceil(leastSeconds / seconds[i]), 1.0, 1000.0));
        timeRuns(device, sequences[i], 1); // warms what the others have cooled
        samples[i].push_back(timeRuns(device, sequences[i], runs));
      }
  std::vector<ContestTimes> times;
  for (size_t i = 0; i < sequences.size(); ++i)
    times.push_back(timesOf(samples[i].empty() ? std::vector{seconds[i]} : samples[i]));
  return times;
}

size_t quickest(std::span<const ContestTimes> times) {
  const ContestTimes &first = times.front();
  size_t best = 0;
  for (size_t i = 1; i < times.size(); ++i)
    if (times[i].median < (1 - error) * first.median && times[i].least < (1 - error) * first.least &&
        times[i].median < times[best].median)
      best = i;
  return best;
}

void fillWithNumbers(Device &device, int64_t offset, int64_t bytes) {
  constexpr uint64_t seed = 1;
  std::vector<uint32_t> words((bytes + 3) / 4);
  for (size_t i = 0; i < words.size(); ++i) {
    auto [high, low] = random::normals(seed, random::stream(random::Purpose::Inputs), i);
    words[i] = (std::bit_cast<uint32_t>(high) & 0xFFFF0000u) | std::bit_cast<uint32_t>(low) >> 16;
  }
  device.copyIn(offset, words.data(), bytes);
}

} // namespace kinema
