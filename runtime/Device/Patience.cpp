#include "runtime/Device/Patience.h"

#include "runtime/Support/Clock.h"

#include <algorithm>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace kinema;

namespace {

// These times are in seconds.
constexpr double patience = 1e-3; // how long a thread waits awake; a launch takes about that long
constexpr double interval = 4e-3; // time between looks at how much time others have had
constexpr double lost = 1e-3;     // to others in an interval; the system itself takes less
// Other programs are taken to want the cores for a while, which doubles if they are soon seen to want them
// again.
constexpr double shortest = 0.02;
constexpr double longest = 0.5;
constexpr double soon = 0.05;  // or as long as the last spell, if that was longer
constexpr double trial = 8e-3; // how long a trial of the other threads' help lasts
constexpr long napNanoseconds = 300'000;

// Returns the processor time that this thread has been given.
double secondsGiven() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Calls the system directly, because the C++ library's waiting looks and yields first, which is done here or
// to be avoided.
long futex(const std::atomic<uint32_t> &word, int operation, uint32_t value, const timespec *limit) {
  static_assert(sizeof word == sizeof value);
  return syscall(SYS_futex, &word, operation, value, limit, nullptr, 0);
}

} // namespace

void Spell::seen(double time) {
  const double last = length.load(std::memory_order_relaxed);
  const bool again = time < until.load(std::memory_order_relaxed) + std::max(soon, last);
  const double lasts = again ? std::min(2 * last, longest) : shortest;
  length.store(lasts, std::memory_order_relaxed);
  until.store(time + lasts, std::memory_order_relaxed);
}

void Help::begin() {
  launch = now();
  if (launch - since > 2 * trial) { // the last trial is long over: a new one begins
    since = launch;
    gain = 0;
  }
  measured = crowd.others.lasts(launch);
  if (measured)
    given = secondsGiven();
}

void Help::computed(uint32_t own, uint32_t others) {
  if (!measured)
    return;
  given = secondsGiven() - given;
  spared = own ? given / own * others : 0;
}

// Without help, the caller would have taken the time that it was given plus the time that it was spared.
void Help::end() {
  if (!measured)
    return;
  double time = now();
  gain += given + spared - (time - launch);
  if (time - since < trial)
    return;
  if (gain < 0)
    crowd.alone.seen(time);
  since = time;
  gain = 0;
}

bool Patience::lasts(double &end) {
  double time = now();
  account(time);
  if (end == 0)
    end = time + patience;
  return time < end && !crowd.others.lasts(time);
}

void Patience::account(double time) {
  const bool known = thread == std::this_thread::get_id();
  if (known && time - since < interval)
    return;
  double givenNow = secondsGiven();
  if (known && time - since - idle - (givenNow - given) > lost)
    crowd.others.seen(time);
  thread = std::this_thread::get_id();
  since = time;
  given = givenNow;
  idle = 0;
}

void Patience::sleep(const std::atomic<uint32_t> &word, uint32_t value) {
  double begin = now();
  futex(word, FUTEX_WAIT_PRIVATE, value, nullptr);
  idle += now() - begin;
}

// A core that becomes idle takes over a thread that waits for another core, but only one that has waited for
// half a millisecond. Napping again and again lets a core become idle that often, so that the thread that is
// waited for comes to run soon.
void Patience::nap(const std::atomic<uint32_t> &word, uint32_t value) {
  double begin = now();
  timespec limit{.tv_sec = 0, .tv_nsec = napNanoseconds};
  futex(word, FUTEX_WAIT_PRIVATE, value, &limit);
  idle += now() - begin;
}

void Patience::wake(const std::atomic<uint32_t> &word, uint32_t threads) {
  futex(word, FUTEX_WAKE_PRIVATE, std::min<uint32_t>(threads, INT_MAX), nullptr);
}
