// How many processor cores this process may use.
#pragma once

#include <filesystem>
#include <string>

namespace kinema {

// The cores that the process is bound to (taskset, cpusets), or fewer where its control groups allow it less
// time than they have (containers); 1 at the least.
int availableCores();

// The cores' worth of time that control groups allow; infinity where they do not say. `membership`: what
// /proc/self/cgroup holds; `root`: where the groups lie.
double coresOfGroups(const std::string &membership, const std::filesystem::path &root);

} // namespace kinema
