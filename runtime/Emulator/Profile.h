// Counts what each place of a kernel's code asks of memory: how many sectors of global memory and wavefronts
// of shared memory its accesses take, and how few they could take.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace kinema::emulator {

struct Kernel;

struct AccessCounts {
  uint64_t accesses = 0; // of warps, or copies
  uint64_t bytes = 0;    // that are asked for, those that lanes share counted once
  // Sectors are the 32 bytes in which global memory is read and written; as few as the bytes fill.
  uint64_t sectors = 0, fewestSectors = 0;
  // A wavefront is what the 32 banks of shared memory give at a time; as few as 128 bytes of each make.
  uint64_t wavefronts = 0, fewestWavefronts = 0;

  void add(const AccessCounts &other);
};

// A Profile has the counts of one kernel's launches. Threads of the host may add to it at the same time.
class Profile {
public:
  static constexpr int sharedMemory = -1;
  struct Place {
    uint32_t site = 0;
    int buffer = sharedMemory; // number of the launch's memory range

    auto operator<=>(const Place &) const = default;
  };

  void add(const std::map<Place, AccessCounts> &more);
  const std::map<Place, AccessCounts> &counts() const { return all; }
  // Returns what is asked of a buffer, at all places.
  AccessCounts ofBuffer(int buffer) const;

private:
  std::mutex mutex;
  std::map<Place, AccessCounts> all;
};

// Returns a table with a line for each place, those that waste most first.
std::string describe(const Kernel &kernel, const Profile &profile);

} // namespace kinema::emulator
