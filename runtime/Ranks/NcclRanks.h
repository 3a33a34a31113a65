// Ranks that meet through NCCL, on their GPUs, for programs that start processes and have no MPI.
#pragma once

#include "runtime/Ranks/Ranks.h"

#include <memory>
#include <string>

namespace kinema {

// Joins `count` ranks, of which this one uses the GPU of that number. The first rank listens at `address`
// ("host:port"), by which NCCL has them find each other. Throws Error where there is no library, or no such
// GPU.
std::unique_ptr<Ranks> joinByNccl(int rank, int count, int gpu, const std::string &address);

} // namespace kinema
