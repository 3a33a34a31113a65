#include "runtime/Training/RunLog.h"

#include "runtime/Plots/EventRecord.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace kinema;
using namespace kinema::test;

namespace {

class RunLogTest : public testing::Test {
protected:
  TemporaryFolder folder;

  void log(int64_t from, int64_t to) {
    RunLog log(folder / ".", 0, from);
    for (int64_t step = from + 1; step <= to; ++step)
      log.add({.step = step, .epoch = 1, .batch = step, .rate = 0.1, .loss = 1.0 / double(step), .clips = 4});
    log.flush();
  }
  std::string steps() { return readFile(folder / run_files::steps); }
  std::string events() { return readFile(folder / run_files::events); }
};

TEST_F(RunLogTest, HasALineAStep) {
  log(0, 2);
  EXPECT_EQ(steps(),
            "{\"batch\":1,\"clips\":4,\"copied\":0.0,\"epoch\":1,\"loss\":1.0,\"rate\":0.1,\"seconds\":0.0,"
            "\"step\":1,\"waited\":0.0}\n"
            "{\"batch\":2,\"clips\":4,\"copied\":0.0,\"epoch\":1,\"loss\":0.5,\"rate\":0.1,\"seconds\":0.0,"
            "\"step\":2,\"waited\":0.0}\n");
  EXPECT_EQ(eventBytesUpTo(events(), 2), int64_t(events().size()));
  EXPECT_LT(eventBytesUpTo(events(), 1), int64_t(events().size()));
}

TEST_F(RunLogTest, DropsTheStepsThatAreDoneAgain) {
  log(0, 5);
  const std::string five = steps();
  const size_t eventBytes = events().size();
  log(3, 5);
  EXPECT_EQ(steps(), five);
  EXPECT_EQ(events().size(), eventBytes);
  log(0, 1); // a new run in the same folder
  EXPECT_EQ(steps(), five.substr(0, five.find('\n') + 1));
}

TEST_F(RunLogTest, DropsHalfALine) {
  log(0, 3);
  const std::string three = steps();
  std::filesystem::resize_file(folder / run_files::steps, three.size() - 7);
  std::filesystem::resize_file(folder / run_files::events, events().size() - 7);
  log(2, 3);
  EXPECT_EQ(steps(), three);
  EXPECT_EQ(eventBytesUpTo(events(), 3), int64_t(events().size()));
}

TEST_F(RunLogTest, DropsWhatIsNoStep) {
  log(0, 2);
  const std::string two = steps();
  for (const char *line : {"[]", "null", "{\"step\":\"2\"}", "{\"step\":1.5}", "{}", "{"}) {
    folder.write(run_files::steps, two + line + "\n" + two);
    log(2, 2);
    EXPECT_EQ(steps(), two) << line;
  }
}

TEST_F(RunLogTest, HasAnEpochsFigures) {
  {
    RunLog log(folder / ".", 0, 0);
    EpochRow row;
    row.trainLoss = 0.25;
    log.add(row, 7);
  }
  EXPECT_NE(events().find("train/loss"), std::string::npos);
  EXPECT_EQ(events().find("test/loss"), std::string::npos); // there was no test
  EXPECT_EQ(eventBytesUpTo(events(), 6), int64_t(firstEventRecord(0).size()));
}

// A run that was killed between the log and the checkpoint at the end of an epoch does that end again.
TEST_F(RunLogTest, HasAnEpochsFiguresOnce) {
  EpochRow row;
  row.trainLoss = 0.25;
  for (int64_t epochs : {0, 1})
    RunLog(folder / ".", epochs, 7 * epochs).add(row, 7 * (epochs + 1));
  const std::string twice = events();
  RunLog(folder / ".", 2, 14);
  EXPECT_EQ(events(), twice);
  RunLog(folder / ".", 1, 14);
  EXPECT_EQ(int64_t(events().size()), eventBytesUpTo(twice, 7));
}

TEST_F(RunLogTest, SaysWhatCannotBeWritten) {
  EXPECT_EQ(errorOf([&] { RunLog(folder / "nowhere", 0, 0); }),
            folder / "nowhere/steps.jsonl" + ": cannot be written: No such file or directory");
}

} // namespace
