// Finds how many processor cores this process may use.
#pragma once

#include <filesystem>
#include <string>

namespace kinema {

// Returns how many cores the process is bound to (taskset, cpusets), or fewer where its control groups allow
// it less time than those have (containers); 1 at the least.
int availableCores();

// Returns how many cores' worth of time the control groups allow, infinity where they set no limit.
// `membership` is the text of /proc/self/cgroup, and `root` the folder in which the groups lie.
double coresOfGroups(const std::string &membership, const std::filesystem::path &root);

} // namespace kinema
