// What commands make of lists of videos: classes, indices, missing videos, flow.
#include "runtime/Package/Package.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Program/Program.h"
#include "runtime/Training/Checkpoint.h"
#include "test/runtime/Commands/CommandsFixture.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

// The weights keep the names of the classes, by which evaluation and prediction tell them.
TEST_F(Commands, NamesOfClassesGoWithTheWeights) {
  writeVideos(folder, "all.txt", 9);
  const char *names[] = {"red", "green leaf", "blue"};
  for (int video = 0; video < 9; ++video) {
    std::string in = fmt::format("{}/videos/{}", folder.name(), names[video % 3]);
    std::filesystem::create_directories(in);
    std::filesystem::rename(folder / fmt::format("all.txt{}.mp4", video),
                            fmt::format("{}/{}.mp4", in, video));
  }
  folder.write("test.csv",
               "label,youtube_id,time_start,time_end,split\ngreen leaf,1,0,1,val\nred,0,0,1,val\n");
  ASSERT_EQ(
      run("train linear.kin --train videos --test test.csv --test-root videos --out out.d --epochs 4 --set "
          "train.rate=0.05"),
      0)
      << errors;
  EXPECT_NE(errors.find("videos: class folders: 9 videos, 3 classes in the order of their names\n"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("test.csv: Kinetics list: 2 videos, 3 classes\n"), std::string::npos) << errors;
  for (const char *weights : {"best", "last"}) {
    ASSERT_EQ(run(fmt::format("eval linear.kin --test test.csv --root videos --weights out.d/{}.safetensors "
                              "--confusion",
                              weights)),
              0)
        << errors;
    EXPECT_NE(
        output.find("blue           0    0    0\ngreen leaf     0    1    0\nred            0    0    1\n"),
        std::string::npos)
        << output;
  }
  ASSERT_EQ(run("predict linear.kin 'videos/green leaf/1.mp4' --weights out.d/last.safetensors --top 1"), 0)
      << errors;
  EXPECT_NE(output.find("%  green leaf\n"), std::string::npos) << output;

  // So do the weights that a package carries.
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", linearCode());
  writer.add(weightsEntry, weightsForPackage(parseManifest(linearManifest().dump(), "linear"),
                                             folder / "out.d/last.safetensors"));
  writer.write(folder / "named.kin");
  ASSERT_EQ(run("eval named.kin --test test.csv --root videos --json"), 0) << errors;
  EXPECT_EQ(json::parse(output).at("classes"), json({"blue", "green leaf", "red"}));
  ASSERT_EQ(run("predict named.kin 'videos/green leaf/1.mp4' --top 1"), 0) << errors;
  EXPECT_NE(output.find("%  green leaf\n"), std::string::npos) << output;

  // What nobody says is not guessed.
  ASSERT_EQ(run("train linear.kin --train videos --out out.d --epochs 5 --resume --changed test"), 0)
      << errors;
  ASSERT_EQ(run("train linear.kin --train test.csv --root videos --out few.d --epochs 1 --weights "
                "out.d/last.safetensors"),
            0)
      << errors;
  EXPECT_NE(
      errors.find(
          "test.csv: its 2 classes are the first of the 3 of linear; if there are more, name the file "
          "of all of them with --labels\nout.d/last.safetensors was trained on other classes than those "
          "of test.csv: class 0 is 'blue' in the one and 'green leaf' in the other\n"),
      std::string::npos)
      << errors;
  ASSERT_EQ(run("eval linear.kin --test test.csv --root videos --weights out.d/last.safetensors --json"), 0);
  EXPECT_EQ(json::parse(output).at("classes"), json({"blue", "green leaf", "red"}));
  folder.write("numbers.txt", "videos/red/0.mp4 0\nvideos/blue/2.mp4 2\n");
  ASSERT_EQ(run("train linear.kin --train numbers.txt --out unnamed.d --epochs 1"), 0) << errors;
  EXPECT_EQ(run("eval linear.kin --test test.csv --root videos --weights unnamed.d/last.safetensors"), 1);
  EXPECT_NE(errors.find("test.csv: it has videos of 2 classes, linear knows 3, and nothing says which: name "
                        "the file of all of them with --labels"),
            std::string::npos)
      << errors;
  folder.write("names", "red\ngreen leaf\nblue\n");
  ASSERT_EQ(
      run("eval linear.kin --test test.csv --root videos --weights out.d/last.safetensors --labels names"),
      0);
  EXPECT_NE(
      errors.find("out.d/last.safetensors was trained on other classes than those of test.csv: class 0 is "
                  "'blue' in the one and 'red' in the other"),
      std::string::npos)
      << errors;
  std::filesystem::create_directory(folder / "lists");
  folder.write("lists/classes.txt", "red\ngreen leaf\nblue\n");
  EXPECT_EQ(run("train linear.kin --train videos --test lists/test.txt --out x.d"), 1);
  folder.write("lists/test.txt", "../videos/red/0.mp4 0\n");
  EXPECT_EQ(run("train linear.kin --train videos --test lists/test.txt --out x.d"), 1);
  EXPECT_NE(
      errors.find("videos and lists/test.txt have different classes: class 0 is 'blue' in the one and 'red' "
                  "in the other; name the file of both with --labels"),
      std::string::npos)
      << errors;
  folder.write("unlabelled.csv", "youtube_id,time_start,time_end,split\n--6bJUbfpnQ,17,27,test\n");
  EXPECT_EQ(run("train linear.kin --train unlabelled.csv --out x.d"), 1);
  EXPECT_NE(errors.find(
                "unlabelled.csv: not all of its videos have labels, without which they cannot be used here"),
            std::string::npos)
      << errors;
}

TEST_F(Commands, ListsAreCheckedWithoutANetwork) {
  writeVideos(folder, "train.txt", 3);
  EXPECT_EQ(run("data check train.txt"), 0) << errors;
  EXPECT_NE(errors.find("train.txt: paths and labels: 3 videos, 3 classes\n"), std::string::npos) << errors;
  EXPECT_EQ(run("data check train.txt --format kinetics"), 1);
  EXPECT_NE(errors.find("train.txt: its first line names no column youtube_id"), std::string::npos) << errors;
  EXPECT_EQ(run("data check train.txt --format nothing"), 2);
  EXPECT_EQ(run("data bench train.txt --clips 3 --set data.resize=16x24 --set data.crop=16x24"), 0) << errors;
}

TEST_F(Commands, FlowThatIsNotToBeHad) {
  writeVideos(folder, "train.txt", 3);
  writeLinearPackage(folder / "two.kin", twoInputManifest());
  setenv("KINEMA_FLOW_LIBRARY", "none.so", 1);
  EXPECT_EQ(run("train two.kin --train train.txt --out out.d"), 1);
  unsetenv("KINEMA_FLOW_LIBRARY");
  EXPECT_NE(errors.find("optical flow is computed by libkinema-flow.so, which cannot be opened"),
            std::string::npos)
      << errors;
  EXPECT_EQ(run("train two.kin --train train.txt --out out.d --flow flow"), 1);
  EXPECT_NE(errors.find("there is no folder flow with stored flow"), std::string::npos) << errors;
  EXPECT_EQ(run("train linear.kin --train train.txt --out out.d --flow flow"), 2);
  EXPECT_NE(errors.find("--flow flow: linear has no input of kind flow"), std::string::npos) << errors;
}

TEST_F(Commands, VideosThatAreMissingAreCounted) {
  std::string list = readFile(writeVideos(folder, "train.txt", 3));
  for (int missing = 0; missing < 5; ++missing)
    list += fmt::format("none{}.mp4 {}\n", missing, missing % 3);
  ASSERT_EQ(mkfifo((folder / "none4.mp4").c_str(), 0600), 0);
  folder.write("train.txt", list);
  ASSERT_EQ(
      run("train linear.kin --train train.txt --test train.txt --out a.d --epochs 2 --set data.missing=0.7"),
      0)
      << errors;
  EXPECT_NE(
      errors.find("train.txt: missing videos: 4, such as none0.mp4; none1.mp4; none2.mp4; all of them are in "
                  "train.txt.problems\n"),
      std::string::npos)
      << errors;
  EXPECT_EQ(errors.find("cannot read none0.mp4"), std::string::npos) << "it is told once\n" << errors;
  EXPECT_NE(output.find("trained without 5 of 8 videos, which could not be read\n"), std::string::npos)
      << output;
  EXPECT_NE(output.find(" clips of 3 videos (5 more could not be read), loss "), std::string::npos) << output;
  EXPECT_NE(errors.find("none4.mp4: is a named pipe, not a regular file; it is left out\n"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("  without 5 of 8 videos  rate "), std::string::npos) << errors;
}

// More missing videos than the recipe allows end the work: before it begins where they are known, else with a
// checkpoint.
TEST_F(Commands, TooManyMissingVideosAreAnError) {
  std::string list = readFile(writeVideos(folder, "train.txt", 9));
  ASSERT_EQ(mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  folder.write("train.txt", list + "pipe.mp4 0\n");
  std::string training = "train linear.kin --train train.txt --epochs 2 --out ";
  ASSERT_EQ(run(training + "a.d"), 0) << "a tenth is allowed" << errors;
  EXPECT_NE(output.find("trained without 1 of 10 videos, which could not be read\n"), std::string::npos)
      << output;
  EXPECT_EQ(run(training + "b.d --set data.missing=0.05"), 1);
  EXPECT_NE(errors.find(
                "error: train.txt: 1 of 10 videos cannot be read, 10.0%, and data.missing allows 5.0%: mend "
                "them, take them off the list, or allow more with --set data.missing=10%\n"),
            std::string::npos)
      << errors;
  ASSERT_EQ(run(training + "b.d --resume --set data.missing=10%"), 0) << errors;
  EXPECT_TRUE(readTensors(folder / "a.d/last.safetensors").tensors.front().bytes ==
              readTensors(folder / "b.d/last.safetensors").tensors.front().bytes);

  folder.write("test.txt", list + "none.mp4 0\nnothing.mp4 0\n");
  std::string evaluation = "eval linear.kin --test test.txt --weights a.d/last.safetensors";
  EXPECT_EQ(run(evaluation), 1);
  EXPECT_EQ(output, "");
  EXPECT_NE(
      errors.find("error: test.txt: 2 of 11 videos cannot be read, 18.2%, and data.missing allows 10.0%"),
      std::string::npos)
      << errors;
  EXPECT_EQ(run(training + "c.d --test test.txt"), 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "c.d"));
  EXPECT_EQ(run(evaluation + " --set data.missing=0.19"), 0) << errors;
  EXPECT_NE(output.find("of 9 videos (2 more could not be read)"), std::string::npos) << output;
  folder.write("test.txt", list + "pipe.mp4 0\npipe.mp4 1\n");
  EXPECT_EQ(run(evaluation), 1) << "found out while the others are looked at";
  EXPECT_NE(output.find("of 9 videos (2 more could not be read)"), std::string::npos) << output;
  EXPECT_NE(errors.find("test.txt: 2 of 11 videos cannot be read"), std::string::npos) << errors;
  EXPECT_EQ(run(training + "d.d --test test.txt"), 1);
  EXPECT_NE(errors.find("test.txt: 2 of 11 videos cannot be read"), std::string::npos) << errors;
  EXPECT_TRUE(std::filesystem::exists(folder / "d.d/last.safetensors"));
}

// The loader uses what a check has found out; the same bits come of it.
TEST_F(Commands, TrainingUsesTheIndex) {
  std::string list = readFile(writeVideos(folder, "train.txt", 19));
  folder.write("bad.mp4", "no video");
  folder.write("train.txt", list + "bad.mp4 0\n");
  std::string training = "train linear.kin --train train.txt --epochs 2 --out ";
  ASSERT_EQ(run(training + "a.d"), 0) << errors;
  EXPECT_NE(errors.find("cannot read bad.mp4: not a video that FFmpeg can read; it is left out\n"),
            std::string::npos)
      << errors;
  EXPECT_EQ(run("data check train.txt"), 1);
  EXPECT_NE(errors.find("train.txt: 1 of 20 videos cannot be read; all of them are in train.txt.bad\n"),
            std::string::npos)
      << errors;
  EXPECT_EQ(readFile(folder / "train.txt.bad"), "bad.mp4: not a video that FFmpeg can read\n");
  ASSERT_EQ(run(training + "b.d"), 0) << errors;
  EXPECT_NE(errors.find("train.txt.index: it knows 20 of 20 videos\ntrain.txt: unreadable videos: 1, such as "
                        "bad.mp4: not a video that FFmpeg can read; all of them are in train.txt.bad\n"),
            std::string::npos)
      << errors;
  EXPECT_EQ(errors.find("it is left out"), std::string::npos) << errors;
  EXPECT_NE(errors.find("  without 1 of 20 videos  rate "), std::string::npos) << errors;
  EXPECT_NE(output.find("trained without 1 of 20 videos, which could not be read\n"), std::string::npos)
      << output;
  EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == readFile(folder / "b.d/last.safetensors"));

  // An index may lie elsewhere; a damaged one is refused.
  EXPECT_EQ(run("data check train.txt --index cache"), 1);
  EXPECT_EQ(run("data check train.txt --index cache"), 1);
  EXPECT_NE(errors.find(": it knew 20 of 20 videos already\n"), std::string::npos) << errors;
  ASSERT_EQ(run("data bench train.txt --clips 1 --index cache --set data.resize=16x24 --set data.crop=16x24"),
            0)
      << errors;
  EXPECT_NE(errors.find(": it knows 20 of 20 videos\n"), std::string::npos) << errors;
  folder.write("train.txt.index", "an index");
  EXPECT_EQ(run(training + "c.d"), 1);
  EXPECT_NE(
      errors.find("train.txt.index: is no index of videos, or one of another version; remove it, and `data "
                  "check` makes it anew\n"),
      std::string::npos)
      << errors;

  // Where no index can be written, the videos are checked without one.
  std::filesystem::remove(folder / "train.txt.index");
  std::filesystem::create_directory(folder / "train.txt.index");
  folder.write("train.txt", list);
  EXPECT_EQ(run("data check train.txt"), 0) << errors;
  EXPECT_NE(
      errors.find("cannot write train.txt.index: it is a directory: no index is kept; --index names a folder "
                  "that can be written\n"),
      std::string::npos)
      << errors;
}

// A check that is killed goes on where it was, and leaves the same index as one that was not.
TEST_F(Commands, AKilledCheckGoesOn) {
  writeVideos(folder, "train.txt", 60);
  std::filesystem::copy_file(folder / "train.txt", folder / "whole.txt");
  ASSERT_EQ(run("data check whole.txt"), 0) << errors;
  // The last video is so large that no check comes to its end before it is killed.
  const std::filesystem::path last = folder / "train.txt59.mp4", kept = folder / "kept.mp4";
  std::filesystem::rename(last, kept);
  folder.write(last.filename().string(), "");
  std::filesystem::resize_file(last, uintmax_t{1} << 38);
  for (int64_t bytes : {1, 500, 2000}) {
    std::string line = fmt::format(
        "cd '{}' && {{ '{}' data check train.txt --threads 1 >out 2>err & pid=$!; n=0; until [ $(stat -c %s "
        "train.txt.index.part 2>/dev/null || echo 0) -ge {} ] || [ $n = 6000 ]; do sleep 0.01; n=$((n + 1)); "
        "done; "
        "kill -KILL $pid; wait $pid; }} 2>/dev/null; test -e train.txt.index.part",
        folder.name(), KINEMA_RUNTIME, bytes);
    ASSERT_EQ(std::system(line.c_str()), 0);
  }
  std::filesystem::rename(kept, last);
  EXPECT_FALSE(std::filesystem::exists(folder / "train.txt.index"));
  ASSERT_EQ(run("data check train.txt"), 0) << errors;
  EXPECT_NE(errors.find(" of 60 videos already\n"), std::string::npos) << errors;
  EXPECT_TRUE(readFile(folder / "train.txt.index") == readFile(folder / "whole.txt.index"));
  EXPECT_FALSE(std::filesystem::exists(folder / "train.txt.index.part"));
}

// Names of folders need not be UTF-8. They are found again all the same.
TEST_F(Commands, NamesOfClassesAreAnyBytes) {
  writeVideos(folder, "all.txt", 3);
  for (int video = 0; std::string name : {"a,b", "caf\xe9", "new\nline"}) {
    std::filesystem::create_directories(folder / "videos/" + name);
    std::filesystem::rename(folder / fmt::format("all.txt{}.mp4", video++),
                            folder / "videos/" + name + "/1.mp4");
  }
  ASSERT_EQ(run("train linear.kin --train videos --out out.d --epochs 1"), 0) << errors;
  EXPECT_EQ(classNamesIn(readTensorHeader(folder / "out.d/last.safetensors")),
            (std::vector<std::string>{"a,b", "caf\xe9", "new\nline"}));
  ASSERT_EQ(run("eval linear.kin --test videos --weights out.d/last.safetensors --out found"), 0) << errors;
  EXPECT_NE(readFile(folder / "found/classes.csv").find("1,caf\xe9,1,"), std::string::npos);
}
