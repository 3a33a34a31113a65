// The front end and the runtime take the same values for each field of the recipe, and refuse the same.
#include "Support.h"

#include "runtime/Package/Recipe.h"
#include "runtime/Package/RecipeFields.h"
#include "runtime/Support/Error.h"

#include "llvm/Support/FormatVariadic.h"

#include <nlohmann/json.hpp>

#include <cmath>

using kinema::RecipeField;
using kinema::recipeFields;

namespace {

bool isSize(const RecipeField &field) { return field.name == "resize" || field.name == "crop"; }

std::string pathOf(const RecipeField &field) {
  return std::string(field.section) + "." + std::string(field.name);
}

/// A value that `number` is part of: of a size or list, each element.
std::string textOf(const RecipeField &field, double number) {
  std::string text = llvm::formatv("{0:f9}", number).str();
  text = text.substr(0, text.find_last_not_of('0') + 1);
  if (text.ends_with("."))
    text.pop_back();
  if (isSize(field))
    return text + "x" + text;
  if (field.count == 0)
    return text;
  std::string list = "[" + text;
  for (size_t i = 1; i < field.count; ++i)
    list += " " + text;
  return list + "]";
}

/// Returns what the front end says about `--set FIELD=TEXT`.
std::string frontEnd(const RecipeField &field, const std::string &text) {
  return kinema::dsl::errorsOf("network net {\n  input rgb 3x16x1x1\n  relu\n}\n",
                               {.overrides = {pathOf(field) + "=" + text}});
}

/// Returns what the runtime says, but for that a value is in range and comes too late for a package.
std::string runtime(const RecipeField &field, const std::string &text) {
  kinema::Recipe recipe;
  try {
    applySetting(recipe, pathOf(field) + "=" + text);
    kinema::parseRecipe(toJson(recipe));
    return "";
  } catch (const kinema::Error &error) {
    std::string said = error.what();
    return said.find("is part of the package's code") == std::string::npos ? said : "";
  }
}

bool hasIntegers(const RecipeField &field) {
  return !runtime(field, textOf(field, field.minimum + 0.5)).empty();
}

void expectRefused(const RecipeField &field, const std::string &text) {
  std::string said = frontEnd(field, text);
  EXPECT_TRUE(said.starts_with("--set:1:")) << pathOf(field) << "=" << text << ": " << said;
  EXPECT_NE(said.find("^"), std::string::npos) << said;
  EXPECT_NE(said.find(std::string(field.name)), std::string::npos) << said;
  EXPECT_NE(runtime(field, text), "") << pathOf(field) << "=" << text;
}

void expectTaken(const RecipeField &field, const std::string &text) {
  std::string said = frontEnd(field, text);
  bool clash = llvm::any_of(
      std::array{" for an input of ", " for clips of ", "needs the short side", "a whole number of pixels"},
      [&](const char *words) { return said.find(words) != std::string::npos; });
  EXPECT_TRUE(said.empty() || clash) << said; // a value that only fits another network is in range
  EXPECT_EQ(runtime(field, text), "");
}

bool hasNumbers(const RecipeField &field) { return field.maximum > 0; }

TEST(RecipeRanges, BoundsAreTheSame) {
  for (const RecipeField &field : recipeFields) {
    if (!hasNumbers(field))
      continue;
    double step = hasIntegers(field) ? 1 : std::min(1e-6, field.maximum / 2);
    bool openLow = field.bounds == RecipeField::Bounds::AboveMinimum;
    bool openHigh = field.bounds == RecipeField::Bounds::BelowMaximum;
    if (openLow)
      expectRefused(field, textOf(field, field.minimum));
    else if (field.minimum > 0) // the language has no negative numbers
      expectRefused(field, textOf(field, field.minimum - std::min(step, field.minimum)));
    if (openHigh)
      expectRefused(field, textOf(field, field.maximum));
    if (field.name != "seed") // 2^53 + 1 is no other number for a double
      expectRefused(field, textOf(field, field.maximum + step));
    expectTaken(field, textOf(field, openLow ? field.minimum + step : field.minimum));
    expectTaken(field, textOf(field, openHigh ? field.maximum - step : field.maximum));
  }
}

TEST(RecipeRanges, NegativeNumbersAreRefused) {
  for (const RecipeField &field : recipeFields)
    if (hasNumbers(field))
      expectRefused(field, "-1");
}

TEST(RecipeRanges, WordsAreTheSame) {
  for (const RecipeField &field : recipeFields) {
    if (field.words.empty())
      continue;
    for (std::string_view word : field.words)
      expectTaken(field, std::string(word));
    expectRefused(field, "quux");
  }
}

TEST(RecipeRanges, ListsAreTheSame) {
  for (const RecipeField &field : recipeFields) {
    double low = field.minimum + (field.maximum - field.minimum) / 4, high = 2 * low;
    auto list = [](auto... numbers) {
      std::string text = "[";
      ((text += llvm::formatv("{0:f3} ", numbers).str()), ...);
      return text + "]";
    };
    if (field.count != 0)
      expectRefused(field, field.count == 2 ? list(low) : list(low, high));
    if (field.ascending) {
      expectRefused(field, list(high, low));
      expectTaken(field, list(low, high));
      if (field.count == 0)
        expectTaken(field, list(low));
    }
  }
  const RecipeField &crop = kinema::recipeFieldNamed("eval", "crop");
  expectRefused(crop, "0x5");
}

TEST(RecipeRanges, EveryFieldTakesAuto) {
  for (const RecipeField &field : recipeFields)
    expectTaken(field, "auto");
}

TEST(RecipeRanges, EveryFieldOfARecipeIsInTheTable) {
  size_t count = 0;
  nlohmann::json recipe = toJson(kinema::Recipe());
  for (const auto &section : recipe.items())
    count += section.value().size();
  EXPECT_EQ(count, std::size(recipeFields));
}

/// The text of a section is refused at its place.
TEST(RecipeRanges, AtThePlaceOfTheText) {
  std::string spec = "network net {\n  input rgb 3x16x112x112\n  relu\n}\n";
  struct {
    const char *section, *message;
  } cases[] = {
      {"data { clip every=100000 }", "5:19: error: 'every' is an integer from 1 to 65536, found 100000"},
      {"train { sgd momentum=1 }", "5:22: error: 'momentum' is a number at least 0 and below 1, found 1"},
      {"train { rate 0.1 factor=0 }", "5:25: error: 'factor' is a number above 0 and at most 1, found 0"},
      {"train { rate 0.1 at=[30 20] }", "5:21: error: 'at' is a list in ascending order, found [30 20]"},
      {"train { loss cross_entropy smoothing=1 }",
       "5:38: error: 'smoothing' is a number at least 0 and below 1, found 1"},
      {"data { normalise std=1 }", "5:22: error: 'std' is a list of 3 numbers, found 1"},
  };
  for (auto &[section, message] : cases)
    EXPECT_EQ(kinema::dsl::messagesOf(spec + section), std::vector<std::string>{message});
  EXPECT_EQ(kinema::dsl::errorsOf(spec, {.overrides = {"data.std=1"}}),
            "--set:1:10: error: 'std' is a list of 3 numbers, found 1\n"
            "    1 | data.std=1\n"
            "      |          ^\n");
}

} // namespace
