#include "runtime/Package/Names.h"

#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

using namespace kinema;
using namespace kinema::test;

namespace {

// The names of torchvision's own model, without the counters of batches.
std::set<std::string> torchvisionNames(const std::string &model) {
  std::ifstream file(KINEMA_SOURCE_DIR "/test/runtime/Package/names/torchvision_" + model + ".txt");
  std::set<std::string> names;
  for (std::string name, shape; file >> name;) {
    if (name.ends_with("num_batches_tracked"))
      continue;
    file >> shape;
    names.insert(name);
  }
  return names;
}

void addConv(std::set<std::string> &names, const std::string &path) {
  names.insert(path + ".weight");
  for (const char *name : {"weight", "bias", "running_mean", "running_var"})
    names.insert(path + ".bn." + name);
}

// Kinema's names of a network of two basic blocks a stage.
std::set<std::string> kinemaNames(bool factorised) {
  std::set<std::string> names = {"fc.weight", "fc.bias"};
  auto add = [&](const std::string &path) {
    for (const char *part : {".spatial", ".temporal"})
      addConv(names, factorised ? path + part : path);
  };
  add("stem");
  for (int stage = 1; stage <= 4; ++stage)
    for (int block = 0; block < 2; ++block) {
      std::string path = fmt::format("stage{}.{}", stage, block);
      add(path + ".conv1");
      add(path + ".conv2");
      if (stage > 1 && block == 0)
        addConv(names, path + ".shortcut");
    }
  return names;
}

} // namespace

TEST(Names, TorchvisionNamesAreThoseOfItsModels) {
  Naming naming = findNaming("torchvision");
  for (const char *model : {"r3d_18", "mc3_18", "r2plus1d_18"}) {
    std::set<std::string> mapped;
    for (const std::string &name : kinemaNames(model == std::string("r2plus1d_18"))) {
      const std::string inFile = naming.find(name);
      EXPECT_NE(inFile, "") << name;
      EXPECT_TRUE(mapped.insert(inFile).second) << name << " and another name are both " << inFile;
      const std::vector<std::string> back = naming.inNetwork(inFile);
      EXPECT_NE(std::ranges::find(back, name), back.end()) << inFile;
    }
    EXPECT_EQ(mapped, torchvisionNames(model)) << model;
  }
}

TEST(Names, UnknownNames) {
  EXPECT_EQ(findNaming("torchvision").find("mixed_3b.b1.weight"), "");
  EXPECT_EQ(
      errorOf([] { findNaming("torchvision").inFile("mixed_3b.b1.weight"); }),
      "parameter mixed_3b.b1.weight has no name in the naming torchvision; leave --names out to use the "
      "spec's names, or name a file of names");
  std::string error = errorOf([] { findNaming("torchvisio"); });
  EXPECT_TRUE(error.starts_with("there is no naming 'torchvisio', nor such a file of names; did you mean "
                                "'torchvision'?; there are kinema, mmaction2"))
      << error;
  for (const char *own : {"", "kinema"})
    EXPECT_EQ(findNaming(own).inFile("anything"), "anything");
}

// A rule works in both directions, whatever its placeholders stand for.
TEST(Names, RulesWorkInBothDirections) {
  Naming naming = parseNaming("# a comment\n"
                              "{c} = conv1:a conv2:b # another one\n"
                              "{s} = 1:2 2:3\n"
                              "s{s}.{c}.{n}.w -> {c}_{n}_s{s} [O I H W]\n"
                              "\n"
                              "use torchvision-2d\n",
                              "mine");
  EXPECT_EQ(naming.find("s1.conv2.10.w"), "b_10_s2");
  EXPECT_EQ(naming.inNetwork("b_10_s2"), std::vector<std::string>{"s1.conv2.10.w"});
  EXPECT_EQ(naming.find("s3.conv2.10.w"), "") << "it has no value 3";
  EXPECT_EQ(naming.find("s1.conv2.x.w"), "") << "x is no number";
  EXPECT_EQ(naming.find("stage1.0.conv2.bn.bias"), "layer1.0.bn2.bias") << "by the naming that is used";
  EXPECT_EQ(naming.inNetwork("layer1.0.bn2.bias"), std::vector<std::string>{"stage1.0.conv2.bn.bias"});
}

