// Keeps vector clocks, which say what moments of which agents a thread knows. Two accesses race unless the
// later one's thread knows of the earlier one (FastTrack: Flanagan and Freund, PLDI 2009).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace kinema::emulator {

// An Agent is whoever touches memory: a thread, or what carries on by itself on behalf of one (the
// copies that a barrier or a group counts, a warpgroup's matrix products).
using Agent = uint32_t;
constexpr Agent nobody = 0xFFFFFFFF;

// A Moment is the place of an access in its agent's life.
struct Moment {
  Agent agent = nobody;
  uint32_t time = 0;

  bool operator==(const Moment &) const = default;
};

// A Clock says what is known of each agent. Many threads share one; it no longer changes once a thread holds
// it.
struct Clock {
  std::vector<uint32_t> seen; // last moment that is known, by agent; 0 beyond the end
  // These are the last moments that a proxy fence for shared memory and one for global memory have covered.
  std::vector<uint32_t> fenced, fencedGlobal;
  uint64_t serial = 0;     // different for all clocks
  uint64_t lastJoined = 0; // serial of the clock that was joined last
  int references = 0;
  // These keep the results of the last fence of each kind and of the last acquire, since all threads of a
  // block do the same.
  std::array<Clock *, 3> afterFence = {};
  uint64_t acquiredBy = 0;
  Clock *afterAcquire = nullptr;

  uint32_t seenOf(Agent agent) const { return agent < seen.size() ? seen[agent] : 0; }
  uint32_t fencedOf(Agent agent) const { return agent < fenced.size() ? fenced[agent] : 0; }
  uint32_t fencedGlobalOf(Agent agent) const { return agent < fencedGlobal.size() ? fencedGlobal[agent] : 0; }
  void raiseSeen(Agent agent, uint32_t time);
  void raiseFenced(Agent agent, uint32_t time);
  void raiseFencedGlobal(Agent agent, uint32_t time);
  void join(const Clock &other);
};

// Makes clocks and recycles them.
class ClockPool {
public:
  // Returns a new clock, of which the caller holds one reference.
  Clock *make();
  Clock *retain(Clock *clock);
  void release(Clock *clock); // a null clock is ignored
  // Recycles all clocks.
  void reset();

private:
  void recycle(Clock *clock);

  std::vector<std::unique_ptr<Clock>> all;
  std::vector<Clock *> idle;
  uint64_t serials = 0;
};

} // namespace kinema::emulator
