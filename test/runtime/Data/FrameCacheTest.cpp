#include "runtime/Data/FrameCache.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

using namespace kinema;
using namespace kinema::test;
namespace fs = std::filesystem;

namespace {

constexpr PictureSize size{8, 10};
constexpr int64_t bytes = 3 * 8 * 10;
constexpr int64_t much = 1'000'000;

FrameName frame(int64_t number) { return {"videos/a.mp4 of 12 bytes", "FFmpeg 5.1", number, size}; }
std::vector<uint8_t> pixels(int64_t number) {
  std::vector<uint8_t> rgb(bytes);
  for (int64_t i = 0; i < bytes; ++i)
    rgb[i] = static_cast<uint8_t>(number * 7 + i);
  return rgb;
}

bool holds(FrameCache &cache, int64_t number) {
  std::vector<uint8_t> rgb(bytes);
  return cache.read(frame(number), rgb) && rgb == pixels(number);
}

// The bytes of all files but those of the cache's own account.
int64_t bytesIn(const TemporaryFolder &folder) {
  int64_t sum = 0;
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(folder.name()))
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with('.'))
      sum += static_cast<int64_t>(entry.file_size());
  return sum;
}

// What the cache's own account says of them.
int64_t bytesCounted(const TemporaryFolder &folder) {
  int64_t counted = 0;
  std::ifstream(folder / ".bytes", std::ios::binary).read(reinterpret_cast<char *>(&counted), sizeof counted);
  return counted;
}

fs::path someFrame(const TemporaryFolder &folder) {
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(folder.name()))
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with('.'))
      return entry.path();
  return {};
}

} // namespace

TEST(FrameCache, GivesWhatWasKept) {
  TemporaryFolder folder;
  FrameCache cache(folder.name(), much);
  EXPECT_FALSE(holds(cache, 1));
  cache.keep(frame(1), pixels(1));
  EXPECT_TRUE(holds(cache, 1));
  EXPECT_FALSE(holds(cache, 2));
  FrameName other = frame(1);
  std::vector<uint8_t> rgb(bytes);
  other.decoder = "FFmpeg 7.1";
  EXPECT_FALSE(cache.read(other, rgb));
  EXPECT_EQ(cache.kept(), 1);
  EXPECT_EQ(cache.reads(), 1);
  EXPECT_TRUE(holds(*std::make_unique<FrameCache>(folder.name(), much), 1)); // another process, later
}

TEST(FrameCache, IsFilledToItsLimitAndNoFurther) {
  TemporaryFolder folder;
  {
    FrameCache cache(folder.name(), 10 * bytes);
    for (int64_t i = 0; i < 20; ++i)
      cache.keep(frame(i), pixels(i));
    EXPECT_GE(cache.kept(), 6);
    EXPECT_LE(bytesIn(folder), 10 * bytes);
    EXPECT_TRUE(holds(cache, 0));
    EXPECT_FALSE(holds(cache, 19));
  }
  FrameCache smaller(folder.name(), 4 * bytes);
  EXPECT_LE(bytesIn(folder), 4 * bytes);
  EXPECT_GT(bytesIn(folder), 0);
}

TEST(FrameCache, AFileThatIsNotWholeIsNoFrame) {
  TemporaryFolder folder;
  FrameCache cache(folder.name(), much);
  cache.keep(frame(1), pixels(1));
  const fs::path file = someFrame(folder);
  const auto whole = fs::file_size(file);
  fs::resize_file(file, whole - 1);
  EXPECT_FALSE(holds(cache, 1));
  EXPECT_FALSE(fs::exists(file)); // the next one who decodes the frame keeps it
  cache.keep(frame(1), pixels(1));
  fs::resize_file(file, whole - 1);
  fs::resize_file(file, whole); // with a zero where a pixel was
  EXPECT_FALSE(holds(cache, 1));
  std::ofstream(file) << "something else";
  EXPECT_FALSE(holds(cache, 1));
}

