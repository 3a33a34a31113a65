#include "test/compiler/Expand/Expand.h"

using namespace kinema;
using namespace kinema::test;

namespace {

constexpr const char *spec = R"(
network net classes=5 {
  input rgb 3x8x16x16
  stem: conv(2+1)d ch=8 mid=6 stride=1x2x2
  stage conv3d ch=16 x1 stride=2
  pool avg global -> dropout 0.5 -> fc classes
}
)";

TEST(LayerTable, IsTextThatLinesUp) {
  EXPECT_EQ(inspect::toText(expandText(spec).table()),
            R"(net: 3x8x16x16 -> 5 classes, batch 32
layer              kind        in         out       mid  parameters     macs   bytes
stem               conv(2+1)d  3x8x16x16  8x8x8x8     6         334  156,672  28,672
stage1.0.conv1     conv3d      8x8x8x8    16x4x4x4            3,488  221,184   4,096
stage1.0.conv2     conv3d      16x4x4x4   16x4x4x4            6,944  442,368   4,096
stage1.0.shortcut  conv        8x8x8x8    16x4x4x4              160    8,192   4,096
stage1.0.residual  residual    16x4x4x4   16x4x4x4                             4,096
pool               pool        16x4x4x4   16x1x1x1                                64
dropout            dropout     16x1x1x1   16x1x1x1                                 0
fc                 fc          16x1x1x1   5x1x1x1                85       80      20
total                                                        11,011  828,496  45,140
parameters: 11,011, of these in convs and fc: 10,882
macs: 828,496 a clip (convs, fc and attention)
)");
}

TEST(LayerTable, IsJson) {
  nlohmann::json json = inspect::toJson(expandText(spec).table());
  EXPECT_EQ(json["name"], "net");
  EXPECT_EQ(json["classes"], 5);
  EXPECT_EQ(json["inputs"], nlohmann::json::parse("[[3, 8, 16, 16]]"));
  EXPECT_EQ(json["layers"][0], nlohmann::json::parse(R"({
    "name": "stem", "kind": "conv(2+1)d", "in": [3, 8, 16, 16], "out": [8, 8, 8, 8], "mid": 6,
    "parameters": 334, "macs": 156672, "activation_bytes": 28672})"));
  EXPECT_EQ(json["layers"][3]["name"], "stage1.0.shortcut");
  EXPECT_TRUE(json["layers"][3]["mid"].is_null());
  EXPECT_EQ(json["layers"].back()["kind"], "fc");
  EXPECT_EQ(json["parameters"]["conv_fc"], 6 * 27 + 8 * 18 + 16 * 8 * 27 + 16 * 16 * 27 + 16 * 8 + 5 * 16);
  EXPECT_EQ(json["parameters"]["total"],
            json["parameters"]["conv_fc"].get<int64_t>() + 2 * (6 + 8 + 16 * 3) + 5);
}

TEST(LayerTable, WantsANetwork) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::string said;
  mlir::ScopedDiagnosticHandler listening(&context,
                                          [&](mlir::Diagnostic &diagnostic) { said = diagnostic.str(); });
  mlir::OwningOpRef<mlir::ModuleOp> empty(mlir::ModuleOp::create(mlir::UnknownLoc::get(&context)));
  EXPECT_TRUE(failed(inspect::describeNetwork(*empty)));
  EXPECT_EQ(said, "is no network in the phase clip: no @forward, or no facts about its layers");
}

} // namespace
