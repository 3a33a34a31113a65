// Ranks that meet through MPI, on this machine's memory.
#pragma once

#include "runtime/Ranks/Ranks.h"

#include <memory>

namespace kinema {

// Joins the ranks that mpirun or srun has started this process with. Throws Error where there is no library.
std::unique_ptr<Ranks> joinByMpi();

} // namespace kinema
