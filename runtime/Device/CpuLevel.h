// The levels of x86-64 that packages hold code for, and which of them a processor runs.
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

// All of them, each meant to be quicker than those before it.
std::span<const CpuLevel> cpuLevels();
// Null where the target is none.
const CpuLevel *findCpuLevel(std::string_view target);

// What a processor can run.
using RunsLevel = std::function<bool(const CpuLevel &)>;
bool runsHere(const CpuLevel &level);

// The best level of all that the processor runs; empty where it runs none.
std::string_view bestCpuLevel(const RunsLevel &runs = runsHere);
// The index of the best level among the targets; where the processor runs none of them, of the first that is
// one; their number where none is.
size_t chooseCpuLevel(std::span<const std::string> targets, const RunsLevel &runs = runsHere);
// Throws Error where this processor cannot run the target's code.
void requireCpuLevel(std::string_view target, const RunsLevel &runs = runsHere);

} // namespace kinema
