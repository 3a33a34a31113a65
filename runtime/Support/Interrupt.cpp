#include "runtime/Support/Interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace kinema {

// A signal may interrupt any thread, so the variables are atomic.
static std::atomic<int> received = 0;
static std::atomic<int64_t> receivedAt = 0;  // in nanoseconds; set before `received` is
static std::atomic<int64_t> continuedAt = 0; // in nanoseconds
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free);

static constexpr int64_t second = 1'000'000'000;

static int64_t nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * second + time.tv_nsec;
}

// All functions that are called here may be called in a signal's handler.
static void note(int signal) {
  if (received == 0) {
    receivedAt = nanoseconds();
    received = signal;
  } else if (nanoseconds() - receivedAt >= second) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

static void noteContinuation(int) { continuedAt = nanoseconds(); }

void catchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = noteContinuation;
  sigaction(SIGCONT, &action, nullptr);
}

const char *interruption() { return received == 0 ? nullptr : received == SIGINT ? "SIGINT" : "SIGTERM"; }

std::chrono::steady_clock::time_point lastContinuation() {
  // The clock of the C++ library is CLOCK_MONOTONIC.
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(continuedAt));
}

void pretendInterruption(int signal) {
  receivedAt = nanoseconds();
  received = signal;
}

} // namespace kinema
