// Names and shapes of weights: those of torchvision's state dicts, once the segments are translated.
#include "Expand.h"

#include <fstream>
#include <regex>
#include <set>

using namespace kinema;
using namespace kinema::test;

namespace {

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::string translate(std::string name) {
  // conv1.spatial + bn are torchvision's 0.0 and 0.1, temporal its 0.3, whose batch norm stands outside.
  static const std::pair<std::regex, const char *> rules[] = {
      {std::regex(R"(^stem\.spatial\.bn\.)"), "stem.1."},
      {std::regex(R"(^stem\.spatial\.)"), "stem.0."},
      {std::regex(R"(^stem\.temporal\.bn\.)"), "stem.4."},
      {std::regex(R"(^stem\.temporal\.)"), "stem.3."},
      {std::regex(R"(^stem\.bn\.)"), "stem.1."},
      {std::regex(R"(^stem\.weight)"), "stem.0.weight"},
      {std::regex(R"(^stage)"), "layer"},
      {std::regex(R"(\.shortcut\.bn\.)"), ".downsample.1."},
      {std::regex(R"(\.shortcut\.)"), ".downsample.0."},
      {std::regex(R"((\.conv[12])\.spatial\.bn\.)"), "$1.0.1."},
      {std::regex(R"((\.conv[12])\.spatial\.)"), "$1.0.0."},
      {std::regex(R"((\.conv[12])\.temporal\.bn\.)"), "$1.1."},
      {std::regex(R"((\.conv[12])\.temporal\.)"), "$1.0.3."},
      {std::regex(R"((\.conv[12])\.bn\.)"), "$1.1."},
      {std::regex(R"((\.conv[12])\.weight)"), "$1.0.weight"},
  };
  for (const auto &[pattern, replacement] : rules)
    name = std::regex_replace(name, pattern, replacement);
  return name;
}

std::set<std::string> stateDict(const std::string &name) {
  std::ifstream file(KINEMA_SOURCE_DIR "/test/compiler/Expand/Inputs/torchvision-" + name + ".txt");
  std::set<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.insert(line);
  return lines;
}

class TorchvisionNames : public testing::TestWithParam<const char *> {};

TEST_P(TorchvisionNames, AreTheStateDict) {
  Expanded network = expandModel(std::string("torchvision/") + GetParam());
  ASSERT_TRUE(network.module);
  std::set<std::string> found, wanted = stateDict(GetParam());
  for (auto param : network.module->getOps<clip::ParamOp>())
    found.insert(translate(param.getSymName().str()) + " " + shapeText(param.getTensorType().getShape()));
  EXPECT_GT(wanted.size(), 100u);
  EXPECT_EQ(found, wanted);
}

INSTANTIATE_TEST_SUITE_P(All, TorchvisionNames, testing::Values("r3d_18", "mc3_18", "r2plus1d_18"));

TEST(Names, AreThePathsOfLabels) {
  Expanded network = expandText(R"(
use inception
use p3d
block pair ch { a: conv 1x1x1 ch=ch -> _: conv2d ch=ch }
network net {
  input rgb 3x8x16x16
  conv3d ch=4
  b: pair 8 x2
  pair 8
  mixed 1 2 3 4 5 6
  stage p3d_b ch=8 block=bottleneck_v1 stride=1 x1
  stage conv2d ch=8
  pool avg global -> fc 4
}
)");
  // p3d_b has no stride of its own: bottleneck_v1 strides before it.
  ASSERT_TRUE(network.module) << network.errors();
  for (const char *name :
       {"conv.weight", "conv.bn.weight", "b.0.a.weight", "b.1.weight", "b.1.bn.running_mean", "pair.a.weight",
        "mixed.b2.weight", "stage1.0.conv2.spatial.weight", "stage1.0.conv2.temporal.bn.bias",
        "stage1.0.shortcut.weight", "stage2.0.conv1.weight", "fc.weight", "fc.bias"})
    EXPECT_TRUE(network.module->lookupSymbol(name)) << name;
}

TEST(Names, DoNotChangeWithTheBatch) {
  FrontendOptions options;
  options.batch = 3;
  Expanded one = expandModel("r2plus1d_18"), three = expandModel("r2plus1d_18", options);
  std::vector<std::string> a, b;
  for (auto param : one.module->getOps<clip::ParamOp>())
    a.push_back(param.getSymName().str());
  for (auto param : three.module->getOps<clip::ParamOp>())
    b.push_back(param.getSymName().str());
  EXPECT_EQ(a, b);
}

TEST(Inputs, OfOneKindAreToldApartByTheirStream) {
  Expanded network = expandText(R"(
network net {
  stream left { input rgb 3x8x16x16 -> conv3d ch=4 -> pool avg global }
  stream right { input rgb 3x2x16x16 every=4 -> conv3d ch=4 -> pool avg global }
  from left -> concat right -> fc 4
}
)");
  ASSERT_TRUE(network.module) << network.errors();
  auto inputs = network.fact("clip.network").getAs<mlir::ArrayAttr>("inputs");
  ASSERT_EQ(inputs.size(), 2u);
  auto name = [&](unsigned i) {
    return llvm::cast<mlir::DictionaryAttr>(inputs[i]).getAs<mlir::StringAttr>("name").str();
  };
  EXPECT_EQ(name(0), "rgb");
  EXPECT_EQ(name(1), "right.rgb");
  auto facts = [&](unsigned i) { return llvm::cast<mlir::DictionaryAttr>(inputs[i]); };
  EXPECT_FALSE(facts(0).get("every")); // so that the digest of networks with all frames stays
  EXPECT_EQ(facts(1).getAs<mlir::IntegerAttr>("every").getInt(), 4);
}

} // namespace
