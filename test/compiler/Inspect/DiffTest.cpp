#include "compiler/Inspect/Diff.h"
#include "test/compiler/Expand/Expand.h"

#include <gmock/gmock.h>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;
using testing::Not;

namespace {

FrontendOptions oneClip() {
  FrontendOptions options;
  options.batch = 1;
  return options;
}

/// Compares two networks, each of which is the text of its body.
struct Compared {
  Compared(const std::string &one, const std::string &other)
      : a(tableOf(one)), b(tableOf(other)), difference(inspect::compareNetworks(a, b)) {}

  static inspect::LayerTable tableOf(const std::string &body) {
    Expanded net = expandText("network net {\n  input rgb 3x4x16x16\n" + body + "\n}\n", oneClip());
    EXPECT_TRUE(net.module) << net.errors();
    return net.table();
  }

  std::string text() const { return inspect::toText(difference); }
  /// Returns the changes of A's layer, or of B's where A has none of that name, "mid 6 -> 8; ...".
  std::string changesOf(const std::string &layer) const {
    std::string text;
    for (const inspect::LayerDifference &found : difference.layers) {
      const inspect::Layer &row = found.layers.a ? a.layers[*found.layers.a] : b.layers[*found.layers.b];
      for (const inspect::Change &change : found.changes)
        if (row.name == layer)
          text += change.part + "|" + change.what + "|" + change.a + "|" + change.b + ";";
    }
    return text;
  }

