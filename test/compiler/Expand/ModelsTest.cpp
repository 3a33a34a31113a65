// The networks of models/: parameters and multiply-adds, exact, against published and counted figures.
#include "Expand.h"

#include "llvm/ADT/SetVector.h"

using namespace kinema;
using namespace kinema::test;

namespace {

struct Figures {
  const char *name;
  int64_t frames;
  int64_t weights; // of convs and fc
  int64_t total;   // trained numbers
  int64_t macs;    // convs and fc, a clip
  double gmacs;    // as published; 0: nowhere
};

std::ostream &operator<<(std::ostream &os, const Figures &figures) {
  return os << figures.name << ", " << figures.frames << " frames";
}

class Models : public testing::TestWithParam<Figures> {};

TEST_P(Models, HaveTheirParametersAndMacs) {
  const Figures &wanted = GetParam();
  FrontendOptions options;
  options.frames = wanted.frames;
  Expanded network = expandModel(wanted.name, options);
  ASSERT_TRUE(network.module);
  inspect::LayerTable table = network.table();
  EXPECT_EQ(table.weights, wanted.weights);
  EXPECT_EQ(table.parameters, wanted.total);
  EXPECT_EQ(table.macs, wanted.macs);
  if (wanted.gmacs) // rounded to four digits there
    EXPECT_NEAR(table.macs / 1e9, wanted.gmacs, wanted.gmacs < 10 ? 0.0006 : 0.006);

  int64_t parameters = 0, macs = 0; // nothing is lost between the rows
  for (const inspect::Layer &layer : table.layers) {
    parameters += layer.parameters;
    macs += layer.macs;
  }
  EXPECT_EQ(parameters, wanted.total);
  EXPECT_EQ(macs, wanted.macs);
}

// 400 classes, 112 x 112.
INSTANTIATE_TEST_SUITE_P(ResNets, Models,
                         testing::Values(Figures{"r2d_18", 8, 11437568, 11447568, 1931780096, 1.932},
                                         Figures{"r2d_18", 16, 11512832, 11522832, 2167808000, 2.168},
                                         Figures{"f_r2d_18", 8, 11371712, 11381712, 13800611840, 13.80},
                                         Figures{"f_r2d_18", 16, 11371712, 11381712, 27601018880, 27.60},
                                         Figures{"r3d_18", 8, 33361472, 33371472, 20348379136, 20.35},
                                         Figures{"r3d_18", 16, 33361472, 33371472, 40696553472, 40.70},
                                         Figures{"mc2_18", 8, 11390528, 11400528, 14272667648, 14.27},
                                         Figures{"mc2_18", 16, 11390528, 11400528, 28545130496, 28.55},
                                         Figures{"mc3_18", 8, 11685440, 11695440, 21671419904, 21.67},
                                         Figures{"mc3_18", 16, 11685440, 11695440, 43342635008, 43.34},
                                         Figures{"mc4_18", 8, 12717632, 12727632, 19975872512, 19.98},
                                         Figures{"mc4_18", 16, 12717632, 12727632, 39951540224, 39.95},
                                         Figures{"mc5_18", 8, 16846400, 16856400, 19950182400, 19.95},
                                         Figures{"mc5_18", 16, 16846400, 16856400, 39900160000, 39.90},
                                         Figures{"rmc2_18", 8, 33342656, 33352656, 19876323328, 19.88},
                                         Figures{"rmc2_18", 16, 33342656, 33352656, 39752441856, 39.75},
                                         Figures{"rmc3_18", 8, 33047744, 33057744, 12477571072, 12.48},
                                         Figures{"rmc3_18", 16, 33047744, 33057744, 24954937344, 24.96},
                                         Figures{"rmc4_18", 8, 32015552, 32025552, 14545625088, 14.55},
                                         Figures{"rmc4_18", 16, 32015552, 32025552, 29091045376, 29.09},
                                         Figures{"rmc5_18", 8, 27886784, 27896784, 15393398784, 15.39},
                                         Figures{"rmc5_18", 16, 27886784, 27896784, 30786592768, 30.79},
                                         Figures{"r2plus1d_18", 8, 33344279, 33370839, 20748256768, 20.75},
                                         Figures{"r2plus1d_18", 16, 33344279, 33370839, 41496308736, 41.50},
                                         Figures{"r2plus1d_34", 8, 63646487, 63697175, 38089082368, 0},
                                         Figures{"r2plus1d_34", 16, 63646487, 63697175, 76177959936, 0},
                                         Figures{"r3d_34", 8, 63663680, 63681104, 37689204736, 0},
                                         Figures{"r3d_34", 16, 63663680, 63681104, 75378204672, 0}));
INSTANTIATE_TEST_SUITE_P(
    Torchvision, Models,
    testing::Values(Figures{"torchvision/r3d_18", 8, 33361472, 33371472, 20348379136, 20.35},
                    Figures{"torchvision/r3d_18", 16, 33361472, 33371472, 40696553472, 40.70},
                    Figures{"torchvision/mc3_18", 8, 11685440, 11695440, 21671419904, 21.67},
                    Figures{"torchvision/mc3_18", 16, 11685440, 11695440, 43342635008, 43.34},
                    Figures{"torchvision/r2plus1d_18", 8, 31479575, 31505325, 20259642880, 0},
                    Figures{"torchvision/r2plus1d_18", 16, 31479575, 31505325, 40519080960, 40.52}));
// These are compiled at their own sizes.
INSTANTIATE_TEST_SUITE_P(OtherFamilies, Models,
                         testing::Values(Figures{"ir_csn_50", 0, 13077632, 13131152, 42308519936, 0},
                                         Figures{"ip_csn_50", 0, 14335104, 14396176, 47652063232, 0},
                                         Figures{"resnext3d_101", 16, 48202560, 48340816, 9567715328, 0},
                                         Figures{"c3d", 0, 64943168, 64960016, 38533922816, 38.53},
                                         Figures{"i3d", 0, 12682304, 12697264, 111153143808, 0},
                                         Figures{"p3d_63", 0, 25687232, 25745232, 8441856000, 0},
                                         Figures{"x3d_xs", 0, 3758738, 3794322, 605256512, 0},
                                         Figures{"x3d_s", 0, 3758738, 3794322, 1962892112, 0},
                                         Figures{"x3d_m", 0, 3758738, 3794322, 4732468736, 0},
                                         Figures{"x3d_l", 0, 6079226, 6153432, 18367710176, 0},
                                         Figures{"videomae_b", 0, 86421504, 87739024, 180344893440, 0},
                                         Figures{"timesformer_b", 0, 121221120, 121564816, 195489214464, 0},
                                         Figures{"torchvision/s3d", 0, 8298432, 8320048, 17978771456,
                                                 17.98}));

/// The convs and fcs that scores come from, through averages, pools and other operations without weights.
void findClassifiers(mlir::Value value, llvm::SetVector<mlir::Operation *> &classifiers) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return;
  if (llvm::isa<clip::ConvOp, clip::LinearOp>(op)) {
    classifiers.insert(op);
    return;
  }
  for (mlir::Value operand : op->getOperands())
    findClassifiers(operand, classifiers);
}

