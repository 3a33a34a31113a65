#include "runtime/Device/ThreadPool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace kinema;

namespace {

// Counts how often each block of a grid is computed.
std::vector<int> countsOf(ThreadPool &pool, int32_t grid) {
  std::vector<int> counts(grid); // blocks are one thread's each: plain numbers, which a sanitizer watches
  pool.run(grid, [&](int thread, BlockRange blocks) {
    EXPECT_GE(thread, 0);
    EXPECT_LT(thread, pool.threads());
    for (int64_t block = blocks.begin; block < blocks.end; ++block)
      ++counts.at(block);
  });
  return counts;
}

} // namespace

TEST(ThreadPool, PartsAreInOrderAndEven) {
  for (int64_t grid : {0, 1, 2, 7, 64, 1000})
    for (int64_t parts : {1, 2, 3, 8}) {
      int64_t next = 0, least = grid, most = 0;
      for (int64_t part = 0; part < parts; ++part) {
        BlockRange range = blocksOf(part, parts, grid);
        EXPECT_EQ(range.begin, next);
        next = range.end;
        least = std::min(least, range.end - range.begin);
        most = std::max(most, range.end - range.begin);
      }
      EXPECT_EQ(next, grid);
      EXPECT_LE(most - least, 1);
    }
}

TEST(ThreadPool, EachBlockIsComputedOnce) {
  for (int threads : {1, 2, 3, 8, 64}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int32_t grid : {0, 1, 2, 3, 7, 63, 64, 65, 1000, 100'000})
      EXPECT_EQ(countsOf(pool, grid), std::vector<int>(grid, 1)) << threads << " threads";
  }
}

// Rounds of other sizes, closures and results follow each other at once: a thread that comes late must not
// compute an old one's block nor take one of the next with what it knows of the old.
TEST(ThreadPool, RoundsDoNotMix) {
  for (int threads : {2, 3, 8, 64}) {
    ThreadPool pool(threads);
    for (int32_t round = 0; round < 3000; ++round) {
      const int32_t grid = 2 + (round * 7) % 61;
      std::vector<int32_t> written(grid, -1);
      pool.run(grid, [&written, round](int, BlockRange blocks) {
        for (int64_t block = blocks.begin; block < blocks.end; ++block)
          written[block] += round + 1;
      });
      ASSERT_EQ(written, std::vector<int32_t>(grid, round)) << threads << " threads";
    }
  }
}

// What `thread` numbers is one thread's at a time, so it may have memory of its own.
TEST(ThreadPool, AThreadsNumberIsItsOwn) {
  ThreadPool pool(8);
  struct alignas(64) Mine {
    std::thread::id id;
    int64_t blocks = 0;
  };
  std::vector<Mine> mine(8);
  for (int round = 0; round < 200; ++round)
    pool.run(100, [&](int thread, BlockRange blocks) {
      if (mine[thread].id == std::thread::id())
        mine[thread].id = std::this_thread::get_id();
      EXPECT_EQ(mine[thread].id, std::this_thread::get_id());
      mine[thread].blocks += blocks.end - blocks.begin;
    });
  int64_t sum = 0;
  for (const Mine &one : mine)
    sum += one.blocks;
  EXPECT_EQ(sum, 200 * 100);
  EXPECT_EQ(mine[0].id, std::this_thread::get_id());
}

// One thread stands still at its first block until all the others have been computed: they are, its own
// part's among them, by the other thread.
TEST(ThreadPool, WhoStandsStillHoldsUpNothingElse) {
  for (int standing : {0, 1}) {
    ThreadPool pool(2);
    constexpr int32_t grid = 64;
    for (bool stood = false; !stood;) { // the worker may come too late to get a block at all
      std::atomic<int64_t> others = 0;
      std::atomic<bool> came = false;
      pool.run(grid, [&](int thread, BlockRange blocks) {
        const int64_t mine = blocks.end - blocks.begin;
        if (thread != standing) {
          // Time for the one that is to stand.
          for (int i = 0; i < 10'000 && !came; ++i)
            std::this_thread::yield();
          others += mine;
          return;
        }
        if (came.exchange(true)) {
          others += mine;
          return;
        }
        stood = true;
        while (others < grid - mine)
          std::this_thread::yield();
      });
    }
  }
}

// Workers that sleep come to help, though not to each launch: beside other programs the caller may do
// without.
TEST(ThreadPool, WorkersThatSleepAreWoken) {
  ThreadPool pool(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5)); // longer than they wait awake
    std::mutex mutex;
    std::set<int> came;
    auto all = [&] {
      std::lock_guard lock(mutex);
      return came.size() == 3;
    };
    for (int launch = 0; launch < 1000 && !all(); ++launch) {
      came.clear();
      // Each thread stays at a block until all three have one, or for a while.
      pool.run(3, [&](int thread, BlockRange) {
        {
          std::lock_guard lock(mutex);
          came.insert(thread);
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
        while (!all() && std::chrono::steady_clock::now() < end)
          std::this_thread::yield();
      });
    }
    EXPECT_EQ(came.size(), 3u);
  }
}

TEST(Spell, LastsLongerEachTimeThatItIsSoonSeenAgain) {
  Spell spell;
  EXPECT_FALSE(spell.lasts(0));
  spell.seen(1);
  EXPECT_TRUE(spell.lasts(1.019));
  EXPECT_FALSE(spell.lasts(1.021));
  spell.seen(1.06); // soon
  EXPECT_TRUE(spell.lasts(1.099));
  EXPECT_FALSE(spell.lasts(1.101));
  double time = 1.06;
  for (int again = 0; again < 20; ++again)
    spell.seen(time += 0.06);
  EXPECT_TRUE(spell.lasts(time + 0.499));
  EXPECT_FALSE(spell.lasts(time + 0.501));
  spell.seen(time += 2); // not soon
  EXPECT_FALSE(spell.lasts(time + 0.021));
}

TEST(ThreadPool, PoolsWithinPools) {
  ThreadPool outer(3);
  std::vector<int> sums(20);
  outer.run(20, [&](int, BlockRange blocks) {
    for (int64_t block = blocks.begin; block < blocks.end; ++block) {
      ThreadPool inner(2);
      for (int computed : countsOf(inner, static_cast<int32_t>(10 * block)))
        sums[block] += computed;
    }
  });
  for (int block = 0; block < 20; ++block)
    EXPECT_EQ(sums[block], 10 * block);
}

TEST(ThreadPool, EndsAtAnyTime) {
  for (int round = 0; round < 200; ++round) {
    ThreadPool pool(1 + round % 9);
    if (round % 3)
      EXPECT_EQ(countsOf(pool, 5), std::vector<int>(5, 1));
  }
}

// Programs are run by one thread after another, too.
TEST(ThreadPool, CallersMayChange) {
  ThreadPool pool(3);
  for (int round = 0; round < 50; ++round)
    std::jthread([&] { EXPECT_EQ(countsOf(pool, 40), std::vector<int>(40, 1)); });
}
