#include "runtime/Commands/Bench.h"

#include "runtime/Device/Peak.h"
#include "runtime/Device/ThreadPool.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace kinema;
using namespace kinema::test;

namespace {

// 100 operations and 10 bytes a second.
constexpr Peak slow = {.threads = 1, .avx2 = 100, .avx512 = 60, .bandwidth = 10};

} // namespace

TEST(Bench, AFloorIsTheLongerOfWorkAndBytes) {
  Launch launch;
  launch.macs = 50;
  launch.reads = 4;
  launch.writes = 2;
  EXPECT_DOUBLE_EQ(floorOf(launch, slow), 1.0);
  launch.writes = 16;
  EXPECT_DOUBLE_EQ(floorOf(launch, slow), 2.0);
  EXPECT_EQ(floorOf(launch, Peak()), 0) << "nothing is known of the machine";
  launch.floor = 0.25;
  EXPECT_EQ(floorOf(launch, slow), 0.25) << "the package knows";
}

// Rates that no processor of today has would mean that the compiler removed the loops.
TEST(Bench, APeakIsOneThatAMachineCanHave) {
  ThreadPool pool(2);
  Peak peak = measurePeak(pool);
  EXPECT_EQ(peak.threads, 2);
  ASSERT_EQ(peak.avx2 > 0, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(peak.avx512 > 0, static_cast<bool>(__builtin_cpu_supports("avx512f")));
  EXPECT_EQ(peak.bfloat16 > 0, static_cast<bool>(__builtin_cpu_supports("avx512bf16")));
  constexpr double clock = 8e9;
  EXPECT_LT(peak.avx2, 2 * 2 * 2 * 8 * clock);
  EXPECT_LT(peak.avx512, 2 * 2 * 2 * 16 * clock);
  EXPECT_GT(peak.flops(), 1e8);
  EXPECT_GT(peak.bandwidth, 1e7);
  EXPECT_LT(peak.bandwidth, 1e13);
}

TEST(Bench, LaunchesAreTimedWhereThatIsWanted) {
  TemporaryFolder folder;
  Program program(Package(writeLinearPackage(folder / "linear.kin", linearManifest())));
  BenchResult whole = benchmark(program, {.runs = 3, .entries = {"train_step"}});
  ASSERT_EQ(whole.entries.size(), 1u);
  EXPECT_EQ(whole.entries[0].seconds.size(), 3u);
  EXPECT_LE(whole.entries[0].least(), whole.entries[0].median());
  EXPECT_GT(whole.peakMemory, 1 << 20);
  EXPECT_EQ(program.times("train_step").front().seconds.size(), 0u);
  auto entry = toJson(program, whole).at("entries").at(0);
  EXPECT_FALSE(entry.contains("launches"));
  EXPECT_GT(entry.at("floor"), 0);

  BenchResult each = benchmark(program, {.runs = 2, .entries = {"train_step"}, .perKernel = true});
  EXPECT_EQ(program.times("train_step").front().seconds.size(), 2u);
  auto launches = toJson(program, each).at("entries").at(0).at("launches");
  ASSERT_EQ(launches.size(), program.manifest().entries.at("train_step").size());
  EXPECT_GT(launches.at(0).at("floor"), 0);
  std::string table = describeLaunches(program, "train_step", slow, 0);
  EXPECT_NE(table.find("x floor"), std::string::npos) << table;
  EXPECT_EQ(table.find("predicted"), std::string::npos) << "no model of the CPU:\n" << table;
}
