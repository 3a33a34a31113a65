// Notes the accesses of a cluster for a profile (Profile.h). The lanes of a warp run one after the other;
// what a lane does at a place for the n-th time counts as one access with what the others do there for the
// n-th time.
#pragma once

#include "runtime/Emulator/Profile.h"
#include "runtime/Emulator/Thread.h"

#include <array>
#include <deque>
#include <unordered_map>

namespace kinema::emulator {

class AccessProfiler {
public:
  // Takes the profile to which counts are added, which is null where none is made.
  explicit AccessProfiler(Profile *profile) : profile(profile) {}

  void start() { streams.clear(); }
  bool isOn() const { return profile; }

  // Notes an access of a thread to a buffer or to Profile::sharedMemory. Addresses are counted from the
  // buffer's beginning, which is that of a sector on a GPU.
  void noteLane(const Thread &thread, int buffer, uint64_t address, uint64_t bytes);
  // Notes that a copy of a thread reads or writes so many bytes of global memory in a row.
  void noteCopy(const Thread &thread, int buffer, uint64_t address, uint64_t bytes);
  // Adds everything to the profile, when the cluster has ended.
  void finish();

private:
  struct Access {
    uint32_t lanes = 0;
    uint64_t bytes = 0; // of a lane
    std::array<uint64_t, warpSize> addresses;
  };
  // A Stream is the accesses of a warp at a place that not all lanes have made yet.
  struct Stream {
    Profile::Place place;
    std::array<uint64_t, warpSize> made = {}; // accesses, by lane
    uint64_t first = 0;                       // number of the first in `open`
    std::deque<Access> open;
  };

  void count(const Profile::Place &place, const Access &access);

  Profile *profile;
  std::unordered_map<uint64_t, Stream> streams; // by warp, memory and site
  std::map<Profile::Place, AccessCounts> counts;
};

} // namespace kinema::emulator
