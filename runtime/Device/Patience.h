// Decides how threads that compute together wait for each other. Launches follow close upon each other, so it
// is quickest to wait awake. But where other programs want the same cores, the thread that is waited for may
// itself be waiting for a core, perhaps for this very one; then a thread that has nothing to do must sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace kinema {

// A Spell is a condition that is taken to last for a while once it has been seen. The while doubles if it is
// soon seen again.
class Spell {
public:
  void seen(double time);
  bool lasts(double time) const { return time < until.load(std::memory_order_relaxed); }

private:
  std::atomic<double> until = 0, length = 0;
};

// Holds what the threads together know of other programs.
struct Crowd {
  Spell others; // other programs have cores that threads want
  Spell alone;  // the caller is quicker without the other threads' help
};

// Finds out whether the other threads' help is worth what it costs the caller while other programs want the
// cores. A thread that is kept from its core in the middle of a block holds up the launch for as long as the
// system lets another program run, which is as long as a hundred small launches take; and a thread that looks
// for work on the caller's own core takes that core from the caller.
class Help {
public:
  explicit Help(Crowd &crowd) : crowd(crowd) {}

  bool isWanted(double time) const { return !crowd.alone.lasts(time); }
  // The caller reports three moments of a launch: it begins, it has computed its own blocks, and it sees that
  // all blocks have been computed.
  void begin();
  void computed(uint32_t own, uint32_t others);
  void end();

private:
  Crowd &crowd;
  bool measured = false;                    // whether this launch is: it began while others wanted the cores
  double launch = 0, given = 0, spared = 0; // seconds of this launch
  double since = 0, gain = 0;               // seconds of the launches of this trial
};

// Decides how one thread waits.
class Patience {
public:
  explicit Patience(Crowd &crowd) : crowd(crowd) {}

  // Waits awake until done() holds, as long as there is reason to. Returns whether it holds.
  template <typename Done> bool look(Done done) {
    double end = 0;
    do {
      for (int i = 0; i < looks; ++i) {
        if (done())
          return true;
#ifdef __x86_64__
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("isb");
#endif
      }
    } while (lasts(end));
    return false;
  }

  // Sleeps while `word` is `value`, until another thread wakes those that sleep at it; may end earlier.
  void sleep(const std::atomic<uint32_t> &word, uint32_t value);
  // Sleeps likewise, but for a moment at the most.
  void nap(const std::atomic<uint32_t> &word, uint32_t value);
  static void wake(const std::atomic<uint32_t> &word, uint32_t threads);

  // The thread tells that it goes to do other things, for which it may have to wait, and that it comes back.
  void leave(double time) { left = time; }
  void comeBack(double time) {
    idle += time - left;
    account(time);
  }

private:
  static constexpr int looks = 64; // how often it looks before it reads the clock
  bool lasts(double &end);
  void account(double time);

  Crowd &crowd;
  // These tell where the time since `since` has gone: the thread had been given `given` seconds of a
  // processor by then and has wanted none for `idle` seconds since; other programs have had the rest.
  std::thread::id thread;
  double since = 0, given = 0, idle = 0;
  double left = 0; // when it left
};

} // namespace kinema
