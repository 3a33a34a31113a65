#include "runtime/Support/Deadline.h"

#include <chrono>
#include <utility>

using namespace kinema;

Deadline::Deadline(double seconds, std::function<void()> late)
    : thread([this, seconds, late = std::move(late)] {
        std::unique_lock lock(mutex);
        if (!changed.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return met; }))
          late();
      }) {}

Deadline::~Deadline() {
  {
    std::lock_guard lock(mutex);
    met = true;
  }
  changed.notify_one();
  thread.join();
}
