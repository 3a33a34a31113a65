#include "runtime/Package/Recipe.h"

#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

TEST(Recipe, RoundTrip) {
  Recipe recipe;
  recipe.train.rate = 0.25;
  recipe.train.at = {20, 30.5};
  recipe.data.crop = {56, 72};
  recipe.data.shortSide = 128;
  recipe.eval.report = {"video_top1"};
  EXPECT_EQ(toJson(parseRecipe(toJson(recipe))), toJson(recipe));
}

TEST(Recipe, AbsentFieldsKeepTheirDefaults) {
  Recipe recipe = parseRecipe(json::parse(R"({"train": {"rate": 1}})"));
  EXPECT_EQ(recipe.train.rate, 1);
  EXPECT_EQ(recipe.train.momentum, 0.9);
  EXPECT_EQ(recipe.data.resize, (RecipeSize{0, 0})) << "the input says it";
}

TEST(Recipe, Settings) {
  Recipe recipe;
  applySetting(recipe, "train.rate=0.5");
  applySetting(recipe, "train.nesterov=off");
  applySetting(recipe, "data.crop=224x200");
  applySetting(recipe, "data.resize=64");
  applySetting(recipe, "data.missing=2.5%");
  EXPECT_EQ(recipe.data.missing, 0.025);
  applySetting(recipe, "train.at=[20 30 40]");
  applySetting(recipe, "eval.report=clip_top1,video_top5");
  EXPECT_EQ(recipe.train.rate, 0.5);
  EXPECT_FALSE(recipe.train.nesterov);
  EXPECT_EQ(recipe.data.crop, (std::array<int64_t, 2>{224, 200}));
  EXPECT_EQ(recipe.data.resize, (std::array<int64_t, 2>{64, 64}));
  EXPECT_EQ(recipe.train.at, (std::vector<double>{20, 30, 40}));
  EXPECT_EQ(recipe.eval.report, (std::vector<std::string>{"clip_top1", "video_top5"}));
}

TEST(Recipe, AutoIsTheDefault) {
  Recipe recipe;
  recipe.data.frames = 8;
  recipe.data.crop = {56, 72};
  for (const char *setting :
       {"data.fps=15", "data.fps=auto", "data.frames=auto", "data.frames=0", "data.crop=auto",
        "data.crop=0x0", "data.short=256", "data.short=auto", "data.resize=auto", "train.at=[3]",
        "train.at=auto", "train.nesterov=on", "train.nesterov=auto"})
    applySetting(recipe, setting);
  Recipe expected;
  expected.data.frames = 8;
  expected.data.crop = {56, 72};
  expected.data.resize = {64, 110};
  EXPECT_EQ(toJson(recipe), toJson(expected));
}

TEST(Recipe, OfResizeAndShortTheLastCounts) {
  Recipe recipe;
  applySetting(recipe, "data.short=256");
  applySetting(recipe, "data.resize=120x160");
  EXPECT_EQ(recipe.data.shortSide, 0);
}

TEST(Recipe, Differences) {
  Recipe a, b;
  EXPECT_TRUE(differences(a, b).empty());
  a.train.rate = 0.5;
  a.data.crop = {3, 4};
  EXPECT_EQ(differences(a, b),
            (std::vector<std::string>{"data.crop is [3,4], was [0,0]", "train.rate is 0.5, was 0.01"}));
}

TEST(Recipe, ErrorsNameTheField) {
  Recipe recipe;
  auto setting = [&](const char *text) { return errorOf([&] { applySetting(recipe, text); }); };
  EXPECT_EQ(setting("train.rte=1"), "the recipe has no field 'train.rte'; did you mean 'train.rate'?");
  EXPECT_EQ(setting("train.rate=fast"), "train.rate must be a number, found 'fast'");
  EXPECT_EQ(setting("train.epochs=0"), "train.epochs must be from 1 to 1073741824, found 0");
  EXPECT_EQ(setting("data.crop=1x2x3"), "data.crop must be a size HxW, found '1x2x3'");
  EXPECT_EQ(setting("data.at=left"), "data.at must be one of random, centre, resized, scaled, found 'left'");
  EXPECT_EQ(setting("rate"), "'rate' is no setting: write SECTION.FIELD=VALUE, as in train.rate=0.1");
  EXPECT_EQ(setting("train.rate=nan"), "train.rate must be a number, found 'nan'");
  auto parsing = [&](const char *text) { return errorOf([&] { parseRecipe(json::parse(text)); }); };
  EXPECT_EQ(parsing(R"({"train": {"epochs": 1.5}})"), "train.epochs must be an integer, found 1.5");
  EXPECT_EQ(parsing(R"({"test": {}})"),
            "the recipe has no section 'test'; it has data, train, eval and compute");
  EXPECT_EQ(parsing(R"({"data": {"std": [1, 0, 1]}})"), "data.std must be from 1e-06 to 1000000, found 0");
  EXPECT_EQ(parsing(R"({"data": {"mean": [1, 2]}})"), "data.mean must have 3 values, found 2");
  EXPECT_EQ(parsing(R"({"data": {"crop": [0, 5]}})"),
            "data.crop must be a size HxW from 0 to 65536 each way, found 0x5");
  EXPECT_EQ(parsing("[]"), "the recipe must be a JSON object, found array");
  EXPECT_EQ(parsing(R"({"data": 5})"), "the recipe's section 'data' must be a JSON object, found number");
  EXPECT_EQ(parsing(R"({"train": {"at": [3, 2]}})"), "train.at must be in ascending order, found [3, 2]");
  EXPECT_EQ(
      setting("compute.winograd=off"),
      "compute.winograd is part of the package's code: compile the spec with --set compute.winograd=off");
  EXPECT_EQ(setting("train.optimiser=adamw"), "train.optimiser is part of the package's code: compile the "
                                              "spec with --set train.optimiser=adamw");
  EXPECT_EQ(setting("train.optimiser=sgd"), "") << "it is so already";
  EXPECT_EQ(toJson(recipe), toJson(Recipe())) << "a refused setting changes nothing";
}

TEST(Recipe, TheTableOfTheLanguage) {
  std::string table = "| setting | values | default | meaning |\n|---|---|---|---|\n";
  for (const RecipeFieldText &field : describeFields())
    table +=
        fmt::format("| `{}` | {} | `{}` | {} |\n", field.path, field.values, field.initial, field.meaning);
  std::string text = readFile(std::string(KINEMA_SOURCE_DIR) + "/docs/language.md");
  EXPECT_NE(text.find(table), std::string::npos) << "docs/language.md, section 8, needs the table\n" << table;
}

TEST(Recipe, HelpNamesEveryField) {
  std::string help = settingsHelp();
  for (const RecipeField &field : recipeFields)
    EXPECT_NE(help.find(fmt::format("  {}.{}=", field.section, field.name)), std::string::npos) << field.name;
  EXPECT_NE(help.find("train.rate=0.01: a number from 0 to 1000000. The learning rate after the warm-up."),
            std::string::npos)
      << help;
}
