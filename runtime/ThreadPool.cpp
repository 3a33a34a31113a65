#include "runtime/ThreadPool.h"

#include "runtime/Clock.h"
#include "runtime/Error.h"

#include <system_error>

using namespace kinema;

// Returns when the value is no longer `old`.
static void waitWhile(const std::atomic<uint32_t> &value, uint32_t old) {
  constexpr double patience = 1e-3; // seconds; a launch takes about that long
  constexpr int looks = 256;        // between looks at the clock
  double end = now() + patience;
  do {
    for (int i = 0; i < looks; ++i) {
      if (value.load(std::memory_order_acquire) != old)
        return;
#ifdef __x86_64__
      __builtin_ia32_pause();
#endif
    }
  } while (now() < end);
  while (value.load(std::memory_order_acquire) == old)
    value.wait(old, std::memory_order_acquire);
}

ThreadPool::ThreadPool(int threads) {
  try {
    for (int thread = 1; thread < threads; ++thread)
      workers.emplace_back([this, thread] { serve(thread); });
  } catch (const std::system_error &error) {
    int started = static_cast<int>(workers.size()) + 1;
    run({}); // ends those that were started
    for (std::thread &worker : workers)
      worker.join();
    fail("cannot start {} threads, {} were started: {}; ask for fewer with --threads", threads, started,
         error.what());
  }
}

ThreadPool::~ThreadPool() {
  run({});
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::run(const std::function<void(int)> &work) {
  current = work ? &work : nullptr;
  busy.store(static_cast<uint32_t>(workers.size()), std::memory_order_relaxed);
  round.fetch_add(1, std::memory_order_release);
  round.notify_all();
  if (work)
    work(0);
  while (uint32_t left = busy.load(std::memory_order_acquire))
    waitWhile(busy, left);
}

void ThreadPool::serve(int thread) {
  for (uint32_t seen = 0;; ++seen) {
    waitWhile(round, seen);
    const std::function<void(int)> *work = current;
    if (work)
      (*work)(thread);
    if (busy.fetch_sub(1, std::memory_order_release) == 1)
      busy.notify_all();
    if (!work)
      return;
  }
}
