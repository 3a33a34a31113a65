// Keeps what each thread of a cluster knows of the others' moments, by vector clocks (Clock.h): what it
// learns when it acquires what another released, and what of it a proxy fence has covered.
#pragma once

#include "runtime/Emulator/Agents.h"
#include "runtime/Emulator/Clock.h"
#include "runtime/Emulator/Threads.h"

#include <span>
#include <vector>

namespace kinema::emulator {

// A Fence says for which memory a proxy fence is.
enum class Fence : uint32_t { Both, Global, Shared };

class Knowledge {
public:
  Knowledge(Threads &threads, const Agents &agents) : agents(agents), threads(threads) {}

  // Lets all threads begin with no knowledge.
  void start();

  // Adds what the thread knows now to `into`, for those that acquire it later.
  void release(Thread &thread, Clock &into);
  void acquire(Thread &thread, Clock *from);
  // Gives the thread the knowledge of a clock that has all that it knew.
  void setClock(Thread &thread, Clock *clock);
  // Makes a proxy fence: from then on the async proxy sees what other threads and copies did in this memory,
  // as far as the thread knows of it.
  void fenceProxy(Thread &thread, Fence fence);

  bool knows(const Thread &thread, Moment moment) const;
  // Returns whether the thread knows the moment and a proxy fence has covered it.
  bool knowsFenced(const Thread &thread, Moment moment) const;
  bool knowsFencedGlobal(const Thread &thread, Moment moment) const;
  // Returns the moment that the thread is at.
  Moment now(const Thread &thread) const { return {agents.ofThread(thread), thread.known.now}; }

  ClockPool clocks;
  const Agents &agents;

private:
  bool knowsProduct(const Thread &thread, Moment moment) const;

  Threads &threads;
};

// A ThreadView is what a thread knows when it reads and writes by itself.
struct ThreadView {
  const Knowledge &knowledge;
  const Thread &thread;

  bool knowsWrite(Moment moment) const { return knowledge.knows(thread, moment); }
  bool knowsRead(Moment moment) const { return knowledge.knows(thread, moment); }
  bool isMissingFence(Moment) const { return false; }
};

// An AsyncView is what is certain for a copy that a thread starts: what other proxies wrote needs a fence.
struct AsyncView {
  const Knowledge &knowledge;
  const Thread &thread;

  bool knowsWrite(Moment moment) const {
    return knowledge.agents.isGenericProxy(moment.agent) ? knowledge.knowsFenced(thread, moment)
                                                         : knowledge.knows(thread, moment);
  }
  bool knowsRead(Moment moment) const { return knowledge.knows(thread, moment); }
  bool isMissingFence(Moment moment) const { return knowledge.knows(thread, moment); }
};

// A WarpgroupView is what all threads of a warpgroup know, since any of them may be in the warp that reads
// the operands of a product first.
class WarpgroupView {
public:
  WarpgroupView(const Knowledge &knowledge, std::span<const Thread> threads);

  bool knowsWrite(Moment moment) const;
  bool knowsRead(Moment moment) const;
  bool isMissingFence(Moment moment) const { return knowsRead(moment); }

private:
  struct Holder {
    const Clock *clock;
    const Thread *only; // the only thread with this clock; null: several
  };

  const Knowledge &knowledge;
  std::vector<Holder> holders;
};

inline bool Knowledge::knows(const Thread &thread, Moment moment) const {
  if (moment.agent == agents.ofThread(thread))
    return true;
  const Known &known = thread.known;
  if (!agents.isThread(moment.agent)) {
    if (moment.agent == agents.ofAsync(thread) && moment.time <= known.asyncSeen)
      return true;
    if (agents.isProduct(moment.agent))
      return knowsProduct(thread, moment);
    if (moment.agent == agents.ofBulk(thread) && moment.time <= known.bulkSeen)
      return true;
    if (moment.agent == agents.ofStores(thread) && moment.time <= known.storesSeen)
      return true;
  }
  return known.clock->seenOf(moment.agent) >= moment.time;
}

inline bool Knowledge::knowsFenced(const Thread &thread, Moment moment) const {
  const Known &known = thread.known;
  if (moment.agent == agents.ofThread(thread))
    return moment.time <= known.fencedUntil;
  if (moment.agent == agents.ofAsync(thread) && moment.time <= known.asyncFenced)
    return true;
  return known.clock->fencedOf(moment.agent) >= moment.time;
}

inline bool Knowledge::knowsFencedGlobal(const Thread &thread, Moment moment) const {
  const Known &known = thread.known;
  if (moment.agent == agents.ofThread(thread))
    return moment.time <= known.fencedGlobalUntil;
  return known.clock->fencedGlobalOf(moment.agent) >= moment.time;
}

} // namespace kinema::emulator
