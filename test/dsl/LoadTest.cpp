#include "Support.h"
#include "test/TemporaryFolder.h"

#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace kinema::dsl;

namespace {

namespace fs = std::filesystem;
using Messages = std::vector<std::string>;

std::vector<std::string> modelFiles(const std::string &folder) {
  std::vector<std::string> files;
  for (const auto &entry : fs::directory_iterator(fs::path(KINEMA_SOURCE_DIR) / folder))
    if (entry.path().extension() == ".arch")
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

class Models : public testing::TestWithParam<std::string> {};

TEST_P(Models, LoadAndPrint) {
  Program program;
  Diagnostics diagnostics(program.sources);
  EXPECT_TRUE(loadFile(GetParam(), {}, program, diagnostics));
  EXPECT_EQ(diagnostics.render(), "");
  for (const auto &file : program.files) {
    std::string once = print(*file);
    Sources sources;
    Diagnostics errors(sources);
    EXPECT_EQ(print(*parse(sources, sources.add("printed.arch", once), errors)), once);
    EXPECT_EQ(errors.render(), "");
  }
}

TEST_P(Models, AreCalledAsTheirFile) {
  Program program;
  Diagnostics diagnostics(program.sources);
  ASSERT_TRUE(loadFile(GetParam(), {}, program, diagnostics));
  EXPECT_EQ(program.network->name.text, fs::path(GetParam()).stem().string());
}

std::string nameOf(const testing::TestParamInfo<std::string> &info) {
  fs::path path(info.param);
  return (path.parent_path().filename() == "models" ? "" : "torchvision_") + path.stem().string();
}

INSTANTIATE_TEST_SUITE_P(Own, Models, testing::ValuesIn(modelFiles("models")), nameOf);
INSTANTIATE_TEST_SUITE_P(Torchvision, Models, testing::ValuesIn(modelFiles("models/torchvision")), nameOf);

/// A folder with files and a library.
class SpecFolder : public kinema::test::TemporaryFolder {
public:
  SpecFolder() { fs::create_directories(path / "lib"); }
};

std::string unitNamed(const std::string &name) { return "unit " + name + " ch { conv3d ch=ch }\n"; }

std::string load(const std::string &path, const LoadOptions &options = {}) {
  Program program;
  Diagnostics diagnostics(program.sources);
  loadFile(path, options, program, diagnostics);
  return diagnostics.any() ? diagnostics.render() : ""; // warnings are no subject of these tests
}

TEST(Load, UseLooksBesideTheSpecThenInLibThenInTheSearchPathThenInTheBinary) {
  SpecFolder folder, other;
  fs::create_directories(folder.path / "elsewhere/lib");
  folder.write("one.arch", unitNamed("beside"));
  folder.write("lib/one.arch", unitNamed("hidden"));
  folder.write("lib/two.arch", unitNamed("in_lib"));
  folder.write("elsewhere/three.arch", unitNamed("in_path"));
  folder.write("elsewhere/lib/four.arch", unitNamed("in_path_lib"));
  std::string spec = folder.write("spec.arch", "use one\nuse two\nuse three\nuse four\nuse csn\n" +
                                                   network("  beside ch=8 -> in_lib ch=8 -> in_path ch=8 -> "
                                                           "in_path_lib ch=8 -> ir_csn ch=8"));
  EXPECT_EQ(load(spec, {.libraryPaths = {(folder.path / "elsewhere").string()}}), "");
}

TEST(Load, UseIsNotPassedOn) {
  SpecFolder folder;
  folder.write("one.arch", "use two\n" + unitNamed("one"));
  folder.write("two.arch", unitNamed("two"));
  std::string spec = folder.write("spec.arch", "use one\n" + network("  two ch=8"));
  EXPECT_NE(load(spec).find("no operation, unit or block is called 'two'"), std::string::npos);
}

TEST(Load, AFileDoesNotFindItself) {
  SpecFolder folder;
  EXPECT_EQ(load(folder.write("csn.arch", "use csn\n" + network("  ir_csn ch=8"))), "");
}

TEST(Load, FilesMayUseEachOther) {
  SpecFolder folder;
  folder.write("one.arch", "use spec\n" + unitNamed("one"));
  EXPECT_EQ(load(folder.write("spec.arch", "use one\n" + network("  one ch=8"))), "");
}

TEST(Load, NoSuchFile) {
  EXPECT_EQ(messagesOf("use cns\n" + network("  relu")), Messages{"1:5: error: no file 'cns.arch' is found"});
  EXPECT_NE(errorsOf("use cns\n" + network("  relu")).find("did you mean 'csn'?"), std::string::npos);
}

TEST(Load, NetworksOfOtherFilesAreBlocks) {
  SpecFolder folder;
  folder.write(
      "one.arch",
      "network one { input rgb 3x1x1x1 -> top: conv2d ch=8 }\nnetwork two { input rgb 3x1x1x1 -> relu }\n");
  EXPECT_EQ(load(folder.write("spec.arch", "use one\n" + network("  a: one\n  two\n  add a.top"))), "");
}

TEST(Load, ErrorsOfUsedFilesNameThem) {
  SpecFolder folder;
  folder.write("one.arch", "unit one ch { conv3d chan=ch }\n");
  std::string errors = load(folder.write("spec.arch", "use one\n" + network("  one ch=8")));
  EXPECT_NE(errors.find("one.arch:1:22: error: unit 'conv3d' has no parameter 'chan'"), std::string::npos)
      << errors;
}

TEST(Load, ParametersOfTheNetwork) {
  std::string text = "network n frames=16 k:word=rgb {\n  input rgb [3 frames 112 112]\n  fc 3\n}\n";
  Program program;
  Diagnostics diagnostics(program.sources);
  ASSERT_TRUE(loadText("net.arch", text, {.overrides = {"frames=32"}}, program, diagnostics))
      << diagnostics.render();
  EXPECT_EQ(print(*program.network->parameters[0].defaultValue), "32");
  EXPECT_EQ(program.recipe.data.frames, 32);
  EXPECT_EQ(errorsOf(text, {.overrides = {"frame=32", "frames=0.5", "frames", "frames=3 4"}}),
            "--set:1:1: error: network 'n' has no parameter 'frame'\n"
            "    1 | frame=32\n"
            "      | ^~~~~ did you mean 'frames'? (it has frames k)\n"
            "--set:1:8: error: 'frames' is an integer, found the number 0.5\n"
            "    1 | frames=0.5\n"
            "      |        ^~~\n"
            "--set:1:7: error: expected '=', found the line's end\n"
            "    1 | frames\n"
            "      |       ^ a setting is frames=32 or data.crop=224x224\n"
            "--set:1:10: error: expected the end, found '4'\n"
            "    1 | frames=3 4\n"
            "      |          ^\n");
}

} // namespace
