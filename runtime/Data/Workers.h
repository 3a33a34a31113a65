// Runs independent jobs on a few threads.
#pragma once

#include <cstdint>
#include <functional>

namespace kinema {

// The function is called now and then, from one thread at a time.
using ProgressCallback = std::function<void(int64_t done, int64_t total)>;

// Returns `threads`, or the number of cores that the process may use if it is not positive.
int threadsOrCores(int threads);

// Calls job(0) .. job(count - 1), each once, on up to `threads` threads (0: one a core), and waits for them.
// If jobs throw, those not yet begun are left out and the exception of the first of them in number is thrown.
void runInParallel(int64_t count, int threads, const std::function<void(int64_t)> &job);

} // namespace kinema
