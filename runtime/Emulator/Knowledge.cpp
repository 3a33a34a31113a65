#include "runtime/Emulator/Knowledge.h"

#include <algorithm>

using namespace kinema::emulator;

void Knowledge::start() {
  clocks.reset();
  Clock *nothing = clocks.make();
  for (Thread &thread : threads)
    thread.known.clock = clocks.retain(nothing);
}

void Knowledge::setClock(Thread &thread, Clock *clock) {
  clocks.retain(clock);
  clocks.release(thread.known.clock);
  thread.known.clock = clock;
}

bool Knowledge::knowsProduct(const Thread &thread, Moment moment) const {
  for (int warp = 0; warp < Agents::warpsOfGroup; ++warp) {
    Agent agent = Agent(moment.agent + warp);
    bool own = agent == agents.ofProducts(thread) && moment.time <= thread.known.productsSeen;
    if (!own && thread.known.clock->seenOf(agent) < moment.time)
      return false;
  }
  return true;
}

void Knowledge::release(Thread &thread, Clock &into) {
  Known &known = thread.known;
  into.join(*known.clock);
  into.raiseSeen(agents.ofThread(thread), known.now);
  if (known.fencedUntil)
    into.raiseFenced(agents.ofThread(thread), known.fencedUntil);
  if (known.fencedGlobalUntil)
    into.raiseFencedGlobal(agents.ofThread(thread), known.fencedGlobalUntil);
  if (known.asyncSeen)
    into.raiseSeen(agents.ofAsync(thread), known.asyncSeen);
  if (known.asyncFenced)
    into.raiseFenced(agents.ofAsync(thread), known.asyncFenced);
  if (known.bulkSeen)
    into.raiseSeen(agents.ofBulk(thread), known.bulkSeen);
  if (known.storesSeen)
    into.raiseSeen(agents.ofStores(thread), known.storesSeen);
  if (known.productsSeen)
    into.raiseSeen(agents.ofProducts(thread), known.productsSeen);
  if (known.tensorLoadsFenced)
    into.raiseSeen(agents.ofTensorLoads(thread), known.tensorLoadsFenced);
  ++known.now;
}

void Knowledge::acquire(Thread &thread, Clock *from) {
  Clock *own = thread.known.clock;
  if (own == from)
    return;
  if (from->acquiredBy != own->serial) {
    Clock *joined = clocks.make();
    joined->join(*own);
    joined->join(*from);
    clocks.release(from->afterAcquire);
    from->afterAcquire = joined;
    from->acquiredBy = own->serial;
  }
  setClock(thread, from->afterAcquire);
}

void Knowledge::fenceProxy(Thread &thread, Fence fence) {
  Known &known = thread.known;
  if (fence != Fence::Global) {
    known.fencedUntil = known.now;
    known.asyncFenced = known.asyncSeen;
  }
  if (fence != Fence::Shared)
    known.fencedGlobalUntil = known.now;
  ++known.now;
  Clock *&after = known.clock->afterFence[size_t(fence)];
  if (!after) {
    after = clocks.make();
    after->join(*known.clock);
    if (fence != Fence::Global)
      after->fenced = known.clock->seen;
    if (fence != Fence::Shared)
      after->fencedGlobal = known.clock->seen;
  }
  setClock(thread, after);
}

// ---- A warpgroup's view

WarpgroupView::WarpgroupView(const Knowledge &knowledge, std::span<const Thread> threads)
    : knowledge(knowledge) {
  for (const Thread &thread : threads) {
    auto same = std::ranges::find(holders, thread.known.clock, &Holder::clock);
    if (same == holders.end())
      holders.push_back({thread.known.clock, &thread});
    else
      same->only = nullptr;
  }
}

bool WarpgroupView::knowsRead(Moment moment) const {
  return std::ranges::all_of(holders, [&](const Holder &holder) {
    return holder.only ? knowledge.knows(*holder.only, moment)
                       : holder.clock->seenOf(moment.agent) >= moment.time;
  });
}

bool WarpgroupView::knowsWrite(Moment moment) const {
  if (!knowledge.agents.isGenericProxy(moment.agent))
    return knowsRead(moment);
  return std::ranges::all_of(holders, [&](const Holder &holder) {
    return holder.only ? knowledge.knowsFenced(*holder.only, moment)
                       : holder.clock->fencedOf(moment.agent) >= moment.time;
  });
}
