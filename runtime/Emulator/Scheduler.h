// Decides the order in which the threads of a cluster run, and keeps where they wait and the violation that
// ends the run. One thread of the host runs them in turn: each until it waits, pauses or exits.
#pragma once

#include "runtime/Emulator/Choices.h"
#include "runtime/Emulator/Threads.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kinema::emulator {

// An Awaited is something that threads wait for.
class Awaited {
public:
  // Returns what the thread waits for and what is missing there: "waits at ...".
  virtual std::string describeWait(const Thread &thread) const = 0;

protected:
  ~Awaited() = default;
};

class Scheduler {
public:
  // Takes as `body` what each thread runs from its beginning to its end. It does not return.
  Scheduler(const Kernel &kernel, Threads &threads, Choices &choices, std::function<void()> body);

  struct Stopped {}; // thrown by a violation where no thread runs

  // ---- For who runs the cluster

  // Makes all threads able to run, from their beginning.
  void start();
  bool canRun() const { return runnableFrom < runnable.size(); }
  // Lets the threads that paused run again, when no other thread can.
  void resumePaused();
  // Runs a thread until it waits, pauses or exits.
  void runOne();
  bool isStopped() const { return violation.has_value(); }
  std::optional<Violation> takeViolation() { return std::move(violation); }

  // ---- For the thread that runs

  Thread &running() { return *current; }
  // Waits until another thread wakes the running one. `detail` is what Awaited::describeWait needs besides.
  void wait(const Awaited &awaited, uint32_t detail = 0);
  void wake(Thread &thread);
  // Lets other threads go first.
  void pause();
  [[noreturn]] void exit();

  // Ends the run with a violation by the running thread.
  template <typename... Args> [[noreturn]] void violate(fmt::format_string<Args...> format, Args &&...args) {
    stop(fmt::format(format, std::forward<Args>(args)...));
  }
  // Ends the run with a violation that a thread made earlier, at a site. The thread is null where it is no
  // thread in particular.
  [[noreturn]] void violateAt(const Thread *thread, uint32_t site, std::string what);
  std::string siteText(uint32_t site) const;

private:
  [[noreturn]] void stop(std::string what);
  [[noreturn]] void leave();
  void record(const Thread *thread, uint32_t site, const std::string &what);
  [[noreturn]] void reportDeadlock();
  std::string placeOf(const Thread &thread) const;
  std::string describeThreads() const;
  Thread &takeNext();

  const Kernel &kernel;
  Threads &threads;
  Choices &choices;
  std::function<void()> body;

  std::vector<Thread *> runnable; // those that can run, from runnableFrom on
  size_t runnableFrom = 0;
  std::vector<Thread *> paused; // run again when no other thread can
  int idleRounds = 0;           // rounds of paused threads since something happened
  Thread *current = nullptr;
  FiberContext outside = nullptr; // where the threads are run from
  std::optional<Violation> violation;
};

} // namespace kinema::emulator
