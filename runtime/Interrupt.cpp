#include "runtime/Interrupt.h"

#include <csignal>

namespace kinema {

static volatile std::sig_atomic_t received = 0;

static void note(int signal) { received = signal; }

void catchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

const char *interruption() { return received == 0 ? nullptr : received == SIGINT ? "SIGINT" : "SIGTERM"; }

void pretendInterruption(int signal) { received = signal; }

} // namespace kinema
