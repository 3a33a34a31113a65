// Does work on a thread beside the one that asks for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace kinema {

// Carries out jobs one after the other, in the order in which they are started, on a thread of its own.
class Background {
public:
  Background() : thread([this] { work(); }) {}
  // Waits for the job that is under way; those behind it are not begun.
  ~Background();
  Background(const Background &) = delete;
  Background &operator=(const Background &) = delete;

  // A job that is started after one has thrown, before `finish` has said so, is left out.
  void start(std::function<void()> job);
  // Returns when all jobs have ended. Throws what one of them has thrown; those behind it are left out.
  void finish();
  bool isBusy();

private:
  void work();

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs; // the first one is under way
  std::exception_ptr failure;
  bool ends = false;
  std::thread thread; // made last: it uses the others
};

} // namespace kinema