TEST(FrameCache, OtherFilesAreLeftAlone) {
  TemporaryFolder folder;
  folder.write("thesis.part", "all of it");
  EXPECT_EQ(errorOf([&] { FrameCache cache(folder.name(), 1); }),
            "--cache: folder " + folder.name() +
                " has other files: name an empty one, or one that has been a cache");
  fs::remove(folder / "thesis.part");
  FrameCache(folder.name(), much).keep(frame(1), pixels(1));
  fs::create_directories(folder / "ab/0123456789abcdef");
  const std::vector<std::string> others = {folder.write("thesis.part", "all of it"),
                                           folder.write("ab/notes", "and its notes"),
                                           folder.write("ab/0123456789abcdef/deeper", "even here")};
  FrameCache cache(folder.name(), 1);
  EXPECT_FALSE(holds(cache, 1));
  for (const std::string &other : others)
    EXPECT_TRUE(fs::exists(other)) << other;
}

TEST(FrameCache, ManyThreadsShareTheRoom) {
  TemporaryFolder folder;
  constexpr int threads = 4, frames = 200;
  FrameCache cache(folder.name(), much);
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&, i] {
      for (int64_t n = 0; n < frames; ++n)
        cache.keep(frame(i * frames + n), pixels(i * frames + n));
    });
  for (std::thread &thread : all)
    thread.join();
  EXPECT_EQ(cache.kept(), threads * frames);
  EXPECT_EQ(bytesCounted(folder), bytesIn(folder));
}

TEST(FrameCache, ManyProcessesShareTheRoom) {
  TemporaryFolder folder;
  constexpr int processes = 4, frames = 60;
  const int64_t limit = 50 * bytes;
  FrameCache mine(folder.name(), limit); // nobody tidies meanwhile
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i)
    if (pid_t child = fork(); child == 0) {
      FrameCache cache(folder.name(), limit);
      for (int64_t n = 0; n < frames; ++n)
        cache.keep(frame(i * frames + n), pixels(i * frames + n));
      _exit(0);
    } else {
      children.push_back(child);
    }
  for (pid_t child : children)
    waitpid(child, nullptr, 0);
  EXPECT_LE(bytesIn(folder), limit);
  EXPECT_GT(bytesIn(folder), limit / 2);
  int found = 0;
  for (int64_t n = 0; n < processes * frames; ++n)
    found += holds(mine, n);
  EXPECT_GE(found, 30);
}

TEST(FrameCache, AProcessThatIsKilledLeavesNoHalfFrame) {
  TemporaryFolder folder;
  for (int round = 0; round < 10; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      FrameCache cache(folder.name(), much * 100);
      for (int64_t n = 0;; ++n)
        cache.keep(frame(round * 1'000'000 + n), pixels(n));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + 3 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  FrameCache cache(folder.name(), much * 100);
  int64_t sum = 0;
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(folder.name()))
    EXPECT_NE(entry.path().extension(), ".part");
  for (int round = 0; round < 10; ++round)
    for (int64_t n = 0;; ++n) {
      std::vector<uint8_t> rgb(bytes);
      if (!cache.read(frame(round * 1'000'000 + n), rgb))
        break;
      EXPECT_EQ(rgb, pixels(n));
      ++sum;
    }
  EXPECT_GT(sum, 0);
  // What the killed processes had reserved is free again: the account is of the files that are there.
  FrameCache full(folder.name(), much * 100);
  EXPECT_EQ(bytesCounted(folder), bytesIn(folder));
}

TEST(FrameCache, AFolderThatCannotBeMadeIsAnError) {
  TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_TRUE(errorOf([&] {
                FrameCache cache(folder / "file/cache", much);
              }).starts_with("--cache: folder " + folder / "file/cache" + " cannot be made: "));
  fs::create_directories(folder / "taken/.users");
  EXPECT_EQ(errorOf([&] { FrameCache cache(folder / "taken", much); }),
            "--cache: " + (folder / "taken/.users") + " cannot be written: Is a directory");
}
