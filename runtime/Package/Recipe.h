// Reads the recipe as a package carries it (docs/package.md, "Recipe"), and settings of it on the command
// line.
#pragma once

#include "runtime/Package/RecipeFields.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// Reads the manifest's "recipe". Fields that are absent keep their defaults; an unknown field, a wrong type
// or a value out of range throws Error, naming the field as "train.rate".
Recipe parseRecipe(const nlohmann::json &json);

nlohmann::json toJson(const Recipe &recipe);

// Throws Error with status 2 where the recipe contradicts itself, naming the field as "data.segments".
void refuseContradictions(const DataRecipe &data, const EvalRecipe &eval);
void refuseContradictions(const TrainRecipe &train);

// Lists all fields of a recipe as `--set` takes them, "train.rate=0.1", in the order of the table.
std::vector<std::string> settingsOf(const Recipe &recipe);

// Lists the fields in which two recipes differ, as "train.rate is 0.1, was 0.01".
std::vector<std::string> differences(const Recipe &recipe, const Recipe &before);

// Lists likewise the fields in which a recipe asks for other code than that of a package.
std::vector<std::string> compiledDifferences(const Recipe &recipe, const Recipe &package);

// Applies a setting SECTION.FIELD=VALUE, such as "train.rate=0.1", "data.fps=auto" or "eval.report=[clip_top1
// video_top1]". Throws Error with status 2, naming the nearest field where there is none of that name.
void applySetting(Recipe &recipe, std::string_view setting);

// Returns the recipe with all these settings applied, in their order.
Recipe recipeWith(Recipe recipe, const std::vector<std::string> &settings);

// Describes a field to people.
struct RecipeFieldText {
  std::string path;    // "train.rate"
  std::string values;  // "a number from 0 to 1000000"
  std::string initial; // the default, as `--set` takes it
  std::string meaning; // one sentence
};

// Describes all fields, in the order of the table.
std::vector<RecipeFieldText> describeFields();

// Returns the descriptions as lines for `--help`.
std::string settingsHelp();

} // namespace kinema