TEST(Names, ANumberMayStandBesideDigits) {
  Naming naming = parseNaming("a{n}.{m} -> b{n}1{m}\n", "mine");
  EXPECT_EQ(naming.find("a21.3"), "b2113");
  EXPECT_EQ(naming.inNetwork("b2113"), (std::vector<std::string>{"a21.3", "a2.13"}));
}

TEST(Names, OneTensorMayBeSeveralParameters) {
  Naming naming = parseNaming("{t} = flow rgb\n{t}.stem.weight -> conv1.weight\n", "mine");
  EXPECT_EQ(naming.find("rgb.stem.weight"), "conv1.weight");
  EXPECT_EQ(naming.inNetwork("conv1.weight"),
            (std::vector<std::string>{"flow.stem.weight", "rgb.stem.weight"}));
}

TEST(Names, ShapesInFiles) {
  Naming naming = findNaming("torchvision-2d");
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(naming.shapeInFile("stem.weight", {64, 3, 1, 7, 7}), (Shape{64, 3, 7, 7}));
  EXPECT_EQ(naming.shapeInFile("stem.bn.weight", {64}), (Shape{64}));
  EXPECT_EQ(naming.shapeInFile("fc.weight", {5, 64, 1, 1, 1}), (Shape{5, 64}));
  EXPECT_EQ(naming.shapeInFile("fc.weight", {5, 64}), (Shape{5, 64}));
  EXPECT_EQ(findNaming("").shapeInFile("fc.weight", {5, 64, 1, 1, 1}), (Shape{5, 64, 1, 1, 1}));
  EXPECT_EQ(errorOf([&] { naming.shapeInFile("stem.weight", {64, 3, 3, 7, 7}); }),
            "parameter stem.weight is [64, 3, 3, 7, 7], and torchvision-2d has no axis T in it: a network of "
            "this naming has 1 there");
}

TEST(Names, FaultsOfAFileOfNames) {
  auto error = [](const std::string &text) { return errorOf([&] { parseNaming(text, "f"); }); };
  EXPECT_EQ(error("# nothing\n"), "f has no rules; a line of one is `stem.bn.weight -> bn1.weight`");
  EXPECT_EQ(error("\na b\n"),
            "f:2: expected NAME -> NAME IN THE FILE, {PLACEHOLDER} = TEXT ..., or use NAMING");
  EXPECT_EQ(error("\xff\xfe a\n").substr(0, 13), "f:1: expected");
  EXPECT_EQ(error("a{n} -> b\n"),
            "f:1: {n} stands before the arrow alone, so its values must be listed: {n} = 0 1 2");
  EXPECT_EQ(error("a -> b{n}\n"), "f:1: {n} stands behind the arrow alone, so nothing says what it is");
  EXPECT_EQ(error("a{n}{n} -> b{n}\n"), "f:1: {n} stands twice on one side of the arrow");
  EXPECT_EQ(error("a{n -> b\n"), "f:1: a placeholder is not closed: {n");
  EXPECT_EQ(error("n = 1 2\n"), "f:1: a placeholder is declared as {NAME} = TEXT ..., found n");
  EXPECT_TRUE(
      error("use theirs\n").starts_with("f:1: there is no naming 'theirs' to use; there are mmaction2"));
  for (const char *axes : {"[O H I]", "[O I", "[X]", "O I", "[]"})
    EXPECT_EQ(error(std::string("a -> b ") + axes + "\n").substr(0, 75),
              "f:1: the axes that a file has are some of [O I T H W], in this order, found")
        << axes;
}

// Each of the namings that are known by name can be read, and is free of names that lead back to nothing.
TEST(Names, AllNamingsAreTables) {
  EXPECT_GE(namingNames().size(), 11u);
  for (const std::string &name : namingNames())
    EXPECT_EQ(findNaming(name).name(), name);
}

TEST(Names, AFileOfNames) {
  TemporaryFolder folder;
  folder.write("mine", "stem.weight -> first\n");
  EXPECT_EQ(findNaming(folder / "mine").find("stem.weight"), "first");
}
