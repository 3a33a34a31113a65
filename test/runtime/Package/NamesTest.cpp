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
  NameMap names = findNames("torchvision");
  for (const char *model : {"r3d_18", "mc3_18", "r2plus1d_18"}) {
    std::set<std::string> mapped;
    for (const std::string &name : kinemaNames(model == std::string("r2plus1d_18"))) {
      EXPECT_NE(names(name), "") << name;
      EXPECT_TRUE(mapped.insert(names(name)).second) << name << " and another name are both " << names(name);
    }
    EXPECT_EQ(mapped, torchvisionNames(model)) << model;
  }
}

TEST(Names, UnknownNames) {
  EXPECT_EQ(findNames("torchvision")("mixed_3b.b1.weight"), "");
  EXPECT_EQ(
      errorOf([] { nameInFile(findNames("torchvision"), "mixed_3b.b1.weight"); }),
      "parameter mixed_3b.b1.weight has no name in the chosen naming; leave --names out to use the spec's "
      "names");
  EXPECT_EQ(errorOf([] { findNames("caffe"); }), "--names: there is no naming 'caffe'; there is torchvision");
  EXPECT_EQ(nameInFile(findNames(""), "anything"), "anything");
}
