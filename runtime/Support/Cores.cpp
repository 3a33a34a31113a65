#include "runtime/Support/Cores.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sched.h>
#include <sstream>
#include <thread>

using namespace kinema;

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

int boundCores() {
  cpu_set_t cores;
  // The call fails where the machine has more cores than the set holds.
  if (sched_getaffinity(0, sizeof cores, &cores) == 0)
    return CPU_COUNT(&cores);
  return static_cast<int>(std::thread::hardware_concurrency());
}

// Returns the share of time that one control group allows, in cores. Version 2 of control groups states quota
// and period in one file, version 1 in two, in microseconds; "max" or -1 means no limit.
double quotaOf(const std::filesystem::path &group) {
  double quota = -1, period = 0;
  if (!(std::ifstream(group / "cpu.max") >> quota >> period)) {
    quota = -1;
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : unlimited;
}

// Returns the least quota of a group and of the groups that contain it. A container may see its own group as
// the root.
double quotaUpwards(const std::filesystem::path &root, const std::string &path) {
  double least = quotaOf(root);
  std::filesystem::path group = root;
  for (const std::filesystem::path &name : std::filesystem::path(path).relative_path())
    least = std::min(least, quotaOf(group /= name));
  return least;
}

} // namespace

double kinema::coresOfGroups(const std::string &membership, const std::filesystem::path &root) {
  double least = unlimited;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) { // NUMBER:CONTROLLERS:PATH; none in version 2
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,")
      least = std::min(least, quotaUpwards(root, path));
    else if (controllers.find(",cpu,") != std::string::npos)
      least = std::min(least, quotaUpwards(root / "cpu", path));
  }
  return least;
}

int kinema::availableCores() {
  std::ostringstream membership;
  membership << std::ifstream("/proc/self/cgroup").rdbuf();
  // Part of a core is rounded up, since one thread more does no harm.
  const double allowed = std::ceil(coresOfGroups(membership.str(), "/sys/fs/cgroup"));
  return std::max(1, static_cast<int>(std::min<double>(boundCores(), allowed)));
}