class Beginnings : public testing::TestWithParam<const char *> {};

/// Scores that begin small make all classes about as probable, and the first loss about ln(classes).
TEST_P(Beginnings, OfScoresAreSmall) {
  Expanded network = expandModel(GetParam());
  ASSERT_TRUE(network.module);
  auto forward = llvm::cast<mlir::func::FuncOp>(network.module->lookupSymbol("forward"));
  llvm::SetVector<mlir::Operation *> classifiers;
  findClassifiers(forward.front().getTerminator()->getOperand(0), classifiers);
  ASSERT_FALSE(classifiers.empty());
  for (mlir::Operation *op : classifiers) {
    auto read = op->getOperand(1).getDefiningOp<clip::ReadOp>();
    auto parameter = network.module->lookupSymbol<clip::ParamOp>(read.getParam());
    EXPECT_EQ(parameter.getInit()->getAs<mlir::StringAttr>("kind").str(), "normal") << read.getParam().str();
    EXPECT_EQ(parameter.getInit()->getAs<mlir::FloatAttr>("std").getValueAsDouble(), 0.01);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Beginnings,
                         testing::Values("c3d", "f_r2d_18", "i3d", "ip_csn_50", "ir_csn_50", "mc3_18",
                                         "p3d_63", "r2d_18", "r2plus1d_34", "r3d_50_nl", "resnet152_frames",
                                         "resnext3d_101", "s3d_g", "slowfast_50_4x16", "st_resnet_50",
                                         "stm_resnet_50", "tour", "tsm_50", "tsm_mobilenet_v2",
                                         "two_stream_r2plus1d_34", "x3d_m", "x3d_l", "videomae_b",
                                         "timesformer_b"));

TEST(Options, ResizeFollowsASizeThatIsReplaced) {
  FrontendOptions options;
  options.height = options.width = 224;
  Expanded network =
      expandText("network net { input rgb 3x16x112x112 -> conv3d ch=4 -> pool avg global -> fc 3 }", options);
  ASSERT_TRUE(network.module) << network.errors();
  auto resize =
      network.fact("clip.recipe").getAs<mlir::DictionaryAttr>("data").getAs<mlir::ArrayAttr>("resize");
  EXPECT_EQ(llvm::cast<mlir::IntegerAttr>(resize[0]).getInt(), 256);
  EXPECT_EQ(llvm::cast<mlir::IntegerAttr>(resize[1]).getInt(), 342);
}

TEST(Options, FramesAreThoseOfAClip) {
  FrontendOptions options;
  options.frames = 30;
  Expanded network = expandText("network net {\n  stream a { input rgb 3x16x8x8 -> pool avg global }\n"
                                "  stream b { input gray 1x2x8x8 every=8 -> pool avg global }\n"
                                "  from a -> concat b -> fc 3\n}",
                                options);
  ASSERT_TRUE(network.module) << network.errors();
  EXPECT_EQ(network.table().inputs, (std::vector<std::vector<int64_t>>{{3, 30, 8, 8}, {1, 4, 8, 8}}));
  auto frames =
      network.fact("clip.recipe").getAs<mlir::DictionaryAttr>("data").getAs<mlir::IntegerAttr>("frames");
  EXPECT_EQ(frames.getInt(), 30);
}

std::vector<int64_t> midChannels(inspect::LayerTable table) {
  std::vector<int64_t> result;
  for (const inspect::Layer &layer : table.layers)
    if (layer.mid)
      result.push_back(layer.mid);
  return result;
}

// M_i = floor(t d^2 N_in N_out / (d^2 N_in + t N_out)) for each conv; torchvision's of the first for both of
// a block.
TEST(MidChannels, FollowTheFormula) {
  EXPECT_EQ(midChannels(expandModel("r2plus1d_18").table()),
            (std::vector<int64_t>{45, 144, 144, 144, 144, 230, 288, 288, 288, 460, 576, 576, 576, 921, 1152,
                                  1152, 1152}));
  EXPECT_EQ(midChannels(expandModel("torchvision/r2plus1d_18").table()),
            (std::vector<int64_t>{45, 144, 144, 144, 144, 230, 230, 288, 288, 460, 460, 576, 576, 921, 921,
                                  1152, 1152}));
}

TEST(Options, ReplaceSizesClassesAndBatch) {
  FrontendOptions options;
  options.batch = 2;
  options.frames = 5;
  options.height = 56;
  options.width = 72;
  options.classes = 7;
  Expanded network = expandModel("r3d_18", options);
  ASSERT_TRUE(network.module);
  inspect::LayerTable table = network.table();
  EXPECT_EQ(table.inputs, (std::vector<std::vector<int64_t>>{{3, 5, 56, 72}}));
  EXPECT_EQ(table.classes, 7);
  EXPECT_EQ(table.batch, 2);
  auto data = network.fact("clip.recipe").getAs<mlir::DictionaryAttr>("data");
  EXPECT_EQ(data.getAs<mlir::IntegerAttr>("frames").getInt(), 5);
}

TEST(Options, ReplaceSizesThatAreNoParameters) {
  FrontendOptions options;
  options.frames = 4;
  options.height = options.width = 20;
  Expanded network = expandText(
      "network net {\n  input rgb 3x16x112x112\n  conv3d ch=4\n  pool avg global -> fc 3\n}\n", options);
  ASSERT_TRUE(network.module) << network.errors();
  EXPECT_EQ(network.table().inputs, (std::vector<std::vector<int64_t>>{{3, 4, 20, 20}}));
  auto recipe = network.fact("clip.recipe");
  EXPECT_EQ(recipe.getAs<mlir::DictionaryAttr>("data").getAs<mlir::IntegerAttr>("frames").getInt(), 4);
}

TEST(Streams, MayNeedEachOther) {
  Expanded network = expandText(R"(
network net {
  input rgb 3x8x16x16
  stream a {
    one: conv3d ch=4
    two: add b.one
  }
  stream b {
    one: conv3d ch=4
    two: add a.two
  }
  from a -> add b
  pool avg global -> fc 4
}
)");
  ASSERT_TRUE(network.module) << network.errors();
  auto module = *network.module;
  EXPECT_TRUE(module.lookupSymbol("a.one.weight"));
  EXPECT_TRUE(module.lookupSymbol("b.one.bn.running_var"));
  EXPECT_EQ(network.table().parameters, 4 * 3 * 27 * 2 + 16 + 4 * 4 + 4);
}

TEST(Settings, ReachWhatIsCalledUntilTheBodyEnds) {
  Expanded network = expandText(R"(
block narrow { set conv.bn=off -> one: conv 1x1x1 ch=4 }
network net {
  set bn.eps=1e-5
  input rgb 3x8x16x16
  a: narrow
  two: conv 1x1x1 ch=4
  pool avg global -> fc 4
}
)");
  ASSERT_TRUE(network.module) << network.errors();
  EXPECT_TRUE(network.module->lookupSymbol("a.one.bias")); // bias=auto: on where batch norm is off
  EXPECT_FALSE(network.module->lookupSymbol("two.bias"));
  unsigned count = 0;
  network.module->walk([&](clip::BatchNormOp op) {
    ++count;
    EXPECT_EQ(op.getEps().convertToDouble(), 1e-5);
    EXPECT_TRUE(op.getUnbiased());
  });
  EXPECT_EQ(count, 1u);
}

} // namespace
