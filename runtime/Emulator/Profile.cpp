#include "runtime/Emulator/Profile.h"

#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/Thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

using namespace kinema::emulator;

void AccessCounts::add(const AccessCounts &other) {
  accesses += other.accesses;
  bytes += other.bytes;
  sectors += other.sectors;
  fewestSectors += other.fewestSectors;
  wavefronts += other.wavefronts;
  fewestWavefronts += other.fewestWavefronts;
}

void Profile::add(const std::map<Place, AccessCounts> &more) {
  std::lock_guard lock(mutex);
  for (auto &[place, counts] : more)
    all[place].add(counts);
}

AccessCounts Profile::ofBuffer(int buffer) const {
  AccessCounts sum;
  for (auto &[place, counts] : all)
    if (place.buffer == buffer)
      sum.add(counts);
  return sum;
}

std::string kinema::emulator::describe(const Kernel &kernel, const Profile &profile) {
  using Line = std::pair<Profile::Place, AccessCounts>;
  std::vector<Line> lines(profile.counts().begin(), profile.counts().end());
  auto wastes = [](const Line &line) {
    const AccessCounts &counts = line.second;
    uint64_t taken = counts.sectors + counts.wavefronts;
    return std::pair(taken - std::min(taken, counts.fewestSectors + counts.fewestWavefronts), line.first);
  };
  std::ranges::sort(lines, std::ranges::greater(), wastes);
  std::string text = fmt::format("kernel {}\n{:>10} {:>12} {:>10} {:>10} {:>11} {:>11}  {}\n", kernel.name,
                                 "accesses", "bytes", "sectors", "fewest", "wavefronts", "fewest", "place");
  for (auto &[place, counts] : lines) {
    std::string memory =
        place.buffer == Profile::sharedMemory ? "shared memory" : fmt::format("buffer {}", place.buffer);
    text += fmt::format("{:>10} {:>12} {:>10} {:>10} {:>11} {:>11}  {}, {}\n", counts.accesses, counts.bytes,
                        counts.sectors, counts.fewestSectors, counts.wavefronts, counts.fewestWavefronts,
                        textOf(kernel, place.site), memory);
  }
  return text;
}
