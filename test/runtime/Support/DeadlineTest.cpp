#include "runtime/Support/Deadline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace kinema;

TEST(Deadline, WhatGoesInTimeIsNotCalled) {
  std::atomic<int> calls = 0;
  for (int i = 0; i < 100; ++i)
    Deadline deadline(60, [&] { ++calls; });
  EXPECT_EQ(calls, 0);
}

TEST(Deadline, WhatIsLateIsCalledOnce) {
  std::atomic<int> calls = 0;
  {
    Deadline deadline(0.001, [&] { ++calls; });
    while (calls == 0)
      std::this_thread::yield();
  }
  EXPECT_EQ(calls, 1);
}
