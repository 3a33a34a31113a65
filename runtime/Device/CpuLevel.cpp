#include "runtime/Device/CpuLevel.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#ifdef __x86_64__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace kinema {

#ifdef __x86_64__

static bool supportsV3() { return __builtin_cpu_supports("x86-64-v3") != 0; }
static bool supportsV4() { return __builtin_cpu_supports("x86-64-v4") != 0; }
static bool supportsPairs() { return supportsV4() && __builtin_cpu_supports("avx512bf16") != 0; }

// Returns whether the process may use matrix registers (AMX). They are so large that Linux saves them only
// for processes that have asked for it, as this function does.
static bool supportsMatrices() {
  constexpr int requestPermission = 0x1023, matrixData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return supportsPairs() && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
         syscall(SYS_arch_prctl, requestPermission, matrixData) == 0;
}

static bool isArm() { return false; }

#elif defined(__aarch64__)

static bool supportsV3() { return false; }
static bool supportsV4() { return false; }
static bool supportsPairs() { return false; }
static bool supportsMatrices() { return false; }
static bool isArm() { return true; }

#else
#error "no level has code for this processor"
#endif

static constexpr CpuLevel levels[] = {
    {"x86-64-v3", "AVX2 and FMA", supportsV3},
    {"x86-64-v4", "AVX-512 (F, BW, CD, DQ, VL)", supportsV4},
    {"x86-64-v4-bf16", "AVX-512 (F, BW, CD, DQ, VL, BF16)", supportsPairs},
    {"x86-64-v4-amx", "AVX-512 (F, BW, CD, DQ, VL, BF16) and AMX (TILE, BF16) that the system lets it use",
     supportsMatrices},
    {"aarch64", "the instructions of 64-bit Arm", isArm},
};

std::span<const CpuLevel> cpuLevels() { return levels; }

const CpuLevel *findCpuLevel(std::string_view target) {
  for (const CpuLevel &level : levels)
    if (level.target == target)
      return &level;
  return nullptr;
}

bool runsHere(const CpuLevel &level) { return level.runsHere(); }

std::string_view bestCpuLevel(const RunsLevel &runs) {
  std::string_view best;
  for (const CpuLevel &level : levels)
    if (runs(level))
      best = level.target;
  return best;
}

size_t chooseCpuLevel(std::span<const std::string> targets, const RunsLevel &runs) {
  auto place = std::ranges::find_if(targets, [](const std::string &target) { return findCpuLevel(target); });
  for (const CpuLevel &level : levels)
    if (auto found = std::ranges::find(targets, level.target); found != targets.end() && runs(level))
      place = found;
  return place - targets.begin();
}

void requireCpuLevel(std::string_view target, const RunsLevel &runs) {
  const CpuLevel *level = findCpuLevel(target);
  if (level && !runs(*level))
    fail("this processor cannot run {} code: it lacks {}; compile for another level with --target", target,
         level->needs);
}

} // namespace kinema