  inspect::LayerTable a, b;
  inspect::NetworkDifference difference;
};

TEST(Diff, ExplainsThePapersR2Plus1D) {
  inspect::LayerTable paper = expandModel("r2plus1d_18", oneClip()).table(),
                      torchvision = expandModel("torchvision/r2plus1d_18", oneClip()).table();
  inspect::NetworkDifference difference = inspect::compareNetworks(paper, torchvision);
  EXPECT_EQ(inspect::toText(difference),
            R"(                               A                     B              B less A
layers                        30                    30                     0
parameters            33,370,839            31,505,325            -1,865,514
macs              41,496,308,736        40,519,080,960          -977,227,776

layer           parameters          macs  what differs, A -> B
stage2.0.conv2     -89,204  -558,759,936  mid 288 -> 230
stage3.0.conv2    -356,584  -279,379,968  mid 576 -> 460
stage4.0.conv2  -1,419,726  -139,087,872  mid 1152 -> 921
total           -1,865,514  -977,227,776

in 20 layers (stem, stage1.0.conv1 and others): batch_norm eps 0.001 -> 1e-05
)");
}

TEST(Diff, OfOneNetworkIsEmpty) {
  const char *body = "  stem: conv(2+1)d ch=8 -> pool avg global -> fc 5";
  EXPECT_TRUE(Compared(body, body).difference.isEmpty());
}

TEST(Diff, TellsWhatALayerIsToldOtherwise) {
  Compared compared(
      "  stem: conv3d ch=8 -> next: conv3d ch=8 stride=1x2x2 act=none -> pool avg global -> fc 5",
      "  stem: conv3d t=5 ch=8 bn=off -> next: conv2d ch=12 act=sigmoid groups=4 -> pool avg global -> fc 6");
  EXPECT_EQ(compared.changesOf("stem"),
            "|kernel|3x3x3|5x3x3;|padding|1x1x1|2x1x1;|operations|batch_norm|;"
            "|initialisation of bn.weight|constant value 1|;|initialisation of bn.bias|constant value 0|;"
            "|initialisation of bias||constant value 0;");
  EXPECT_THAT(compared.changesOf("next"), HasSubstr("|kind|conv3d|conv2d;|out|8x4x8x8|12x4x16x16;"));
  EXPECT_THAT(compared.changesOf("next"), HasSubstr("|stride|1x2x2|1x1x1;"));
  EXPECT_THAT(compared.changesOf("next"), HasSubstr("|operations||sigmoid;"));
  EXPECT_EQ(compared.changesOf("pool"), "|channels out|8|12;|kernel|4x8x8|4x16x16;|stride|4x8x8|4x16x16;");
  EXPECT_THAT(compared.text(), HasSubstr("classes 5 -> 6\n"));
}

TEST(Diff, SumsUpToTheTotals) {
  Compared compared("  stem: conv(2+1)d ch=8 -> stage conv3d ch=8 x2 -> pool avg global -> fc 5",
                    "  first: conv3d ch=6 -> stage conv(2+1)d ch=16 stride=2 x1 -> se: conv 1x1x1 ch=4 -> "
                    "pool avg global -> fc 5");
  int64_t parameters = 0, macs = 0;
  for (const inspect::LayerDifference &found : compared.difference.layers) {
    parameters += found.parameters;
    macs += found.macs;
  }
  EXPECT_EQ(parameters, compared.b.parameters - compared.a.parameters);
  EXPECT_EQ(macs, compared.b.macs - compared.a.macs);
  EXPECT_NE(parameters, 0);
}

TEST(Diff, PairsRenamedLayersByWhatTheyAre) {
  Compared compared("  stem: conv3d ch=8 -> a: conv3d ch=8 -> b: conv3d ch=16 -> pool avg global -> fc 5",
                    "  first: conv3d ch=8 -> between: conv 1x1x1 ch=8 -> a: conv3d ch=8 -> d: conv3d ch=16 "
                    "-> pool avg global -> fc 5");
  EXPECT_EQ(compared.changesOf("stem"), "|name|stem|first;");
  EXPECT_EQ(compared.changesOf("b"), "|name|b|d;");
  EXPECT_THAT(compared.text(), HasSubstr("in B alone: conv 8x4x16x16, 1x1x1\n"));
  EXPECT_EQ(compared.changesOf("a"), "|takes|stem|between;");
}

TEST(Diff, PairsLayersOfOneNameInAnyOrder) {
  Compared compared(
      "  a: conv3d ch=8 -> b: conv 1x1x1 ch=8 -> d: conv 3x1x1 ch=8 -> pool avg global -> fc 5",
      "  b: conv 1x1x1 ch=8 -> d: conv 3x1x1 ch=8 -> a: conv3d ch=8 -> pool avg global -> fc 5");
  std::vector<inspect::LayerPair> pairs = inspect::align(compared.a, compared.b);
  ASSERT_EQ(pairs.size(), 5u);
  for (const inspect::LayerPair &pair : pairs)
    EXPECT_EQ(compared.a.layers[*pair.a].name, compared.b.layers[*pair.b].name);
}

TEST(Diff, SaysThatFormulasAndConstantsDiffer) {
  Compared formulas("  stem: conv3d ch=8 act=swish -> pool avg global -> fc 5",
                    "  stem: conv3d ch=8 act=gelu -> pool avg global -> fc 5");
  EXPECT_EQ(formulas.changesOf("stem"), "|map formula|one|another;");
  Compared inits("  stem: conv3d ch=8 -> pool avg global -> fc 5",
                 "  set conv.init=zero\n  stem: conv3d ch=8 -> pool avg global -> fc 5");
  EXPECT_THAT(inits.changesOf("stem"), HasSubstr("|initialisation of weight|he_normal fan out|"));
}

TEST(Diff, OfNetworksWithLearnedTensors) {
  Compared compared(
      "  add {\n    conv3d ch=8\n    bias: param [8 1 1 1]\n  }\n  pool avg global -> fc 5",
      "  add {\n    conv3d ch=8\n    bias: param [8 4 1 1] init=normal\n  }\n  pool avg global -> fc 5");
  EXPECT_EQ(compared.difference.parameters, 24);
  EXPECT_THAT(compared.changesOf("bias"), HasSubstr("|initialisation of "));
}

TEST(Diff, SaysThatSomethingElseIsComputed) {
  const char *body = "  stem: conv3d ch=8 -> pool avg global -> fc 5";
  inspect::LayerTable one = Compared::tableOf(body), other = one;
  one.digest = "1";
  other.digest = "2";
  EXPECT_THAT(inspect::toText(inspect::compareNetworks(one, other)),
              HasSubstr("what is computed one -> another\n"));
}

TEST(Diff, IsJson) {
  Compared compared("  stem: conv(2+1)d ch=8 mid=6 -> pool avg global -> fc 5",
                    "  stem: conv(2+1)d ch=8 mid=7 -> dropout 0.5 -> pool avg global -> fc 5");
  nlohmann::json json = inspect::toJson(compared.difference);
  EXPECT_EQ(json["parameters"]["difference"], 27 + 2 + 24);
  EXPECT_EQ(json["layers"][0]["a"], "stem");
  EXPECT_EQ(json["layers"][0]["changes"],
            nlohmann::json::parse(R"([{"part": "", "what": "mid", "a": "6", "b": "7"}])"));
  EXPECT_TRUE(json["layers"][1]["a"].is_null());
  EXPECT_EQ(json["layers"][1]["b"], "dropout");
  EXPECT_TRUE(json["network"].empty());
}

} // namespace
