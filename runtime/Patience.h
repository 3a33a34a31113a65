// How threads that compute together wait for each other. Launches follow close upon each other, so it is
// quickest to wait awake. But where other programs want the same cores, the thread that is waited for may
// itself be waiting for a core, for this very one; then a thread that has nothing to do must sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace kinema {

// What the threads know together of other programs.
class Crowd {
public:
  // At `time`, others have had a core that a thread wanted.
  void report(double time);
  // Whether others are taken to want the cores.
  bool isThere(double time) const { return time < until.load(std::memory_order_relaxed); }

private:
  std::atomic<double> until = 0, length = 0; // it lasts so long
};

// One thread's.
class Patience {
public:
  explicit Patience(Crowd &crowd) : crowd(crowd) {}

  // Waits awake for done(), as long as there is reason to. Returns whether it is.
  template <typename Done> bool look(Done done) {
    double end = 0;
    do {
      for (int i = 0; i < looks; ++i) {
        if (done())
          return true;
#ifdef __x86_64__
        __builtin_ia32_pause();
#endif
      }
    } while (lasts(end));
    return false;
  }

  // Sleeps while `word` is `value`, until another thread wakes those that sleep at it; may end earlier.
  void sleep(const std::atomic<uint32_t> &word, uint32_t value);
  // The same for a moment at the most.
  void nap(const std::atomic<uint32_t> &word, uint32_t value);
  static void wake(const std::atomic<uint32_t> &word, uint32_t threads);

  // The thread goes to do other things, for which it may have to wait, and comes back.
  void leave();
  void comeBack();

private:
  static constexpr int looks = 64; // between looks at the clock
  bool lasts(double &end);
  void account(double time);

  Crowd &crowd;
  // Where the time has gone since `since`: when the thread had been given `given` seconds of a processor by
  // then, and has not wanted one for `idle` seconds from then on, others have had the rest.
  std::thread::id thread;
  double since = 0, given = 0, idle = 0;
  double left = 0; // when it left
};

} // namespace kinema
