#include "runtime/Emulator/SharedMemory.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

using namespace kinema::emulator;

namespace {

constexpr Agent agents = 5;
constexpr uint32_t bytes = 64;

// What an agent knows: of each agent, the last moment.
struct Knowledge {
  std::array<uint32_t, agents> seen{};

  bool knowsWrite(Moment moment) const { return seen[moment.agent] >= moment.time; }
  bool knowsRead(Moment moment) const { return knowsWrite(moment); }
  bool isMissingFence(Moment) const { return false; }
  void join(const Knowledge &other) {
    for (Agent i = 0; i < agents; ++i)
      seen[i] = std::max(seen[i], other.seen[i]);
  }
};

// All accesses to each byte since it was last written, none forgotten.
struct History {
  struct Byte {
    std::optional<Moment> write;
    std::vector<Moment> reads;
  };
  std::array<Byte, bytes> all;

  std::optional<uint32_t> conflict(const Knowledge &viewer, AccessKind kind, uint32_t address,
                                   uint32_t size) const {
    for (uint32_t at = address; at < address + size; ++at) {
      bool races = all[at].write && !viewer.knowsWrite(*all[at].write);
      if (kind == AccessKind::Write)
        for (Moment read : all[at].reads)
          races |= !viewer.knowsRead(read);
      if (races)
        return at;
    }
    return std::nullopt;
  }

  void remember(Moment now, AccessKind kind, uint32_t address, uint32_t size) {
    for (uint32_t at = address; at < address + size; ++at)
      if (kind == AccessKind::Write)
        all[at] = {now, {}};
      else
        all[at].reads.push_back(now);
  }
};

// Agents that access memory and learn of each other at random, until two accesses race.
class Story {
public:
  explicit Story(uint32_t seed) : random(seed) {
    log.reset(bytes);
    for (Agent agent = 0; agent < agents; ++agent)
      knowledge[agent].seen[agent] = 1;
  }

  // Returns false where two accesses race.
  bool goOn() {
    Agent agent = Agent(below(agents));
    if (below(3) == 0) {
      learn(agent, below(2) ? Agent(below(agents)) : agents);
      return true;
    }
    uint32_t size = 1u << below(5), address = below(bytes / size) * size;
    AccessKind kind = below(3) ? AccessKind::Read : AccessKind::Write;
    Moment now{agent, knowledge[agent].seen[agent]};
    auto wanted = history.conflict(knowledge[agent], kind, address, size);
    auto found = log.access(knowledge[agent], now, kind, address, size, 0, false);
    EXPECT_EQ(found.has_value(), wanted.has_value());
    if (found && wanted)
      EXPECT_EQ((address + found->at) & ~3u, *wanted & ~3u);
    history.remember(now, kind, address, size);
    return !found && !wanted;
  }

private:
  uint32_t below(uint32_t end) { return uint32_t(random() % end); }

  // `whom` may be all; what they do from now on is not known.
  void learn(Agent agent, Agent whom) {
    for (Agent other = 0; other < agents; ++other)
      if (whom == agents || whom == other) {
        knowledge[agent].join(knowledge[other]);
        ++knowledge[other].seen[other];
      }
  }

  std::mt19937 random;
  std::array<Knowledge, agents> knowledge;
  History history;
  AccessLog log;
};

} // namespace

TEST(EmulatorAccessLog, findsTheRacesThatAFullHistoryShows) {
  int races = 0, longest = 0;
  for (uint32_t seed = 0; seed < 20000 && !HasFailure(); ++seed) {
    Story story(seed);
    int steps = 0;
    while (steps < 200 && story.goOn())
      ++steps;
    races += steps < 200;
    longest = std::max(longest, steps);
  }
  EXPECT_GT(races, 10000);
  EXPECT_GT(longest, 30); // accesses in order, before one races
}
