#include "Support.h"

using namespace kinema::dsl;

namespace {

using Messages = std::vector<std::string>;

Recipe recipeOf(const std::string &sections, std::vector<std::string> overrides = {}) {
  Program program;
  Diagnostics diagnostics(program.sources);
  LoadOptions options;
  options.overrides = std::move(overrides);
  EXPECT_TRUE(loadText("net.arch", network("  relu") + sections, options, program, diagnostics))
      << diagnostics.render();
  return program.recipe;
}

TEST(Recipe, ThePapersIsTheDefault) {
  Recipe recipe = recipeOf("");
  EXPECT_EQ(recipe.data.frames, 16);
  EXPECT_EQ(recipe.data.resize, (std::array<int64_t, 2>{128, 171}));
  EXPECT_EQ(recipe.data.crop, (std::array<int64_t, 2>{112, 112}));
  EXPECT_EQ(recipe.eval.crop, (std::array<int64_t, 2>{112, 112}));
  EXPECT_EQ(recipe.train.epochs, 45);
  EXPECT_EQ(recipe.train.rate, 0.01);
  EXPECT_EQ(recipe.eval.report, (std::vector<std::string>{"clip_top1", "video_top1", "video_top5"}));
}

TEST(Recipe, AllStatements) {
  Recipe recipe = recipeOf(R"(
data {
  clip frames=16 every=2 fps=15 start=middle
  resize short=256
  crop 112x112 at=centre
  flip 0
  normalise mean=[1 2.5 3] std=[4 5 6]
  missing 1%
}
train {
  epochs 15 clips=1000
  batch 8
  sgd momentum=0.8 nesterov=off decay=0
  rate 0.1 warmup=0 every=4 factor=0.5 at=[5 10]
  loss cross_entropy smoothing=0.1
  seed 7
}
eval {
  clips 5 segments=16 spread=random
  crop at=three
  average logits
  report video_top1
}
)");
  EXPECT_EQ(recipe.data.every, 2);
  EXPECT_EQ(recipe.data.fps, 15);
  EXPECT_EQ(recipe.data.start, "middle");
  EXPECT_EQ(recipe.data.shortSide, 256);
  EXPECT_EQ(recipe.data.at, "centre");
  EXPECT_EQ(recipe.data.flip, 0);
  EXPECT_EQ(recipe.data.mean, (std::vector<double>{1, 2.5, 3}));
  EXPECT_EQ(recipe.data.std, (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(recipe.data.missing, 0.01);
  EXPECT_EQ(recipe.train.epochs, 15);
  EXPECT_EQ(recipe.train.clips, 1000);
  EXPECT_EQ(recipe.train.batch, 8);
  EXPECT_EQ(recipe.train.momentum, 0.8);
  EXPECT_FALSE(recipe.train.nesterov);
  EXPECT_EQ(recipe.train.decay, 0);
  EXPECT_EQ(recipe.train.rate, 0.1);
  EXPECT_EQ(recipe.train.warmup, 0);
  EXPECT_EQ(recipe.train.every, 4);
  EXPECT_EQ(recipe.train.factor, 0.5);
  EXPECT_EQ(recipe.train.at, (std::vector<double>{5, 10}));
  EXPECT_EQ(recipe.train.smoothing, 0.1);
  EXPECT_EQ(recipe.train.seed, 7);
  EXPECT_EQ(recipe.eval.clips, 5);
  EXPECT_EQ(recipe.eval.segments, 16);
  EXPECT_EQ(recipe.eval.spread, "random");
  EXPECT_EQ(recipe.eval.at, "three");
  EXPECT_EQ(recipe.eval.average, "logits");
  EXPECT_EQ(recipe.eval.report, (std::vector<std::string>{"video_top1"}));
}

TEST(Recipe, Optimisers) {
  EXPECT_EQ(recipeOf("").train.optimiser, "sgd");
  Recipe adamw =
      recipeOf("train { adamw beta1=0.8 beta2=0.99 epsilon=1e-6 decay=0.05 spare=[norms biases] }");
  EXPECT_EQ(adamw.train.optimiser, "adamw");
  EXPECT_EQ(adamw.train.beta1, 0.8);
  EXPECT_EQ(adamw.train.beta2, 0.99);
  EXPECT_EQ(adamw.train.epsilon, 1e-6);
  EXPECT_EQ(adamw.train.decay, 0.05);
  EXPECT_EQ(adamw.train.spare, (std::vector<std::string>{"norms", "biases"}));
  EXPECT_EQ(recipeOf("train { adamw }").train.optimiser, "adamw");
  Recipe lars = recipeOf("train { lars momentum=0.8 decay=0.5 trust=0.01 }");
  EXPECT_EQ(lars.train.optimiser, "lars");
  EXPECT_EQ(lars.train.momentum, 0.8);
  EXPECT_EQ(lars.train.trust, 0.01);
  EXPECT_EQ(recipeOf("train { lars }", {"train.optimiser=adamw"}).train.optimiser, "adamw");
  EXPECT_EQ(errorsOf(network("  relu") + "train { sgd momentum=0.5 -> adamw }"),
            "net.arch:5:29: error: a second optimiser, 'adamw' after 'sgd'\n"
            "    5 | train { sgd momentum=0.5 -> adamw }\n"
            "      |                             ^~~~~ a recipe has one of sgd, adamw, lars\n");
  EXPECT_EQ(messagesOf(network("  relu") + "train { adamw momentum=0.5 }"),
            (std::vector<std::string>{"5:15: error: 'adamw' has no argument 'momentum'"}));
}

TEST(Recipe, PartsWithRates) {
  Recipe recipe = recipeOf("train { parts stem.* *.bn.* stage1.0.conv1.weight rates=[0 0.5 2] }");
  EXPECT_EQ(recipe.train.parts, (std::vector<std::string>{"stem.*", "*.bn.*", "stage1.0.conv1.weight"}));
  EXPECT_EQ(recipe.train.rates, (std::vector<double>{0, 0.5, 2}));
  EXPECT_EQ(recipeOf("", {"train.parts=[stem.* fc.*]"}).train.parts,
            (std::vector<std::string>{"stem.*", "fc.*"}));
}

TEST(Recipe, Gradients) {
  Recipe recipe = recipeOf("train { gradients max_norm=1.5 accumulate=8 -> average 0.99 }");
  EXPECT_EQ(recipe.train.maxNorm, 1.5);
  EXPECT_EQ(recipe.train.accumulate, 8);
  EXPECT_EQ(recipe.train.average, 0.99);
}

TEST(Recipe, Overrides) {
  Recipe recipe = recipeOf("data { resize short=256 }",
                           {"data.resize=120x160", "train.rate=0.5", "data.mean=[1 2 3]",
                            "eval.report=[clip_top1 clip_top5]", "data.fps=auto", "train.nesterov=off"});
  EXPECT_EQ(recipe.data.resize, (std::array<int64_t, 2>{120, 160}));
  EXPECT_EQ(recipe.data.shortSide, 0);
  EXPECT_EQ(recipe.train.rate, 0.5);
  EXPECT_EQ(recipe.data.mean, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(recipe.eval.report, (std::vector<std::string>{"clip_top1", "clip_top5"}));
  EXPECT_EQ(recipe.data.fps, 0);
  EXPECT_FALSE(recipe.train.nesterov);
}

TEST(Recipe, UnknownSetting) {
  EXPECT_EQ(errorsOf(network("  relu"), {.overrides = {"data.crp=1x1"}}),
            "--set:1:1: error: the recipe has no 'data.crp'\n"
            "    1 | data.crp=1x1\n"
            "      | ^~~~~~~~ did you mean 'data.crop'?\n");
}

TEST(Recipe, FollowsTheInput) {
  Recipe recipe;
  Sources sources;
  Diagnostics diagnostics(sources);
  resolve(recipe, 8, 56, 72, {}, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(recipe.data.frames, 8);
  EXPECT_EQ(recipe.data.crop, (std::array<int64_t, 2>{56, 72}));
  EXPECT_EQ(recipe.data.resize, (std::array<int64_t, 2>{64, 110}));
}

TEST(Recipe, ClashesWithTheInput) {
  EXPECT_EQ(messagesOf(network("  relu") +
                       "data { clip frames=8 -> crop 112x56 -> resize 100x200 }\neval { crop 224x224 }"),
            (Messages{"5:13: error: clips of 8 frames for an input of 16",
                      "5:30: error: a crop of 112x56 for an input of 112x112",
                      "5:47: error: frames are resized to less than the crop of 112x112",
                      "6:13: error: a crop of 224x224 for an input of 112x112"}));
}

TEST(Recipe, SegmentsShareTheFrames) {
  EXPECT_EQ(messagesOf(network("  relu") + "data { clip segments=8 }\neval { clips 1 segments=16 }"),
            Messages{});
  EXPECT_EQ(
      errorsOf(network("  relu") + "eval { clips 1 segments=5 }"),
      "net.arch:5:16: error: 5 segments for clips of 16 frames\n"
      "    5 | eval { clips 1 segments=5 }\n"
      "      |                ^~~~~~~~ a clip takes as many frames from each segment as from the others\n");
}

TEST(Recipe, WhatSeveralLabelsExclude) {
  const Recipe recipe = recipeOf("train { loss binary_cross_entropy -> mix mixup=0.2 probability=0.5 }");
  EXPECT_EQ(recipe.train.loss, "binary_cross_entropy");
  EXPECT_EQ(recipe.train.mixup, 0.2);
  EXPECT_EQ(recipe.train.mixProbability, 0.5);
  EXPECT_EQ(errorsOf(network("  relu") + "train { loss binary_cross_entropy smoothing=0.1 }"),
            "net.arch:5:35: error: binary_cross_entropy has no label smoothing\n"
            "    5 | train { loss binary_cross_entropy smoothing=0.1 }\n"
            "      |                                   ^~~~~~~~~ leave it out, or take cross_entropy\n");
  EXPECT_EQ(messagesOf(network("  relu") + "train { loss binary_cross_entropy class_weights=balanced }"),
            Messages{"5:35: error: binary_cross_entropy has no class weights"});
}

TEST(Recipe, InputsThatNoVideoFills) {
  EXPECT_EQ(errorsOf("network net { input rgb 3x70000x8x8 -> relu }"),
            "net.arch:1:25: error: clips of 70000 frames of 8x8 are too large\n"
            "    1 | network net { input rgb 3x70000x8x8 -> relu }\n"
            "      |                         ^~~~~~~~~~~ frames, height and width are at most 65536\n");
  EXPECT_EQ(messagesOf("network net { input rgb 3x1x60000x60000 -> relu }"),
            Messages{"1:25: error: frames would be resized to 68571x91607"});
}

TEST(Recipe, WhatDoesNotWorkYet) {
  EXPECT_EQ(errorsOf(network("  relu") + "data {\n  flow method=farneback bound=20\n}\n"
                                         "train { seed 1 -> adam 0.1 }"),
            "net.arch:8:19: error: there is no Adam\n"
            "    8 | train { seed 1 -> adam 0.1 }\n"
            "      |                   ^~~~ with its weight decay apart it is "
            "`adamw decay=0.05`\n");
}

TEST(Recipe, TheLossOfNamedValues) {
  EXPECT_EQ(recipeOf("").train.of, std::vector<std::string>());
  EXPECT_EQ(recipeOf("train { loss cross_entropy rgb flow.res2.a }").train.of,
            (std::vector<std::string>{"rgb", "flow.res2.a"}));
  EXPECT_EQ(recipeOf("", {"train.of=[rgb flow]"}).train.of, (std::vector<std::string>{"rgb", "flow"}));
  EXPECT_EQ(messagesOf(network("  relu") + "train { loss cross_entropy rgb 3 }"),
            Messages{"5:32: error: 'of' is a word, found 3"});
}

TEST(Recipe, UnknownArgumentsListThoseThatThereAre) {
  EXPECT_EQ(
      errorsOf(network("  relu") + "train { rate 0.1 cosine=on }"),
      "net.arch:5:18: error: 'rate' has no argument 'cosine'\n"
      "    5 | train { rate 0.1 cosine=on }\n"
      "      |                  ^~~~~~ it has batch= schedule= warmup= warmup_steps= from= to= power= every= "
      "factor= "
      "at=\n");
}

TEST(Recipe, Errors) {
  EXPECT_EQ(
      messagesOf(
          network("  relu") +
          "train {\n  epochs 0\n  epochs 3\n  rat 0.1\n  rate 0.1 warmpu=3\n  rate\n  batch 2 3\n"
          "  sgd nesterov=1 momentum=2\n  loss crossentropy\n  let a = 3\n}\ndata { crop 3x4x5 -> flip x3 }\n"
          "eval { report video_top2 -> clips 1|2 }"),
      (Messages{
          "6:10: error: 'epochs' is an integer from 1 to 1073741824, found 0",
          "7:3: error: 'epochs' stands twice in this section", "8:3: error: 'rat' is no statement of train",
          "9:12: error: 'rate' has no argument 'warmpu'", "10:3: error: 'rate' stands twice in this section",
          "11:11: error: an argument too many for 'batch'", "12:16: error: 'nesterov' is on or off, found 1",
          "12:27: error: 'momentum' is a number at least 0 and below 1, found 2",
          "13:8: error: 'loss' is one of cross_entropy, binary_cross_entropy, found crossentropy",
          "14:3: error: let, set, from and stream belong to networks, not to recipes",
          "16:13: error: 'crop' is a size of two parts, HxW, found 3x4x5",
          "16:22: error: 'flip' needs an argument",
          "16:22: error: labels, copies and braces belong to networks, not to recipes",
          "17:15: error: 'report' is one of clip_top1, clip_top5, video_top1, video_top5, video_map, found "
          "video_top2",
          "17:35: error: '|' belongs to copies, a recipe has none"}));
}

} // namespace
