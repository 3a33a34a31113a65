#include "runtime/Emulator/Warpgroups.h"

#include <algorithm>

using namespace kinema::emulator;

Warpgroups::Warpgroups(Threads &threads, Scheduler &scheduler)
    : threads(threads), scheduler(scheduler), groups(threads.groupCount()) {}

void Warpgroups::start() {
  for (int i = 0; i < int(groups.size()); ++i) {
    groups[i] = Group();
    groups[i].count = std::min(warpgroupSize, threads.perBlock - i % threads.groupsPerBlock * warpgroupSize);
  }
}

GroupOperation &Warpgroups::next(GroupOperation::Kind kind) {
  const Thread &thread = scheduler.running();
  Group &group = current();
  if (group.count != warpgroupSize)
    scheduler.violate("the last {} threads of the block are no warpgroup", group.count);
  size_t index = group.done + thread.inGroup.arrivals - group.settled;
  if (index == group.operations.size()) {
    GroupOperation &fresh = group.operations.emplace_back();
    fresh.kind = kind;
    fresh.site = thread.site;
  }
  GroupOperation &operation = group.operations[index];
  if (operation.site != thread.site || operation.kind != kind)
    scheduler.violate("threads of a warpgroup are at different operations: here and{}",
                      scheduler.siteText(operation.site));
  return operation;
}

// The thread that comes last finds all earlier operations settled.
bool Warpgroups::arrive(GroupOperation &operation) {
  InWarpgroup &own = scheduler.running().inGroup;
  ++own.arrivals;
  own.isAhead = ++operation.arrived < warpgroupSize;
  return !own.isAhead;
}

void Warpgroups::finish() {
  Group &group = current();
  ++group.settled;
  if (++group.done == group.operations.size()) {
    group.operations.clear();
    group.done = 0;
  }
  std::erase_if(group.waiting, [&](int index) {
    bool isThere = threads[index].inGroup.arrivals == group.settled;
    if (isThere)
      scheduler.wake(threads[index]);
    return isThere;
  });
}

void Warpgroups::waitForOthers() {
  Thread &thread = scheduler.running();
  current().waiting.push_back(thread.index);
  scheduler.wait(*this);
  thread.inGroup.isAhead = false;
}

std::string Warpgroups::describeWait(const Thread &thread) const {
  const Group &group = groups[thread.group];
  return fmt::format("waits for its warpgroup, of which {} threads have arrived",
                     group.operations[group.done].arrived);
}
