#include "runtime/Emulator/AccessProfiler.h"

#include <algorithm>
#include <vector>

using namespace kinema::emulator;

static constexpr uint64_t sectorBytes = 32, bankBytes = 4, banks = 32;

namespace {
struct Run {
  uint64_t begin, end;
};
} // namespace

static uint64_t parts(uint64_t bytes, uint64_t part) { return (bytes + part - 1) / part; }

static AccessCounts countsOfRun(uint64_t address, uint64_t bytes) {
  uint64_t sectors = parts(address % sectorBytes + bytes, sectorBytes);
  return {.accesses = 1, .bytes = bytes, .sectors = sectors, .fewestSectors = parts(bytes, sectorBytes)};
}

// Returns the bytes of runs, each counted once, that are sorted by their beginnings.
static uint64_t bytesOf(const std::vector<Run> &runs) {
  uint64_t bytes = 0, end = 0;
  for (const Run &run : runs) {
    bytes += std::max(run.end, end) - std::max(run.begin, end);
    end = std::max(run.end, end);
  }
  return bytes;
}

static uint64_t sectorsOf(const std::vector<Run> &runs) {
  uint64_t sectors = 0, next = 0; // `next` is the first sector that is not counted yet
  for (const Run &run : runs) {
    uint64_t first = std::max(run.begin / sectorBytes, next), end = parts(run.end, sectorBytes);
    sectors += std::max(end, first) - first;
    next = std::max(next, end);
  }
  return sectors;
}

// Returns how often the bank that is asked for most different words has to answer.
static uint64_t wavefrontsOf(const std::vector<Run> &runs) {
  std::array<std::vector<uint64_t>, banks> words;
  for (const Run &run : runs)
    for (uint64_t word = run.begin / bankBytes; word < parts(run.end, bankBytes); ++word)
      if (std::ranges::find(words[word % banks], word) == words[word % banks].end())
        words[word % banks].push_back(word);
  return std::ranges::max(words, {}, &std::vector<uint64_t>::size).size();
}

void AccessProfiler::count(const Profile::Place &place, const Access &access) {
  // The lanes of a wide access to shared memory are served in groups, of 128 bytes together.
  int group = access.bytes > 8 ? 8 : access.bytes > 4 ? 16 : warpSize;
  AccessCounts here{.accesses = 1};
  std::vector<Run> all, ofGroup;
  for (int lane = 0; lane < warpSize; ++lane) {
    if (lane % group == 0)
      ofGroup.clear();
    if (access.lanes >> lane & 1)
      ofGroup.push_back({access.addresses[lane], access.addresses[lane] + access.bytes});
    if ((lane + 1) % group == 0) {
      all.insert(all.end(), ofGroup.begin(), ofGroup.end());
      if (place.buffer == Profile::sharedMemory)
        here.wavefronts += wavefrontsOf(ofGroup);
    }
  }
  std::ranges::sort(all, {}, &Run::begin);
  here.bytes = bytesOf(all);
  if (place.buffer == Profile::sharedMemory) {
    here.fewestWavefronts = parts(here.bytes, banks * bankBytes);
  } else {
    here.sectors = sectorsOf(all);
    here.fewestSectors = parts(here.bytes, sectorBytes);
  }
  counts[place].add(here);
}

void AccessProfiler::noteLane(const Thread &thread, int buffer, uint64_t address, uint64_t bytes) {
  bool isShared = buffer == Profile::sharedMemory;
  uint64_t key = uint64_t(thread.warp) << 33 | uint64_t(isShared) << 32 | thread.site;
  Stream &stream = streams[key];
  if (stream.made[thread.lane()] == stream.first && stream.open.empty())
    stream.place = {thread.site, buffer};
  uint64_t number = stream.made[thread.lane()]++ - stream.first;
  if (number == stream.open.size())
    stream.open.emplace_back();
  Access &access = stream.open[number];
  access.lanes |= thread.laneBit();
  access.bytes = bytes;
  access.addresses[thread.lane()] = address;
  for (; !stream.open.empty() && stream.open.front().lanes == ~0u; ++stream.first) {
    count(stream.place, stream.open.front());
    stream.open.pop_front();
  }
}

void AccessProfiler::noteCopy(const Thread &thread, int buffer, uint64_t address, uint64_t bytes) {
  counts[{thread.site, buffer}].add(countsOfRun(address, bytes));
}

void AccessProfiler::finish() {
  for (auto &[key, stream] : streams)
    for (const Access &access : stream.open)
      count(stream.place, access);
  streams.clear();
  profile->add(counts);
  counts.clear();
}
