#include "runtime/Support/Interrupt.h"

#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace kinema {
namespace {

// As timeout(1) does: to the process, then to its group.
TEST(Interrupt, TwoSignalsAtOnceAreOneRequest) {
  EXPECT_EXIT(
      {
        catchInterrupts();
        std::raise(SIGINT);
        std::raise(SIGINT);
        std::raise(SIGTERM);
        _exit(std::string_view(interruption()) == "SIGINT" ? 7 : 8);
      },
      testing::ExitedWithCode(7), "");
}

TEST(Interrupt, ALaterOneEndsTheProcess) {
  EXPECT_EXIT(
      {
        catchInterrupts();
        std::raise(SIGTERM);
        std::this_thread::sleep_for(std::chrono::seconds(1));
        std::raise(SIGINT);
        _exit(7);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST(Interrupt, NoneHasCome) {
  catchInterrupts();
  EXPECT_EQ(interruption(), nullptr);
}

} // namespace
} // namespace kinema
