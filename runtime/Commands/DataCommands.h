// Declares the commands on lists of videos that need no network, for `kinema data` and for the runtime's own
// program.
#pragma once

#include "runtime/Package/Recipe.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace kinema {

void addDataCheck(CLI::App &data);
void addDataBench(CLI::App &data);

// Returns the recipe of the network that a file holds.
using RecipeOf = std::function<Recipe(const std::string &network)>;
// `carried` is the package that this program carries, or empty.
void addDataFlow(CLI::App &data, const std::string &carried, const RecipeOf &recipeOf);

} // namespace kinema
