#include "runtime/Data/Workers.h"

#include "runtime/Support/Cores.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace kinema {

int threadsOrCores(int threads) { return threads > 0 ? threads : availableCores(); }

void runInParallel(int64_t count, int threads, const std::function<void(int64_t)> &job) {
  std::mutex mutex;
  int64_t next = 0, failedJob = count;
  std::exception_ptr failure;
  auto work = [&] {
    for (;;) {
      std::unique_lock lock(mutex);
      if (next == count || failure)
        return;
      const int64_t mine = next++;
      lock.unlock();
      try {
        job(mine);
      } catch (...) {
        lock.lock();
        if (mine < failedJob) {
          failedJob = mine;
          failure = std::current_exception();
        }
      }
    }
  };
  std::vector<std::jthread> team;
  for (int64_t i = 1; i < std::min<int64_t>(threadsOrCores(threads), count); ++i)
    team.emplace_back(work);
  work();
  team.clear(); // waits for the threads
  if (failure)
    std::rethrow_exception(failure);
}

} // namespace kinema
