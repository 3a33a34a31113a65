// Ends a wait that has no limit of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace kinema {

// Calls a function on a thread of its own, unless it goes before so many seconds have passed.
class Deadline {
public:
  Deadline(double seconds, std::function<void()> late);
  ~Deadline();
  Deadline(const Deadline &) = delete;
  Deadline &operator=(const Deadline &) = delete;

private:
  std::mutex mutex;
  std::condition_variable changed;
  bool met = false;
  std::thread thread; // made last: it uses the others
};

} // namespace kinema
