// Tests which level of a processor runs.
#include "runtime/Device/CpuLevel.h"

#include "runtime/Support/Error.h"

#include <gtest/gtest.h>

#include <vector>

using namespace kinema;

namespace {

/// A processor that runs the levels up to this one.
RunsLevel processor(std::string_view best) {
  return [=](const CpuLevel &level) {
    const CpuLevel *most = findCpuLevel(best);
    return most && &level - cpuLevels().data() <= most - cpuLevels().data();
  };
}

const std::vector<std::string> both = {"x86-64-v4", "sm_90a", "x86-64-v3"};

TEST(CpuLevel, TheBestThatTheProcessorRuns) {
  EXPECT_EQ(chooseCpuLevel(both, processor("x86-64-v4")), 0u);
  EXPECT_EQ(chooseCpuLevel(both, processor("x86-64-v3")), 2u);
  EXPECT_EQ(bestCpuLevel(processor("x86-64-v4")), "x86-64-v4");
  EXPECT_EQ(bestCpuLevel(processor("x86-64-v3")), "x86-64-v3");
}

TEST(CpuLevel, WhereNoneFits) {
  const std::vector<std::string> gpu = {"sm_90a"}, large = {"sm_90a", "x86-64-v4"};
  EXPECT_EQ(chooseCpuLevel(gpu, processor("x86-64-v4")), 1u);
  EXPECT_EQ(chooseCpuLevel(large, processor("x86-64-v3")), 1u);
  EXPECT_EQ(bestCpuLevel(processor("")), "");
}

TEST(CpuLevel, SaysWhatTheProcessorLacks) {
  EXPECT_NO_THROW(requireCpuLevel("x86-64-v4", processor("x86-64-v4")));
  try {
    requireCpuLevel("x86-64-v4", processor("x86-64-v3"));
    FAIL() << "code that the processor cannot run is taken";
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(),
                 "this processor cannot run x86-64-v4 code: it lacks AVX-512 (F, BW, CD, DQ, VL); "
                 "compile for another level with --target");
  }
}

} // namespace
