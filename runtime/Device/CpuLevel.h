// Lists the levels of processors that packages hold code for, and finds which of them a processor runs.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace kinema {

struct CpuLevel {
  std::string_view target; // as manifests name it
  std::string_view needs;  // what the processor must have, for messages
  bool (*runsHere)();      // on this processor, under this system
};

// Returns all levels, of which those of one processor are each meant to be quicker than those before.
std::span<const CpuLevel> cpuLevels();
// Returns the level of a target, or null where the target is none.
const CpuLevel *findCpuLevel(std::string_view target);

// Decides whether a processor can run a level.
using RunsLevel = std::function<bool(const CpuLevel &)>;
bool runsHere(const CpuLevel &level);

// Returns the best level that the processor runs, or an empty name where it runs none.
std::string_view bestCpuLevel(const RunsLevel &runs = runsHere);
// Returns the index of the best level among the targets. Where the processor runs none of them, it is the
// index of the first target that is a level; where no target is one, the number of targets.
size_t chooseCpuLevel(std::span<const std::string> targets, const RunsLevel &runs = runsHere);
// Throws Error where this processor cannot run the target's code.
void requireCpuLevel(std::string_view target, const RunsLevel &runs = runsHere);

} // namespace kinema
