// Long runs: processes that are killed at any moment lose nothing, and those that are not do not grow.
#include "runtime/Data/VideoList.h"
#include "runtime/Data/VideoSource.h"
#include "runtime/Package/Package.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Random.h"
#include "runtime/Training/Trainer.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <thread>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

namespace {

using Seconds = std::chrono::duration<double>;

// Processes are killed so often: a few times, or as KINEMA_KILLS says.
uint64_t kills() {
  const char *wanted = std::getenv("KINEMA_KILLS");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 6;
}

// Runs the program in a folder, and kills it after that time. Returns its exit status, or nothing where it
// was killed.
std::optional<int> runFor(Seconds time, const TemporaryFolder &folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), KINEMA_RUNTIME);
  std::vector<char *> texts;
  for (std::string &argument : arguments)
    texts.push_back(argument.data());
  texts.push_back(nullptr);
  pid_t child = fork();
  if (child == 0) {
    int log = open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (chdir(folder.name().c_str()) == 0)
      execv(texts.front(), texts.data());
    _exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + time;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return {};
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Draws moments to kill at: half of them in the whole time that the work takes, half near its end, where the
// files are that are written once.
Seconds moment(uint64_t kill, Seconds whole) {
  const double share = static_cast<double>(random::below(1000, 11, kill, 0)) / 1000;
  return kill % 2 == 0 ? share * whole : (0.7 + 0.4 * share) * whole;
}

// Returns the rows of a log by what the steps did, without what is time.
std::string withoutTimes(const std::string &jsonLines) {
  std::istringstream lines(jsonLines);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    for (const char *field : {"step", "epoch", "batch", "rate", "loss", "clips"})
      text += row.at(field).dump() + " ";
    text += "\n";
  }
  return text;
}

// Returns what a run left behind, file by file, without times.
std::map<std::string, std::string> resultsIn(const std::string &folder) {
  std::map<std::string, std::string> results;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    std::string &content = results[name];
    if (name == "curves.csv")
      for (const EpochRow &row : parseRows(readFile(entry.path()), name))
        content += fmt::format("{} {} {} {}\n", row.epoch, row.trainLoss, row.testLoss, row.testVideoTop1);
    else if (name == "steps.jsonl")
      content = withoutTimes(readFile(entry.path()));
    else if (name.ends_with(".safetensors"))
      content = readFile(entry.path());
  }
  return results;
}

void expectSame(const std::map<std::string, std::string> &found,
                const std::map<std::string, std::string> &expected, uint64_t kill) {
  for (const auto &[name, content] : expected)
    EXPECT_TRUE(found.contains(name) && found.at(name) == content) << name << " after kill " << kill;
  for (const auto &[name, content] : found)
    EXPECT_TRUE(expected.contains(name)) << name << " is left after kill " << kill;
}

class Kills : public testing::Test {
protected:
  TemporaryFolder folder;

  // Does a piece of work again and again, killed at random moments, until it was killed as often as wanted.
  // Whenever it comes to its end, what it left must be what it leaves unbroken; then all of it is removed,
  // and it begins anew.
  template <typename Work, typename Results, typename Clear>
  void killAtRandomMoments(Work &&work, Results &&results, Clear &&clear) {
    constexpr Seconds forever(300);
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(work(forever), 0) << readFile(folder / "log");
    const Seconds whole = std::chrono::steady_clock::now() - begin;
    const auto expected = results();
    clear();
    uint64_t killed = 0, ended = 0;
    while (killed < kills() && ended < 4 * kills()) {
      const std::optional<int> status = work(moment(killed + ended, whole));
      killed += !status;
      if (!status)
        continue;
      ASSERT_EQ(*status, 0) << readFile(folder / "log");
      ++ended;
      expectSame(results(), expected, killed);
      clear();
    }
    ASSERT_EQ(work(forever), 0) << readFile(folder / "log");
    expectSame(results(), expected, killed);
    EXPECT_GT(killed, 0u);
  }
};

} // namespace

TEST_F(Kills, Training) {
  writeLinearPackage(folder / "linear.kin");
  writeVideos(folder, "train.txt", 9);
  writeVideos(folder, "test.txt", 3);
  auto train = [&](Seconds time) {
    std::vector<std::string> arguments{
        "train", "linear.kin", "--train", "train.txt", "--test", "test.txt",       "--out",
        "out",   "--epochs",   "12",      "--keep",    "2",      "--save-minutes", "0"};
    if (std::filesystem::exists(folder / "out/last.safetensors"))
      arguments.emplace_back("--resume");
    return runFor(time, folder, arguments);
  };
  // A run that was killed between its last file and its end has nothing more to do.
  auto trainToTheEnd = [&](Seconds time) {
    std::optional<int> status = train(time);
    if (status == 2 && readFile(folder / "log").find("12 of 12 epochs are done") != std::string::npos)
      status = 0;
    return status;
  };
  killAtRandomMoments(
      trainToTheEnd,
      [&] {
        std::filesystem::remove(folder /
                                "out/.lock"); // a killed process leaves it, and the next one takes it
        return resultsIn(folder / "out");
      },
      [&] { std::filesystem::remove_all(folder / "out"); });
}

