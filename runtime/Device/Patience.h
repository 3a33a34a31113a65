// How threads that compute together wait for each other. Launches follow close upon each other, so it is
// quickest to wait awake. But where other programs want the same cores, the thread that is waited for may
// itself be waiting for a core, for this very one; then a thread that has nothing to do must sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace kinema {

// Something that is taken to last for a while once it has been seen. The while doubles if it is soon seen
// again.
class Spell {
public:
  void seen(double time);
  bool lasts(double time) const { return time < until.load(std::memory_order_relaxed); }

private:
  std::atomic<double> until = 0, length = 0;
};

// What the threads know together of other programs.
struct Crowd {
  Spell others; // have cores that threads want
  Spell alone;  // the caller is quicker without the other threads meanwhile
};

// Whether the other threads' help is worth what it costs the caller while others want the cores. A thread
// that is kept from its core in the middle of a block holds up the launch for as long as the system lets
// another program run, which is as long as a hundred small launches take; and one that looks for work on the
// caller's own core takes it from the caller.
class Help {
public:
  explicit Help(Crowd &crowd) : crowd(crowd) {}

  bool isWanted(double time) const { return !crowd.alone.lasts(time); }
  // A launch: the caller begins, has computed its blocks, and sees that all have been.
  void begin();
  void computed(uint32_t own, uint32_t others);
  void end();

private:
  Crowd &crowd;
  bool measured = false;                    // this launch is: it began while others wanted the cores
  double launch = 0, given = 0, spared = 0; // seconds: of this launch,
  double since = 0, gain = 0;               // and of the launches of this trial
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
  void leave(double time) { left = time; }
  void comeBack(double time) {
    idle += time - left;
    account(time);
  }

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
