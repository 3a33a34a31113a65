#include "runtime/Emulator/Clock.h"

#include "runtime/Emulator/Clones.h"

#include <algorithm>

using namespace kinema::emulator;

static void raise(std::vector<uint32_t> &times, Agent agent, uint32_t time) {
  if (agent >= times.size())
    times.resize(agent + 1);
  times[agent] = std::max(times[agent], time);
}

KINEMA_CLONES static void raiseAll(uint32_t *times, const uint32_t *others, size_t count) {
  for (size_t i = 0; i < count; ++i)
    times[i] = std::max(times[i], others[i]);
}

static void joinTimes(std::vector<uint32_t> &into, const std::vector<uint32_t> &from) {
  size_t common = std::min(into.size(), from.size());
  raiseAll(into.data(), from.data(), common);
  into.insert(into.end(), from.begin() + common, from.end());
}

void Clock::raiseSeen(Agent agent, uint32_t time) { raise(seen, agent, time); }
void Clock::raiseFenced(Agent agent, uint32_t time) { raise(fenced, agent, time); }
void Clock::raiseFencedGlobal(Agent agent, uint32_t time) { raise(fencedGlobal, agent, time); }

void Clock::join(const Clock &other) {
  if (lastJoined == other.serial)
    return;
  lastJoined = other.serial;
  joinTimes(seen, other.seen);
  joinTimes(fenced, other.fenced);
  joinTimes(fencedGlobal, other.fencedGlobal);
}

Clock *ClockPool::make() {
  if (idle.empty()) {
    all.push_back(std::make_unique<Clock>());
    idle.push_back(all.back().get());
  }
  Clock *clock = idle.back();
  idle.pop_back();
  clock->serial = ++serials;
  clock->references = 1;
  return clock;
}

Clock *ClockPool::retain(Clock *clock) {
  ++clock->references;
  return clock;
}

void ClockPool::recycle(Clock *clock) {
  clock->seen.clear();
  clock->fenced.clear();
  clock->fencedGlobal.clear();
  clock->lastJoined = clock->acquiredBy = 0;
  clock->afterFence = {};
  clock->afterAcquire = nullptr;
  clock->references = 0;
  idle.push_back(clock);
}

void ClockPool::release(Clock *clock) {
  if (!clock || --clock->references > 0)
    return;
  auto fences = clock->afterFence;
  Clock *acquire = clock->afterAcquire;
  recycle(clock);
  for (Clock *fence : fences)
    release(fence);
  release(acquire);
}

void ClockPool::reset() {
  idle.clear();
  for (auto &clock : all)
    recycle(clock.get());
}
