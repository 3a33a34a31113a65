// A thread of a kernel while it runs, and what each part of the emulator keeps of it.
#pragma once

#include "runtime/Emulator/Clock.h"
#include "runtime/Emulator/Fiber.h"

#include <array>
#include <cstdint>
#include <vector>

namespace kinema::emulator {

class Awaited;

constexpr int warpSize = 32;
constexpr int warpgroupSize = 128; // threads
constexpr uint32_t noSite = 0xFFFFFFFF;

// What a thread knows, besides its own moments (Knowledge.h).
struct Known {
  Clock *clock = nullptr;
  uint32_t now = 1;         // its own time; goes on after each release and fence
  uint32_t fencedUntil = 0; // its own moments that a proxy fence has covered
  // Up to which time it has waited for its own copies and for its warpgroup's products.
  uint32_t asyncSeen = 0, bulkSeen = 0, productsSeen = 0;
  uint32_t asyncFenced = 0; // up to which time a proxy fence has covered its cp.async
};

// What a thread's last fence for the device has covered: of others (null: there was none), and of itself.
struct HandedOn {
  Clock *clock = nullptr;
  uint32_t until = 0;
};

// A thread's own copies of one kind. Time counts the groups (and, for cp.async, arrivals) that it has closed,
// plus one.
struct CopyGroups {
  uint32_t time = 1;
  std::vector<uint32_t> committed; // times

  void restart() {
    time = 1;
    committed.clear();
  }
};

// How far a thread is in the operations of its warpgroup (Warpgroups.h).
struct InWarpgroup {
  uint32_t arrivals = 0; // at operations
  bool isAhead = false;  // of others, and has not waited for them yet
  uint32_t serials = 0;  // of the accumulators that it has begun
};

struct Thread {
  int index = 0;  // in the cluster; also its agent
  int rank = 0;   // of its block in the cluster
  int number = 0; // in its block
  int warp = 0;   // its warp in the cluster
  int group = 0;  // its warpgroup in the cluster
  Fiber fiber;
  bool done = false;
  uint32_t site = noSite; // of the call that it is in

  const Awaited *awaited = nullptr; // null: it runs, or polls
  uint32_t awaitedDetail = 0;

  Known known;
  HandedOn handedOn;
  CopyGroups async; // cp.async: the generic proxy
  CopyGroups bulk;  // cp.async.bulk to global memory: the async proxy
  InWarpgroup inGroup;

  bool arrivedAtCluster = false; // and has not waited since
  uint32_t clusterPhase = 0;     // in which it arrived

  // Operands and result of a collective operation.
  std::array<uint64_t, 4> operand = {};
  uint64_t result = 0;

  int lane() const { return number % warpSize; }
  uint32_t laneBit() const { return 1u << lane(); }

  // Forgets all but its place.
  void restart();
};

} // namespace kinema::emulator
