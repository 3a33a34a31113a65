#include "compiler/Inspect/Blocks.h"
#include "test/compiler/Expand/Expand.h"

using namespace kinema;
using namespace kinema::test;
using inspect::BlockRow;
using inspect::NetworkBlock;

namespace {

std::vector<NetworkBlock> blocksOfBody(const std::string &body) {
  Expanded net = expandText("network net {\n  input rgb 3x4x16x16\n" + body + "\n}\n");
  EXPECT_TRUE(net.module) << net.errors();
  return inspect::blocksOf(net.table());
}

/// Returns "label: what; ..." of a form.
std::string rowsOf(const NetworkBlock &block, size_t form = 0) {
  std::string text;
  for (const BlockRow &row : block.forms.at(form).rows)
    text += row.label + ": " + row.what + "; ";
  return text;
}

TEST(Blocks, AreTheCallsOfTheNetwork) {
  auto blocks = blocksOfBody(
      "  stem: conv(2+1)d ch=8 mid=6 stride=1x2x2\n  stage conv3d ch=8 x2\n  pool avg global -> fc 5");
  ASSERT_EQ(blocks.size(), 4u);
  EXPECT_EQ(blocks[0].name, "stem");
  EXPECT_EQ(rowsOf(blocks[0]), "conv(2+1)d: 1x3x3 6, 3x1x1 8; ");
  EXPECT_EQ(blocks[0].stride(), "1x2x2");
  EXPECT_EQ(blocks[0].sources, std::vector<int64_t>{-1});
  EXPECT_EQ(blocks[1].name, "stage1");
  EXPECT_EQ(blocks[1].copies, 2);
  EXPECT_EQ(blocks[1].forms.size(), 1u);
  EXPECT_EQ(rowsOf(blocks[1]), "conv1, conv2: 3x3x3 8; : residual; ");
  EXPECT_EQ(blocks[1].stride(), "");
  EXPECT_EQ(blocks[1].parameters, 4 * (8 * 8 * 27 + 16));
  EXPECT_EQ(rowsOf(blocks[2]), ": average pool; ");
  EXPECT_EQ(rowsOf(blocks[3]), ": fc 5; ");
  EXPECT_EQ(blocks[3].sources, std::vector<int64_t>{2});
}

TEST(Blocks, HaveAFormForEachKindThatTakesTurns) {
  auto blocks = blocksOfBody("  stage conv3d|conv2d ch=8 x3 stride=2 -> pool avg global -> fc 5");
  ASSERT_EQ(blocks[0].forms.size(), 2u);
  EXPECT_EQ(blocks[0].forms[0].copies, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(blocks[0].forms[1].copies, std::vector<int64_t>{1});
  EXPECT_EQ(rowsOf(blocks[0]), "conv1, conv2: 3x3x3 8; shortcut of copy 0: 1x1x1 8; : residual; ");
  EXPECT_EQ(rowsOf(blocks[0], 1), "conv1, conv2: 1x3x3 8; : residual; ");
}

TEST(Blocks, StandInStreamsAndTakeFromOthers) {
  auto blocks = blocksOfBody("  stream fast { stem: conv3d ch=8 }\n"
                             "  stream slow { stem: conv3d ch=4 -> concat fast.stem -> pool avg global }\n"
                             "  from slow -> fc 5");
  ASSERT_EQ(blocks.size(), 5u);
  EXPECT_EQ(blocks[0].stream, "fast");
  EXPECT_EQ(blocks[1].stream, "slow");
  EXPECT_EQ(blocks[2].name, "slow.concat");
  EXPECT_EQ(blocks[2].sources, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(blocks[4].stream, "");
}

TEST(Blocks, AreJoinsWithTheirBranches) {
  auto blocks =
      blocksOfBody("  add {\n    conv3d ch=8\n    bias: param [8 1 1 1]\n  }\n  pool avg global -> fc 5");
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[0].name, "add");
  EXPECT_EQ(blocks[0].parameters, 8 * 3 * 27 + 16 + 8);
}

TEST(Blocks, OfOneNameAreTwo) {
  Expanded net = expandText(
      "block quiet {\n  relu\n}\nnetwork net {\n  input rgb 3x4x16x16\n  quiet -> conv3d ch=4 -> quiet -> "
      "pool avg global -> fc 5\n}\n");
  ASSERT_TRUE(net.module) << net.errors();
  auto blocks = inspect::blocksOf(net.table());
  EXPECT_EQ(blocks[0].name, "quiet");
  EXPECT_EQ(blocks[2].name, "quiet2");
}

TEST(Blocks, TakePartInEachNetworkOnce) {
  for (const char *name : {"slowfast_50_4x16", "timesformer_b", "i3d", "x3d_m"}) {
    Expanded net = expandModel(name);
    inspect::LayerTable table = net.table();
    int64_t parameters = 0, macs = 0;
    for (const NetworkBlock &block : inspect::blocksOf(table)) {
      parameters += block.parameters;
      macs += block.macs;
      EXPECT_FALSE(block.out.empty()) << name << " " << block.name;
    }
    EXPECT_EQ(parameters, table.parameters) << name;
    EXPECT_EQ(macs, table.macs) << name;
  }
}

TEST(Blocks, CountsAreShort) {
  EXPECT_EQ(inspect::shortCount(999), "999");
  EXPECT_EQ(inspect::shortCount(15473), "15.5 k");
  EXPECT_EQ(inspect::shortCount(999600), "1.00 M");
  EXPECT_EQ(inspect::shortCount(33370839), "33.4 M");
  EXPECT_EQ(inspect::shortCount(111153143808), "111 G");
}

} // namespace
