#include "runtime/Emulator/GlobalOrder.h"

#include <algorithm>

using namespace kinema::emulator;

GlobalOrder::GlobalOrder(const Launch &launch, const Threads &threads, Scheduler &scheduler,
                         Knowledge &knowledge, GlobalLog *log)
    : threads(threads), scheduler(scheduler), knowledge(knowledge), log(log) {
  if (!log)
    return;
  for (const MemoryRange &range : launch.memory)
    if (range.writable)
      ranges.push_back({range.begin, uint64_t(range.bytes), 0});
  std::ranges::sort(ranges, {}, &Range::begin);
  for (Range &range : ranges) {
    range.place = places + reinterpret_cast<uint64_t>(range.begin) % 8; // words are words in the log
    places = (range.place + range.bytes + 7) / 8 * 8;
  }
}

void GlobalOrder::start() {
  takenOver.clear();
  ofCluster.reset(places);
}

std::optional<std::string> GlobalOrder::note(AccessKind kind, Moment moment, const std::byte *address,
                                             uint64_t bytes) {
  auto wrong = noteInCluster(kind, moment, address, bytes);
  return wrong ? wrong : noteBetweenClusters(kind, moment, address, bytes);
}

// ---- Within a cluster

// What the agent of an access knows of those before: what its thread knows, or took over from an atomic
// operation. What threads wrote, the async proxy sees only after a fence for global memory.
struct GlobalOrder::View {
  const GlobalOrder &order;
  bool isGenericProxy;

  bool knowsRead(Moment moment) const {
    return order.knowledge.knows(order.scheduler.running(), moment) ||
           order.isHandedOn({order.threads.cluster(), moment});
  }
  bool knowsWrite(Moment moment) const {
    bool sees = isGenericProxy || !order.knowledge.agents.isGenericProxy(moment.agent);
    return sees ? knowsRead(moment) : order.knowledge.knowsFencedGlobal(order.scheduler.running(), moment);
  }
  bool isMissingFence(Moment moment) const { return knowsRead(moment); }
};

std::optional<std::string> GlobalOrder::noteInCluster(AccessKind kind, Moment moment,
                                                      const std::byte *address, uint64_t bytes) {
  auto after = std::ranges::upper_bound(ranges, address, {}, &Range::begin);
  if (after == ranges.begin())
    return std::nullopt;
  const Range &range = *std::prev(after);
  uint64_t offset = uint64_t(address - range.begin);
  if (offset >= range.bytes)
    return std::nullopt;
  View view{*this, knowledge.agents.isGenericProxy(moment.agent)};
  AccessKind inLog = isStrong(kind) ? AccessKind::Atomic : isRead(kind) ? AccessKind::Read : kind;
  auto conflict = ofCluster.access(view, moment, inLog, range.place + offset, bytes, scheduler.running().site,
                                   /*unwritten=*/false);
  if (!conflict)
    return std::nullopt;
  std::string other = knowledge.agents.describe(conflict->other);
  if (conflict->otherWrote)
    return fmt::format("; {} wrote the byte at {}{}, {}", other, int64_t(offset + conflict->at),
                       scheduler.siteText(conflict->otherSite),
                       conflict->fenceMissing ? "without a fence.proxy.async since then"
                                              : "and nothing orders the two");
  return fmt::format("; {} read the byte at {}, and nothing orders the two", other,
                     int64_t(offset + conflict->at));
}

// ---- Between clusters

std::optional<std::string> GlobalOrder::noteBetweenClusters(AccessKind kind, Moment moment,
                                                            const std::byte *address, uint64_t bytes) {
  auto conflict = log->note(kind, address, bytes, {threads.cluster(), moment},
                            [&](const GlobalLog::Access &earlier) { return isHandedOn(earlier); });
  if (!conflict)
    return std::nullopt;
  std::string other = conflict->cluster < 0
                          ? "other blocks"
                          : fmt::format("block {}", conflict->cluster * threads.blockCount());
  if (conflict->constant)
    return kind == AccessKind::ConstantRead
               ? fmt::format(" by a load for constants (ld.global.nc), which {} wrote in the same launch",
                             other)
               : fmt::format(", which {} read by a load for constants (ld.global.nc) in the same launch",
                             other);
  bool mayBeStale = kind == AccessKind::Read && conflict->wrote;
  return fmt::format(", which {} {} in the same launch: nothing orders the two{}", other,
                     conflict->wrote ? "wrote" : "read",
                     mayBeStale ? ", and a first-level cache may hold what was there before" : "");
}

std::optional<std::string> GlobalOrder::noteStrong(AccessKind kind, const std::byte *address,
                                                   uint64_t bytes) {
  Thread &thread = scheduler.running();
  ++thread.known.now; // the access has a moment of its own
  Moment moment = knowledge.now(thread);
  std::vector<uint32_t> moments;
  if (!isRead(kind) && thread.handedOn)
    moments = thread.handedOn->seen;
  uint64_t number = log->noteStrong(kind, address, bytes, {threads.cluster(), moment}, std::move(moments));
  auto wrong = note(kind, moment, address, bytes);
  ++thread.known.now;
  if (kind != AccessKind::StrongWrite)
    takenOver.push_back({address, thread.index, number, std::nullopt});
  return wrong;
}

void GlobalOrder::fenceDevice() {
  if (!log)
    return;
  Thread &thread = scheduler.running();
  for (TakenOver &taken : takenOver)
    if (taken.thread == thread.index && !taken.fencedAt)
      taken.fencedAt = thread.known.now;
  Clock *all = knowledge.clocks.make();
  knowledge.release(thread, *all);
  knowledge.clocks.release(std::exchange(thread.handedOn, all));
}

bool GlobalOrder::isHandedOn(const GlobalLog::Access &earlier) const {
  return std::ranges::any_of(takenOver, [&](const TakenOver &taken) {
    Moment fence{knowledge.agents.ofThread(threads[taken.thread]), taken.fencedAt.value_or(0)};
    return taken.fencedAt && knowledge.knows(scheduler.running(), fence) &&
           log->isReleased(taken.address, earlier, taken.number);
  });
}
