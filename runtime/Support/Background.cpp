#include "runtime/Support/Background.h"

#include <utility>

namespace kinema {

Background::~Background() {
  {
    std::lock_guard lock(mutex);
    ends = true;
  }
  changed.notify_all();
  thread.join();
}

void Background::start(std::function<void()> job) {
  {
    std::lock_guard lock(mutex);
    if (failure)
      return;
    jobs.push_back(std::move(job));
  }
  changed.notify_all();
}

void Background::finish() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return jobs.empty(); });
  if (std::exception_ptr thrown = std::exchange(failure, nullptr))
    std::rethrow_exception(thrown);
}

bool Background::isBusy() {
  std::lock_guard lock(mutex);
  return !jobs.empty();
}

void Background::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return ends || !jobs.empty(); });
    if (ends)
      return;
    std::function<void()> &job = jobs.front(); // stays where it is while others are added
    lock.unlock();
    std::exception_ptr thrown;
    try {
      job();
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
    if (thrown) {
      failure = thrown;
      jobs.clear();
    } else {
      jobs.pop_front();
    }
    changed.notify_all();
  }
}

} // namespace kinema
