// Writes the text of a new spec: a network of models/ under another name and with other sizes, and a recipe.
#pragma once

#include "dsl/Library.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

/// A RecipeText is a file of tools/kinema/Recipes. Its words in braces stand for what the network has.
struct RecipeText {
  std::string_view name; // "clips"
  std::string_view text;
};

/// Returns the recipes sorted by name.
std::span<const RecipeText> recipeTexts();

/// A Model is a network of models/, as far as its text is asked for.
struct Model {
  const dsl::LibraryFile *file = nullptr;
  int64_t depth = 0;                            // as its name says; 0: it says none
  std::optional<int64_t> classes, frames, size; // the defaults of its parameters; nothing: it lacks them
  bool hasBlockCounts = false;                  // it has the parameters n1 to n4, numbers of blocks

  std::string name() const { return file->name.str(); }
  /// Returns the first line of the comment that it begins with.
  std::string summary() const;
  /// Returns whether it can be written with so many layers.
  bool hasDepth(int64_t wanted) const;
};

/// Returns all models in the order of their names.
std::vector<Model> allModels();

/// Returns the models that a family means: that of this name; else those whose names begin with it; else
/// those that have it in their names as a word; of these those of a depth, unless it is 0.
std::vector<Model> modelsOf(const std::string &family, int64_t depth);

/// Holds what a new spec should be. Zeros keep what the model has.
struct NewSpec {
  std::string name; // of the network
  int64_t depth = 0, frames = 0, classes = 0, height = 0, width = 0;
  std::vector<std::string> settings; // of other parameters of the network: "kind=conv2d"
  std::string recipe = "clips";
  std::string file, list; // for the comment: the spec's and that of training videos; the latter may be empty
};

/// Returns the spec's text. Throws Error where the model lacks a parameter, or is told one twice.
std::string textOf(const NewSpec &spec, const Model &model);

} // namespace kinema
