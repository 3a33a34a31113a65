// kinema-runtime as a user meets it: exit statuses, messages, files.
#include "runtime/Package/Package.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Program/Program.h"
#include "test/runtime/Commands/CommandsFixture.h"

#include <cstdlib>
#include <filesystem>
#include <map>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

TEST_F(Commands, WrongArgumentsEndWithStatus2) {
  EXPECT_EQ(run(""), 2);
  EXPECT_EQ(run("fly"), 2);
  EXPECT_EQ(run("info"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: PACKAGE is required (--help lists the options)\n");
  EXPECT_EQ(run("train linear.kin --train list"), 2);
  EXPECT_EQ(run("bench linear.kin --runs -3"), 2);
  EXPECT_EQ(run("bnch linear.kin"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: kinema-runtime has no command bnch; did you mean 'bench'? "
                    "(--help lists the options)\n");
  EXPECT_EQ(run("bench linear.kin --rwns=3"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: bench has no option --rwns; did you mean '--runs'? (--help lists "
                    "the options)\n");
  EXPECT_EQ(run("bench linear.kin --per-krnel"), 2);
  EXPECT_NE(errors.find("did you mean '--per-kernel'?"), std::string::npos) << errors;
  EXPECT_EQ(run("bench linear.kin more"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: bench has no further argument more (--help lists the options)\n");
  EXPECT_EQ(run("--version"), 0);
  EXPECT_TRUE(output.starts_with("Kinema ")) << output;
  EXPECT_EQ(run("--help"), 0);
  EXPECT_NE(output.find("bench"), std::string::npos);
}

TEST_F(Commands, WorkThatFailsEndsWithStatus1) {
  EXPECT_EQ(run("info none.kin"), 1);
  EXPECT_EQ(errors, "kinema-runtime: error: cannot read none.kin: No such file or directory\n");
  folder.write("text", "a text");
  EXPECT_EQ(run("bench text"), 1);
  EXPECT_EQ(errors, "kinema-runtime: error: text is no package: there is no zip directory at its end\n");
}

TEST_F(Commands, InfoAndBench) {
  EXPECT_EQ(run("info linear.kin"), 0);
  EXPECT_NE(output.find("parameters  57 values in 3 tensors"), std::string::npos) << output;
  EXPECT_EQ(run("info linear.kin --json"), 0);
  EXPECT_EQ(json::parse(output).at("parameters").at("total"), 57);
  EXPECT_EQ(run("bench linear.kin --runs 2 --threads 2"), 0);
  EXPECT_NE(output.find("train_step: median"), std::string::npos) << output;
  EXPECT_EQ(output.find("x floor"), std::string::npos) << output;
  EXPECT_EQ(run("bench linear.kin --runs 2 --per-kernel"), 0);
  EXPECT_NE(output.find("x floor"), std::string::npos) << output;
  EXPECT_EQ(run("bench linear.kin --runs 2 --json"), 0);
  EXPECT_EQ(json::parse(output).at("entries").size(), 2u);
}

// What can be known before the code is loaded is told without it.
TEST_F(Commands, ArgumentsAreLookedAtFirst) {
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", "this cannot be loaded");
  writer.write(folder / "codeless.kin");
  writer.add(weightsEntry, formatTensors(TensorFile()));
  writer.write(folder / "named.kin");
  writeVideos(folder, "train.txt", 3);
  TensorFile file;
  file.tensors.emplace_back("fc.weight", ElementType::F32, std::vector<int64_t>{1});
  writeTensors(folder / "w", file);
  auto said = [&](const std::string &arguments, const std::string &message) {
    EXPECT_NE(run(arguments), 0);
    EXPECT_NE(errors.find(message), std::string::npos) << arguments << ": " << errors;
  };
  said("train codeless.kin --train none.txt --out a.d", "none.txt: No such file");
  said("train codeless.kin --train train.txt --test none.txt --out a.d", "none.txt: No such file");
  said("train codeless.kin --train train.txt --out a.d --weights w", "w: tensor fc.weight is float32 [1]");
  said("train codeless.kin --train train.txt --out a.d --resume", "there is nothing to resume");
  said("train codeless.kin --train train.txt --out w", "cannot create the directory w: ");
  said("eval codeless.kin --test train.txt --weights none", "cannot read none: No such file");
  said("eval codeless.kin --test train.txt", "carries no weights");
  said("predict codeless.kin train.txt0.mp4 --weights w --names no", "there is no naming 'no'");
  said("predict codeless.kin train.txt0.mp4 --weights w", "w: tensor fc.weight is float32 [1]");
  std::filesystem::create_directories(folder / "taken/videos.jsonl");
  said("eval named.kin --test train.txt --out taken", "cannot write taken/videos.jsonl: it is a directory");
  said("run codeless.kin --input w --output none/y", "cannot write none/y");
  said("eval codeless.kin --test train.txt --weights w --set data.resize=1x1",
       "data.resize: frames are resized to less than the crop of 2x3");
  said("predict codeless.kin train.txt0.mp4 --weights w --top 0", "--top must be at least 1, found 0");
  std::filesystem::create_directory(folder / "b.d");
  folder.write("b.d/last.safetensors", "");
  said("train codeless.kin --train train.txt --out b.d --resume --weights w",
       "--resume takes its weights from b.d/last.safetensors: leave --weights out");
  writeLinearPackage(folder / "infer.kin", linearManifest(false));
  said("run infer.kin --input w --output y --step",
       "package linear was compiled for inference and cannot do a step; compile it with --mode train");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
  said("train codeless.kin --train train.txt --out a.d", "cannot load code/x86-64-v3.so");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
}

// Lists, indices, names of classes, packages and the links that lie beside lists lead nowhere: outside of the
// folders that the command line names no file is made, changed or removed.
TEST_F(Commands, NothingIsWrittenElsewhere) {
  namespace fs = std::filesystem;
  const std::string root = folder / "root", outside = folder / "outside";
  fs::create_directories(root);
  fs::create_directories(outside);
  const TemporaryFolder videos;
  writeVideos(videos, "v", 3);
  for (const char *name : {"v0.mp4", "v1.mp4", "v2.mp4"})
    fs::copy_file(videos / name, outside + "/" + name);
  for (const char *name : {"index", "bad", "problems", "part", "written"})
    folder.write(fmt::format("outside/{}", name), fmt::format("the user's {}", name));
  auto contents = [&] {
    std::map<std::string, std::string> found;
    for (const auto &entry : fs::recursive_directory_iterator(outside))
      found[entry.path()] = entry.is_regular_file() ? readFile(entry.path()) : "";
    return found;
  };
  const auto before = contents();
  folder.write("root/list.txt",
               fmt::format("../outside/v0.mp4 0\n{}/v1.mp4 1\n../outside/../outside/v2.mp4 2\n"
                           "../outside/bad 0\n/dev/null 1\n",
                           outside));
  folder.write("root/names", "../../outside/written\n/outside/written\n..\n");
  json manifest = linearManifest();
  manifest["name"] = "../../outside/written";
  writeLinearPackage(folder / "root/evil.kin", manifest);
  auto link = [&](const char *to, const std::string &name) {
    fs::remove(root + "/" + name);
    fs::create_symlink(fmt::format("../outside/{}", to), root + "/" + name);
  };
  link("index", "list.txt.index");
  link("bad", "list.txt.bad");
  EXPECT_EQ(run("data check root/list.txt"), 1);
  EXPECT_NE(errors.find("is no index of videos"), std::string::npos) << errors; // what the link shows is read
  link("none", "list.txt.index");
  EXPECT_EQ(run("data check root/list.txt"), 1);
  EXPECT_NE(errors.find("2 of 5 videos cannot be read"), std::string::npos) << errors;
  EXPECT_FALSE(fs::is_symlink(root + "/list.txt.bad"));
  fs::remove(root + "/list.txt.index");
  link("part", "list.txt.index.part");
  EXPECT_EQ(run("data check root/list.txt"), 1);
  EXPECT_NE(errors.find("cannot write root/list.txt.index.part: "), std::string::npos) << errors;
  fs::remove(root + "/list.txt.index.part");
  std::string wrong;
  for (int line = 0; line < 20; ++line)
    wrong += "../outside/v0.mp4 x\n";
  folder.write("root/wrong.txt", wrong);
  link("problems", "wrong.txt.problems");
  EXPECT_EQ(run("data check root/wrong.txt"), 1);
  EXPECT_FALSE(fs::is_symlink(root + "/wrong.txt.problems")) << errors;
  const std::string lists = " --labels root/names --set data.missing=50%";
  EXPECT_EQ(
      run("train root/evil.kin --train root/list.txt --test root/list.txt --out root/out --epochs 1" + lists),
      0)
      << errors;
  EXPECT_EQ(
      run("eval root/evil.kin --test root/list.txt --weights root/out/last.safetensors --out root/found" +
          lists),
      0)
      << errors;
  EXPECT_EQ(contents(), before);
}

// As in a chroot: the program finds its package, and the package's code can be loaded.
TEST_F(Commands, ATrainerNeedsNoProc) {
  if (std::system("unshare -rm mount -t tmpfs none /proc 2>/dev/null") != 0)
    GTEST_SKIP() << "no rights to be without /proc here";
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", linearCode());
  writer.writeBehind(KINEMA_RUNTIME, folder / "trainer");
  EXPECT_EQ(run("-rm sh -c 'mount -t tmpfs none /proc && ./trainer bench --runs 1'", "unshare"), 0) << errors;
  EXPECT_NE(output.find("train_step: median"), std::string::npos) << output;
}

TEST_F(Commands, WhatCannotBePrintedIsAnError) {
  auto redirected = [&](const std::string &arguments) {
    return run(fmt::format("-c '$0 {}' {}", arguments, KINEMA_RUNTIME), "sh");
  };
  for (const char *command : {"info linear.kin >&-", "info linear.kin >/dev/full", "--help >/dev/full"}) {
    EXPECT_EQ(redirected(command), 1) << command;
    EXPECT_EQ(errors, "kinema-runtime: error: cannot write to the standard output\n") << command;
  }
  EXPECT_EQ(redirected("info none 2>&-"), 1);
  // What is printed does not go to the file that is opened next.
  writeVideos(folder, "train.txt", 3);
  EXPECT_EQ(redirected("train linear.kin --train train.txt --out a.d --epochs 1 >&- 2>&-"), 1);
  EXPECT_EQ(redirected("train linear.kin --train train.txt --out b.d --epochs 1"), 0) << errors;
  EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == readFile(folder / "b.d/last.safetensors"));
}

TEST_F(Commands, ATrainerIsTheRuntimeWithAPackage) {
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", linearCode());
  writer.writeBehind(KINEMA_RUNTIME, folder / "trainer");
  EXPECT_EQ(run("info", folder / "trainer"), 0) << errors;
  EXPECT_EQ(output.rfind("linear: training package", 0), 0u) << output;
  EXPECT_EQ(run("bench --runs 1", folder / "trainer"), 0) << errors;
}

TEST_F(Commands, RunWritesWhatItIsAskedFor) {
  TensorFile input;
  input.tensors.emplace_back("input", ElementType::F32, std::vector<int64_t>{4, 3, 1, 2, 3});
  writeTensors(folder / "x", input);
  EXPECT_EQ(run("run linear.kin --input x --output y"), 0) << errors;
  EXPECT_TRUE(readTensors(folder / "y").find("logits"));
  EXPECT_EQ(run("run linear.kin --input x --output y --step"), 1);
  EXPECT_EQ(errors, "kinema-runtime: error: x has no tensor labels\n");
  EXPECT_EQ(run("run linear.kin --input x --output y --names caffe"), 2);
  EXPECT_EQ(run("run linear.kin --input x --output no/such/y"), 1);
}
