#include "runtime/Emulator/Warps.h"

#include <algorithm>

using namespace kinema::emulator;

Warps::Warps(Threads &threads, Scheduler &scheduler, Knowledge &knowledge)
    : scheduler(scheduler), threads(threads), knowledge(knowledge), warps(threads.warpCount()) {
  for (int i = 0; i < int(warps.size()); ++i) {
    int inBlock = i % threads.warpsPerBlock,
        lanes = std::min(warpSize, threads.perBlock - inBlock * warpSize);
    warps[i].first = i / threads.warpsPerBlock * threads.perBlock + inBlock * warpSize;
    warps[i].lanes = lanes == warpSize ? ~0u : (1u << lanes) - 1;
  }
}

void Warps::start() {
  for (Warp &warp : warps) {
    warp.left = 0;
    warp.meetings.clear();
  }
}

uint64_t Warps::meet(uint32_t mask, void (*complete)(Warps &, const Meeting &), bool ordersMemory) {
  Thread &thread = scheduler.running();
  Warp &warp = warps[thread.warp];
  mask &= warp.lanes;
  if (!(mask & thread.laneBit()))
    scheduler.violate("lane {} is not in the mask {:#x} that it gives", thread.lane(), mask);
  size_t at = size_t(std::ranges::find(warp.meetings, mask, &Meeting::mask) - warp.meetings.begin());
  if (at == warp.meetings.size())
    warp.meetings.push_back(
        {thread.warp, mask, 0, thread.site, complete, ordersMemory ? knowledge.clocks.make() : nullptr});
  Meeting &meeting = warp.meetings[at];
  if (meeting.complete != complete || (meeting.site != thread.site && !ordersMemory))
    scheduler.violate("lanes of a warp with the same mask {:#x} meet in different operations: here and{}",
                      mask, scheduler.siteText(meeting.site));
  meeting.arrived |= thread.laneBit();
  if (ordersMemory)
    knowledge.release(thread, *meeting.clock);
  if (!(mask & ~(meeting.arrived | warp.left)))
    this->complete(warp, at); // the thread is among those that are woken
  scheduler.wait(*this, mask);
  return thread.result;
}

void Warps::complete(Warp &warp, size_t at) {
  Meeting meeting = warp.meetings[at];
  warp.meetings.erase(warp.meetings.begin() + at);
  meeting.complete(*this, meeting);
  for (int i = 0; i < warpSize; ++i)
    if (meeting.arrived >> i & 1) {
      Thread &thread = lane(meeting, i);
      if (meeting.clock)
        knowledge.setClock(thread, meeting.clock);
      scheduler.wake(thread);
    }
  knowledge.clocks.release(meeting.clock);
}

void Warps::leave(const Thread &thread) {
  Warp &warp = warps[thread.warp];
  warp.left |= thread.laneBit();
  for (size_t at = 0; at < warp.meetings.size();)
    if (warp.meetings[at].mask & ~(warp.meetings[at].arrived | warp.left))
      ++at;
    else
      complete(warp, at);
}

void Warps::sync(uint32_t mask) {
  meet(mask, [](Warps &, const Meeting &) {}, /*ordersMemory=*/true);
}

void Warps::requireWhole(const Meeting &meeting) {
  if (meeting.arrived != everyLane)
    scheduler.violate("only lanes {:#x} of the warp take part; all must", meeting.arrived);
}

std::string Warps::describeWait(const Thread &thread) const {
  return fmt::format("waits for lanes {:#x} of its warp", thread.awaitedDetail);
}
