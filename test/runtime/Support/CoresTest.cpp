#include "runtime/Support/Cores.h"

#include "runtime/Device/Device.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sched.h>
#include <thread>

using namespace kinema;
using namespace kinema::test;

namespace {

void write(const std::filesystem::path &file, const std::string &text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

} // namespace

TEST(Cores, AreThoseThatTheProcessIsBoundTo) {
  std::string device;
  int cores = 0;
  std::jthread([&] { // what a thread binds itself to holds for it alone
    cpu_set_t bound;
    ASSERT_EQ(sched_getaffinity(0, sizeof bound, &bound), 0);
    int one = 0;
    while (!CPU_ISSET(one, &bound))
      ++one;
    CPU_ZERO(&bound);
    CPU_SET(one, &bound);
    ASSERT_EQ(sched_setaffinity(0, sizeof bound, &bound), 0);
    cores = availableCores();
    device = makeCpuDevice()->describe();
  })
      .join();
  EXPECT_EQ(cores, 1);
  EXPECT_EQ(device, "CPU, 1 thread");
}

TEST(Cores, ControlGroupsMayAllowFewer) {
  TemporaryFolder folder;
  const std::filesystem::path root = folder / "cgroup";
  EXPECT_EQ(coresOfGroups("", root), INFINITY);
  EXPECT_EQ(coresOfGroups("0::/a/b\n", root), INFINITY) << "there are no such files";
  write(root / "a/cpu.max", "250000 100000\n");
  write(root / "a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(coresOfGroups("0::/a/b\n", root), 2.5);
  EXPECT_EQ(coresOfGroups("4:memory:/a\n", root), INFINITY);
  write(root / "cpu.max", "50000 100000\n");
  EXPECT_EQ(coresOfGroups("0::/elsewhere\n", root), 0.5) << "a container's own group is its root";
  write(root / "cpu/c/cpu.cfs_quota_us", "400000\n");
  write(root / "cpu/c/cpu.cfs_period_us", "100000\n");
  write(root / "cpu/d/cpu.cfs_quota_us", "-1\n");
  write(root / "cpu/d/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(coresOfGroups("3:cpu,cpuacct:/c\n", root), 4);
  EXPECT_EQ(coresOfGroups("3:cpu,cpuacct:/d\nno line of a group\n", root), INFINITY);
}
