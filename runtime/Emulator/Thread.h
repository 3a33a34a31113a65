// Describes a thread of a kernel while it runs, with what each part of the emulator keeps about it.
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

// Holds what a thread knows, besides its own moments (Knowledge.h).
struct Known {
  Clock *clock = nullptr;
  uint32_t now = 1; // the thread's own time; goes on after each release and fence
  // These are the last of its own moments that a proxy fence for shared and for global memory has covered.
  uint32_t fencedUntil = 0, fencedGlobalUntil = 0;
  // These are the times up to which it has waited for its own copies and for its warpgroup's products. Of
  // bulk copies to global memory it may know that they have read, and not yet that they have written.
  uint32_t asyncSeen = 0, bulkSeen = 0, storesSeen = 0, productsSeen = 0;
  uint32_t asyncFenced = 0; // time up to which a proxy fence has covered its cp.async
  // This is the time up to which a tcgen05.fence::before_thread_sync has covered its loads from tensor
  // memory.
  uint32_t tensorLoadsFenced = 0;
};

// Holds a thread's own copies of one kind. Time counts the groups (and, for cp.async, arrivals) that it has
// closed, plus one.
struct CopyGroups {
  uint32_t time = 1;
  std::vector<uint32_t> committed; // times

  void restart() {
    time = 1;
    committed.clear();
  }
};

// Says how far a thread is in the operations of its warpgroup (Warpgroups.h).
struct InWarpgroup {
  uint32_t arrivals = 0; // number of operations at which it has arrived
  bool isAhead = false;  // whether it is ahead of others that it must still wait for
  uint32_t serials = 0;  // number of accumulators that it has begun
};

struct Thread {
  int index = 0;  // its place in the cluster; also its agent
  int rank = 0;   // rank of its block in the cluster
  int number = 0; // its place in its block
  int warp = 0;   // its warp in the cluster
  int group = 0;  // its warpgroup in the cluster
  Fiber fiber;
  bool done = false;
  uint32_t site = noSite; // site of its current call

  const Awaited *awaited = nullptr; // null: the thread runs, or polls
  uint32_t awaitedDetail = 0;

  Known known;
  Clock *handedOn = nullptr; // what its last fence for the device has covered; null: there was none
  CopyGroups async;          // cp.async, which the generic proxy makes
  CopyGroups bulk;           // cp.async.bulk to global memory, which the async proxy makes
  InWarpgroup inGroup;

  bool arrivedAtCluster = false; // whether it has arrived and not waited since
  uint32_t clusterPhase = 0;     // phase in which it arrived

  // These are operands and result of a collective operation.
  std::array<uint64_t, 4> operand = {};
  uint64_t result = 0;

  int lane() const { return number % warpSize; }
  uint32_t laneBit() const { return 1u << lane(); }

  // Forgets everything but the thread's place.
  void restart();
};

} // namespace kinema::emulator
