// Threads that share one piece of work after another. Waiting ones look for the next piece for a moment,
// since launches follow close upon each other, and then sleep, for the sake of those that decode videos.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace kinema {

class ThreadPool {
public:
  // The caller is one of the threads: `threads` - 1 are started. Throws Error where the system has no more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(workers.size()) + 1; }

  // Calls work(0) .. work(threads() - 1), each on a thread of its own, and returns when all have returned.
  // The work must not throw.
  void run(const std::function<void(int thread)> &work);

private:
  void serve(int thread);

  const std::function<void(int)> *current = nullptr; // null: to end
  std::atomic<uint32_t> round = 0;                   // counts pieces of work
  std::atomic<uint32_t> busy = 0;                    // threads that have not finished this one
  std::vector<std::thread> workers;
};

} // namespace kinema