// The index of a list, while it grows and when it is written as a whole.
TEST_F(Kills, ChecksOfData) {
  writeVideos(folder, "list.txt", 60);
  folder.write("list.txt7.mp4", "no video");
  killAtRandomMoments(
      [&](Seconds time) {
        std::optional<int> status = runFor(time, folder, {"data", "check", "list.txt"});
        return status == 1 ? 0 : status; // there is a video that cannot be read
      },
      [&] {
        std::map<std::string, std::string> found;
        for (const auto &entry : std::filesystem::directory_iterator(folder.name()))
          if (std::string name = entry.path().filename(); !name.ends_with(".mp4") && name != "log")
            found[name] = readFile(entry.path());
        return found;
      },
      [&] {
        std::filesystem::remove(folder / "list.txt.index");
        std::filesystem::remove(folder / "list.txt.bad");
      });
}

// The files of flow, one for each video.
TEST_F(Kills, FlowOfVideos) {
  writeVideos(folder, "list.txt", 40);
  killAtRandomMoments(
      [&](Seconds time) {
        return runFor(time, folder, {"data", "flow", "list.txt", "--out", "flow", "--threads", "2"});
      },
      [&] {
        std::map<std::string, std::string> found;
        for (const auto &entry : std::filesystem::directory_iterator(folder / "flow"))
          if (std::string name = entry.path().filename(); name != ".lock") // which the next call takes
            found[name] = readFile(entry.path());
        return found;
      },
      [&] { std::filesystem::remove_all(folder / "flow"); });
}

namespace {

// What a process holds, as the system counts it: its memory, of which the allocator keeps now more and now
// less for later, and what of that is in use.
struct Holdings {
  int64_t kibibytes = 0, usedBytes = 0, threads = 0, descriptors = 0;
};

Holdings holdings() {
  Holdings found;
  std::istringstream status(readFile("/proc/self/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:"))
      found.kibibytes = std::stoll(line.substr(6));
    if (line.starts_with("Threads:"))
      found.threads = std::stoll(line.substr(8));
  }
  struct mallinfo2 memory = mallinfo2();
  found.usedBytes = static_cast<int64_t>(memory.uordblks + memory.hblkhd);
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++found.descriptors;
  return found;
}

// Notes what the process holds at the beginning of each epoch.
class Watched : public BatchSource {
public:
  explicit Watched(std::unique_ptr<VideoSource> source) : source(std::move(source)) {}

  int64_t batches() const override { return source->batches(); }
  int64_t clips() const override { return source->clips(); }
  int64_t videos() const override { return source->videos(); }
  std::string videoName(int64_t video) const override { return source->videoName(video); }
  std::vector<int32_t> videoLabels(int64_t video) const override { return source->videoLabels(video); }
  std::vector<Unreadable> takeUnreadable() override { return source->takeUnreadable(); }
  bool next(Batch &batch) override { return source->next(batch); }
  void seek(int64_t epoch, int64_t batch) override {
    seen.push_back(holdings());
    source->seek(epoch, batch);
  }

  std::vector<Holdings> seen;

private:
  std::unique_ptr<VideoSource> source;
};

// Returns the largest of some epochs' values, for which loaders hold now more and now less.
int64_t largest(const std::vector<Holdings> &seen, size_t begin, size_t end, int64_t Holdings::*what) {
  int64_t most = 0;
  for (size_t i = begin; i < end; ++i)
    most = std::max(most, seen[i].*what);
  return most;
}

// Returns the smallest: the loaders' decoders come and go by megabytes, but what is never freed stays.
int64_t smallest(const std::vector<Holdings> &seen, size_t begin, size_t end, int64_t Holdings::*what) {
  int64_t least = seen[begin].*what;
  for (size_t i = begin; i < end; ++i)
    least = std::min(least, seen[i].*what);
  return least;
}

} // namespace

TEST(Growth, AHundredEpochsHoldNoMoreThanTwenty) {
  TemporaryFolder folder;
  writeVideos(folder, "train.txt", 9);
  writeVideos(folder, "test.txt", 3);
  Program program(Package(writeLinearPackage(folder / "linear.kin")), {.threads = 2});
  Recipe recipe = program.manifest().recipe;
  recipe.train.epochs = 100;
  LoaderOptions loader{.batch = 4, .threads = 2};
  Watched train(VideoSource::training(readVideoList(folder / "train.txt"), recipe, loader));
  Watched test(VideoSource::evaluation(readVideoList(folder / "test.txt"), recipe, loader));
  program.initialise(recipe.train.seed);
  Progress quiet{nullptr};
  TrainerOptions options;
  options.folder = folder / "out";
  options.keep = 3;
  Trainer(program, train, &test, recipe, options, quiet).run();
  ASSERT_GE(train.seen.size(), 100u);
  const auto &seen = train.seen;
  constexpr int64_t videos = 4; // that loaders may hold open at the moment
  EXPECT_LE(largest(seen, 80, 100, &Holdings::descriptors),
            largest(seen, 10, 30, &Holdings::descriptors) + videos);
  EXPECT_EQ(largest(seen, 80, 100, &Holdings::threads), largest(seen, 10, 30, &Holdings::threads));
  constexpr int64_t bytes = 256 << 10,
                    kibibytes = 8 << 10; // 4 kB an epoch are found, and 120 kB outside of malloc
  EXPECT_LT(smallest(seen, 80, 100, &Holdings::usedBytes),
            smallest(seen, 10, 30, &Holdings::usedBytes) + bytes);
  EXPECT_LT(largest(seen, 80, 100, &Holdings::kibibytes),
            largest(seen, 10, 30, &Holdings::kibibytes) + kibibytes);
}
