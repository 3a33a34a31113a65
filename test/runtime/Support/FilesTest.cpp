#include "runtime/Support/Files.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace kinema;
using namespace kinema::test;

// What killed processes left is removed: neither what somebody is writing nor what a user has put there.
TEST(Files, LeftoversAreRemoved) {
  TemporaryFolder folder;
  const std::string left = folder / "last.unfinished-aB3xYz", other = folder / "best.unfinished-aB3xYz",
                    own = folder / "last.backup";
  for (const std::string &file : {left, other, own})
    writeFile(file, "some bytes");
  {
    AtomicFile open(folder / "last");
    open.write("all bytes");
    removeLeftovers(folder / "last");
    EXPECT_FALSE(std::filesystem::exists(left));
    EXPECT_TRUE(std::filesystem::exists(other));
    EXPECT_TRUE(std::filesystem::exists(own));
    removeLeftoversIn(folder.name(), "st");
    EXPECT_FALSE(std::filesystem::exists(other));
    open.commit();
  }
  EXPECT_EQ(readFile(folder / "last"), "all bytes");
  removeLeftovers(folder / "nowhere/last");
}
