#include "runtime/Support/Background.h"

#include "runtime/Support/Error.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

using namespace kinema;

TEST(Background, JobsRunInTheOrderInWhichTheyWereStarted) {
  std::vector<int> done;
  Background background;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i)
      background.start([&done, i] { done.push_back(i); });
    background.finish();
    EXPECT_FALSE(background.isBusy());
  }
  ASSERT_EQ(done.size(), 300u);
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(done[i], i % 100);
}

TEST(Background, TheCallerGoesOnMeanwhile) {
  std::atomic<bool> mayEnd = false;
  Background background;
  background.start([&] {
    while (!mayEnd)
      std::this_thread::yield();
  });
  EXPECT_TRUE(background.isBusy());
  mayEnd = true;
  background.finish();
}

TEST(Background, AnErrorLeavesOutTheJobsBehindAndComesToTheCaller) {
  std::atomic<int> done = 0;
  Background background;
  background.start([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    fail("the line is cut");
  });
  background.start([&] { ++done; });
  while (background.isBusy())
    std::this_thread::yield();
  background.start([&] { ++done; }); // still behind the error, of which nobody knows yet
  EXPECT_THROW(background.finish(), Error);
  EXPECT_EQ(done, 0);
  background.start([&] { ++done; });
  background.finish();
  EXPECT_EQ(done, 1);
}

TEST(Background, ItsEndWaitsForTheJobUnderWayAlone) {
  std::atomic<int> done = 0;
  {
    Background background;
    std::atomic<bool> begun = false;
    background.start([&] {
      begun = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++done;
    });
    background.start([&] { done += 10; });
    while (!begun)
      std::this_thread::yield();
  }
  EXPECT_EQ(done, 1);
}
