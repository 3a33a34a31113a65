#include "runtime/Emulator/CopiesUnderWay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>

using namespace kinema::emulator;

namespace {

Copy copyOf(Copy::Kind kind, int thread, uint32_t time, uint32_t bytes) {
  Copy copy;
  copy.kind = kind;
  copy.thread = thread;
  copy.time = time;
  copy.bytes = bytes; // tells the copies apart
  return copy;
}

std::vector<uint32_t> all(const CopiesUnderWay &copies) {
  std::vector<uint32_t> found;
  copies.forAll([&](const Copy &copy) { found.push_back(copy.bytes); });
  return found;
}

} // namespace

TEST(CopiesUnderWay, AThreadWaitsForItsOwnCopiesUpToATime) {
  CopiesUnderWay copies;
  copies.reset(2);
  copies.add(copyOf(Copy::Kind::Async, 0, 1, 10));
  copies.add(copyOf(Copy::Kind::BulkStore, 0, 1, 11));
  copies.add(copyOf(Copy::Kind::Async, 1, 1, 12));
  copies.add(copyOf(Copy::Kind::BulkLoad, 0, 0, 13));
  copies.add(copyOf(Copy::Kind::AsyncArrive, 0, 2, 14));
  copies.add(copyOf(Copy::Kind::Async, 0, 3, 15));
  EXPECT_FALSE(copies.ofThread(1, /*stores=*/true, 9));
  EXPECT_EQ(copies.take(copies.ofThread(0, /*stores=*/false, 2).value()).bytes, 10u);
  EXPECT_FALSE(copies.ofThread(0, /*stores=*/false, 2));
  EXPECT_EQ(copies.take(copies.ofThread(0, /*stores=*/false, 3).value()).bytes, 15u);
  EXPECT_EQ(copies.take(copies.ofThread(0, /*stores=*/true, 1).value()).bytes, 11u);
  EXPECT_EQ(all(copies), (std::vector<uint32_t>{12, 13, 14}));
  copies.reset(2);
  EXPECT_TRUE(copies.empty());
  EXPECT_FALSE(copies.ofThread(1, /*stores=*/false, 9));
}

// Copies are added, and taken in any order; a plain list says which there must be.
TEST(CopiesUnderWay, TheOthersKeepTheirOrder) {
  CopiesUnderWay copies;
  copies.reset(4);
  std::list<Copy> expected;
  uint32_t random = 1;
  auto below = [&](uint32_t limit) { return (random = random * 1664525 + 1013904223) / 65536 % limit; };
  auto expectedOf = [&](int thread, bool stores) -> std::optional<uint32_t> {
    auto found = std::ranges::find_if(expected, [&](const Copy &copy) {
      return copy.thread == thread && (stores ? copy.isStore() : copy.kind == Copy::Kind::Async);
    });
    return found == expected.end() ? std::nullopt : std::optional(found->bytes);
  };
  auto take = [&](CopiesUnderWay::Place place) {
    uint32_t taken = copies.take(place).bytes;
    EXPECT_EQ(std::erase_if(expected, [&](const Copy &copy) { return copy.bytes == taken; }), 1u);
    return taken;
  };
  for (uint32_t i = 0; i < 3000; ++i) {
    if (expected.empty() || below(2)) {
      Copy copy = copyOf(Copy::Kind(below(6)), int(below(4)), i, i);
      copies.add(copy);
      expected.push_back(copy);
    } else if (below(2)) {
      uint32_t oldest = expected.front().bytes;
      EXPECT_EQ(take(copies.oldest()), oldest);
    } else {
      take(copies[below(uint32_t(copies.size()))]);
    }
    ASSERT_EQ(copies.size(), expected.size());
    int thread = int(below(4));
    bool stores = below(2);
    auto found = copies.ofThread(thread, stores, i);
    auto wanted = expectedOf(thread, stores);
    ASSERT_EQ(found.has_value(), wanted.has_value());
    if (found && below(4) == 0) {
      EXPECT_EQ(take(*found), *wanted);
    }
  }
  std::vector<uint32_t> left;
  for (const Copy &copy : expected)
    left.push_back(copy.bytes);
  EXPECT_EQ(all(copies), left);
}
