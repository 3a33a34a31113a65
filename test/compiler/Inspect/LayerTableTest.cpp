#include "test/compiler/Expand/Expand.h"

#include <set>

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

/// Returns the sum of the costs of the steps that the network's own body has, in which all others lie.
inspect::Cost costOfBody(Expanded &net, const Trace &trace) {
  const inspect::LayerTable table = net.table();
  const inspect::Costs costs(*net.module, table);
  std::set<const dsl::Stmt *> own;
  auto add = [&](const dsl::Body &body) {
    for (const dsl::Chain &chain : body.chains)
      for (const dsl::StmtPtr &statement : chain.statements)
        own.insert(statement.get());
  };
  add(net.spec->program.network->body);
  dsl::visitStatements(net.spec->program.network->body, [&](const dsl::Stmt &statement) {
    if (const auto *stream = llvm::dyn_cast<dsl::StreamStmt>(&statement))
      add(stream->body);
  });
  inspect::Cost sum;
  for (const Step &step : trace)
    if (own.count(step.statement)) {
      const inspect::Cost cost = costs.of(step.operations);
      sum.parameters += cost.parameters;
      sum.macs += cost.macs;
      sum.activationBytes += cost.activationBytes;
    }
  return sum;
}

TEST(Costs, OfStatementsAddUpToTheNetworks) {
  for (const char *model :
       {"r2plus1d_18", "slowfast_50_4x16", "movinet_a0", "video_swin_t", "s3d_g", "tour"}) {
    SCOPED_TRACE(model);
    Trace trace;
    FrontendOptions options;
    options.batch = 2;
    options.trace = &trace;
    Expanded net = expandModel(model, options);
    const inspect::Cost sum = costOfBody(net, trace);
    EXPECT_EQ(sum.parameters, net.table().parameters);
    EXPECT_EQ(sum.macs, net.table().macs);
    EXPECT_EQ(sum.activationBytes, net.table().activationBytes);
  }
}

TEST(Trace, HasTheValuesOfStatements) {
  Trace trace;
  FrontendOptions options;
  options.trace = &trace;
  Expanded net = expandText(spec, options);
  ASSERT_TRUE(net.module) << net.errors();
  auto last = [&](const char *text) {
    const Step *found = nullptr;
    for (const Step &step : trace)
      if (step.statement->location.file == 0 &&
          net.spec->program.sources.statementAt(step.statement->location).starts_with(text))
        found = &step;
    return found ? std::pair(inspect::shapeText(found->before), inspect::shapeText(found->after))
                 : std::pair<std::string, std::string>();
  };
  EXPECT_EQ(last("input"), std::pair(std::string(), std::string("3x8x16x16")));
  EXPECT_EQ(last("stem"), std::pair(std::string("3x8x16x16"), std::string("8x8x8x8")));
  EXPECT_EQ(last("stage"), std::pair(std::string("8x8x8x8"), std::string("16x4x4x4")));
  EXPECT_EQ(last("fc"), std::pair(std::string("16x1x1x1"), std::string("5x1x1x1")));
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
