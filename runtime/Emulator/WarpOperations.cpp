// Implements operations on values of a warp's lanes, which move data between threads and order no memory
// accesses.
#include "runtime/Emulator/Calls.h"
#include "runtime/Emulator/Current.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

using namespace kinema::emulator;

namespace {

template <typename Function> void forLanes(const Meeting &meeting, Function function) {
  for (int lane = 0; lane < warpSize; ++lane)
    if (meeting.arrived >> lane & 1)
      function(lane);
}

// Implements "shfl.sync" of the PTX ISA. The operands are kind, value, offset and clamp.
void shuffle(Warps &warps, const Meeting &meeting) {
  forLanes(meeting, [&](int lane) {
    Thread &thread = warps.lane(meeting, lane);
    uint32_t offset = thread.operand[2] & 31, clamp = thread.operand[3] & 31;
    uint32_t segment = thread.operand[3] >> 8 & 31;
    uint32_t last = (lane & segment) | (clamp & ~segment), first = lane & segment;
    int source = lane;
    bool valid = false;
    switch (thread.operand[0]) {
    case 0:
      source = lane ^ int(offset);
      valid = source <= int(last);
      break;
    case 1:
      source = lane - int(offset);
      valid = source >= int(last);
      break;
    case 2:
      source = lane + int(offset);
      valid = source <= int(last);
      break;
    case 3:
      source = int(first | (offset & ~segment));
      valid = source <= int(last);
      break;
    }
    if (!valid)
      source = lane;
    if (!(meeting.arrived >> source & 1))
      warps.scheduler.violate("shuffle: lane {} reads lane {}, which takes no part", lane, source);
    thread.result = (warps.lane(meeting, source).operand[1] & 0xFFFFFFFF) | uint64_t(valid) << 32;
  });
}

// Implements votes. The operands are kind and predicate.
void vote(Warps &warps, const Meeting &meeting) {
  uint32_t ballot = 0;
  forLanes(meeting, [&](int lane) { ballot |= uint32_t(warps.lane(meeting, lane).operand[1] & 1) << lane; });
  bool all = ballot == meeting.arrived;
  forLanes(meeting, [&](int lane) {
    Thread &thread = warps.lane(meeting, lane);
    uint32_t results[] = {ballot != 0, all, ballot, all || ballot == 0};
    thread.result = results[thread.operand[0] & 3];
  });
}

// Implements matches. The operands are kind and value.
void match(Warps &warps, const Meeting &meeting) {
  forLanes(meeting, [&](int lane) {
    Thread &thread = warps.lane(meeting, lane);
    uint32_t same = 0;
    forLanes(meeting, [&](int other) {
      same |= uint32_t(warps.lane(meeting, other).operand[1] == thread.operand[1]) << other;
    });
    bool all = same == meeting.arrived;
    thread.result = thread.operand[0] == 0 ? same : all ? same | uint64_t(1) << 32 : 0;
  });
}

void elect(Warps &warps, const Meeting &meeting) {
  int leader = std::countr_zero(meeting.arrived);
  forLanes(meeting, [&](int lane) { warps.lane(meeting, lane).result = lane == leader; });
}

float reduceFloats(float a, float b, bool minimum, bool keepsNaN) {
  if (std::isnan(a) || std::isnan(b))
    return keepsNaN ? std::nanf("") : std::isnan(a) ? b : a;
  return minimum ? std::min(a, b) : std::max(a, b);
}

// Combines two values; `kind` is NVVM's ReduxKind.
uint32_t reduceTwo(uint32_t kind, uint32_t flags, uint32_t a, uint32_t b) {
  switch (kind) {
  case 1:
    return a + b;
  case 2:
    return a & b;
  case 3:
    return uint32_t(std::max(int32_t(a), int32_t(b)));
  case 4:
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  case 5:
    return a | b;
  case 6:
    return std::max(a, b);
  case 7:
    return std::min(a, b);
  case 8:
    return a ^ b;
  default:
    return std::bit_cast<uint32_t>(
        reduceFloats(std::bit_cast<float>(a), std::bit_cast<float>(b), kind == 9, flags & 2));
  }
}

// Implements reductions. The operands are kind, value and flags.
void redux(Warps &warps, const Meeting &meeting) {
  bool first = true;
  uint32_t reduced = 0;
  forLanes(meeting, [&](int lane) {
    const Thread &thread = warps.lane(meeting, lane);
    uint32_t value = uint32_t(thread.operand[1]), flags = uint32_t(thread.operand[2]);
    if (flags & 1)
      value &= 0x7FFFFFFF;
    reduced = first ? value : reduceTwo(uint32_t(thread.operand[0]), flags, reduced, value);
    first = false;
  });
  forLanes(meeting, [&](int lane) { warps.lane(meeting, lane).result = reduced; });
}

} // namespace

uint64_t kinema_emulator_shuffle(uint32_t kind, uint32_t mask, uint32_t value, uint32_t offset,
                                 uint32_t clamp, uint32_t site) {
  Cluster &cluster = at(site);
  cluster.scheduler.running().operand = {kind, value, offset, clamp};
  return cluster.warps.meet(mask, shuffle);
}

uint32_t kinema_emulator_vote(uint32_t kind, uint32_t mask, uint32_t predicate, uint32_t site) {
  Cluster &cluster = at(site);
  cluster.scheduler.running().operand = {kind, predicate};
  return uint32_t(cluster.warps.meet(mask, vote));
}

uint64_t kinema_emulator_match(uint32_t kind, uint32_t mask, uint64_t value, uint32_t site) {
  Cluster &cluster = at(site);
  cluster.scheduler.running().operand = {kind, value};
  return cluster.warps.meet(mask, match);
}

uint32_t kinema_emulator_elect(uint32_t mask, uint32_t site) {
  return uint32_t(at(site).warps.meet(mask, elect));
}

uint32_t kinema_emulator_redux(uint32_t kind, uint32_t mask, uint32_t value, uint32_t flags, uint32_t site) {
  Cluster &cluster = at(site);
  cluster.scheduler.running().operand = {kind, value, flags};
  return uint32_t(cluster.warps.meet(mask, redux));
}
