// Defines the recipe: how clips are cut from videos, how the network is trained and evaluated, and what each
// field may hold. The front end reads it from the text of a spec, the compiler writes it into the module and
// the package, and the runtime reads it there; this header knows none of the three. The rows of Recipe.def
// make all of it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

/// Describes a field and what it may hold: numbers lie between two bounds, and so does each number of a list
/// or a size; a word is one of those that are named.
struct RecipeField {
  enum class Bounds { Closed, AboveMinimum, BelowMaximum };

  std::string_view section, name;
  std::string_view statement, argument; // where it stands in a spec; an empty argument: given by position
  std::string_view meaning;             // one sentence
  double minimum = 0, maximum = 0;
  Bounds bounds = Bounds::Closed; // AboveMinimum, BelowMaximum: that bound itself is not allowed
  size_t count = 0;               // length of a list; 0: any
  bool ascending = false;         // no value of a list is less than the one before
  std::span<const std::string_view> words = {};
  bool compiled = false;    // it is part of a package's code, which a setting cannot change any more
  bool isStatement = false; // each of its words is a statement of its own, and a spec has one of them
  std::span<const std::string_view> also = {}; // further statements that have the argument

  bool holds(double value) const {
    bool low = bounds == Bounds::AboveMinimum ? value > minimum : value >= minimum;
    return low && (bounds == Bounds::BelowMaximum ? value < maximum : value <= maximum);
  }
  /// Checks a size H x W. Where the bounds include zero, zeros must stand for both sides or for none.
  bool holds(const std::array<int64_t, 2> &size) const {
    bool none = size[0] == 0 && size[1] == 0, either = size[0] == 0 || size[1] == 0;
    return holds(double(size[0])) && holds(double(size[1])) && (none || !either);
  }

  /// Returns whether a statement has it as an argument.
  bool isArgumentOf(std::string_view head) const {
    return statement == head || std::find(also.begin(), also.end(), head) != also.end();
  }

  /// Returns, for instance, "from 1 to 1000", "at least 0 and below 1" or "above 0 and at most 1".
  std::string range() const {
    std::array<char, 64> text;
    const char *form = bounds == Bounds::Closed         ? "from %.16g to %.16g"
                       : bounds == Bounds::AboveMinimum ? "above %.16g and at most %.16g"
                                                        : "at least %.16g and below %.16g";
    std::snprintf(text.data(), text.size(), form, minimum, maximum);
    return text.data();
  }
};

namespace recipe_words {
inline constexpr std::string_view starts[] = {"random", "first", "middle"};
inline constexpr std::string_view places[] = {"random", "centre", "resized", "scaled"};
inline constexpr std::string_view flowMethods[] = {"farneback"};
inline constexpr std::string_view schedules[] = {"steps", "cosine", "polynomial", "one_cycle"};
inline constexpr std::string_view optimisers[] = {"sgd", "adamw", "lars"};
inline constexpr std::string_view lars[] = {"lars"};
inline constexpr std::string_view adamwAndLars[] = {"adamw", "lars"};
inline constexpr std::string_view spared[] = {"norms", "biases"};
inline constexpr std::string_view losses[] = {"cross_entropy", "binary_cross_entropy"};
inline constexpr std::string_view classWeights[] = {"none", "balanced", "file"};
inline constexpr std::string_view spreads[] = {"uniform", "random"};
inline constexpr std::string_view evalPlaces[] = {"centre", "random", "three"};
inline constexpr std::string_view averages[] = {"scores", "logits"};
inline constexpr std::string_view batchNorms[] = {"rank", "sync"};
inline constexpr std::string_view precisions[] = {"auto", "fp32", "bf16", "fp16", "bf16x3"};
inline constexpr std::string_view reports[] = {"clip_top1", "clip_top5", "video_top1", "video_top5",
                                               "video_map"};
} // namespace recipe_words

inline constexpr double maxRecipeCount = 1 << 30;  // for epochs, clips, parts
inline constexpr double maxRecipeExtent = 1 << 16; // for frames and pixels

using RecipeSize = std::array<int64_t, 2>; // H, W
using RecipeNumbers = std::vector<double>;
using RecipeWords = std::vector<std::string>;

#define RECIPE_MEMBER(MEMBER, NAME, TYPE, DEFAULT, ...) TYPE MEMBER = DEFAULT;

struct DataRecipe {
#define DATA_FIELD RECIPE_MEMBER
#include "runtime/Package/Recipe.def"

  bool operator==(const DataRecipe &) const = default;
};

struct TrainRecipe {
#define TRAIN_FIELD RECIPE_MEMBER
#include "runtime/Package/Recipe.def"

  bool operator==(const TrainRecipe &) const = default;
};

struct EvalRecipe {
#define EVAL_FIELD RECIPE_MEMBER
#include "runtime/Package/Recipe.def"

  bool operator==(const EvalRecipe &) const = default;
};

/// Says how the package's code was made, which cannot be changed any more.
struct ComputeRecipe {
#define COMPUTE_FIELD RECIPE_MEMBER
#include "runtime/Package/Recipe.def"

  bool operator==(const ComputeRecipe &) const = default;
};

#undef RECIPE_MEMBER

struct Recipe {
  DataRecipe data;
  TrainRecipe train;
  EvalRecipe eval;
  ComputeRecipe compute;
};

inline constexpr RecipeField recipeFields[] = {
#define RECIPE_FIELD(SECTION, MEMBER, NAME, TYPE, DEFAULT, STATEMENT, ARGUMENT, MEANING, ...)                \
  {.section = #SECTION,                                                                                      \
   .name = NAME,                                                                                             \
   .statement = STATEMENT,                                                                                   \
   .argument = ARGUMENT,                                                                                     \
   .meaning = MEANING __VA_OPT__(, ) __VA_ARGS__},
#include "runtime/Package/Recipe.def"
};

/// Calls visit(field, member) for every field of a recipe, in the order of the table.
template <typename RecipeType, typename Visit> void visitFields(RecipeType &recipe, Visit &&visit) {
  const RecipeField *field = recipeFields;
#define RECIPE_FIELD(SECTION, MEMBER, ...) visit(*field++, recipe.SECTION.MEMBER);
#include "runtime/Package/Recipe.def"
}

/// Returns the field of this name, which must exist; used in a constant expression, the compiler checks that.
constexpr const RecipeField &recipeFieldNamed(std::string_view section, std::string_view name) {
  const RecipeField *field = recipeFields;
  while (field->section != section || field->name != name)
    ++field;
  return *field;
}

/// Returns whether a network has several labels a clip, each of which is true or not by itself.
inline bool hasSeveralLabels(const TrainRecipe &train) { return train.loss == "binary_cross_entropy"; }

/// Returns whether training clips are mixed with each other.
inline bool mixesClips(const TrainRecipe &train) { return train.mixup > 0 || train.cutmix > 0; }

/// Returns whether a step is told how true each class is of each clip, in place of one label a clip. It is
/// part of a package's code.
inline bool takesTargets(const TrainRecipe &train) {
  return hasSeveralLabels(train) || train.classWeights != "none" || mixesClips(train);
}

/// Returns the size that frames are scaled to where a recipe does not say: the paper's 128x171 for its crop
/// of 112x112, and in proportion for other crops.
inline RecipeSize usualResize(int64_t height, int64_t width) {
  return {std::llround(double(height) * 128 / 112), std::llround(double(width) * 171 / 112)};
}

/// Fills in, where the recipe leaves it at zero, what follows from the network's inputs: the frames of a clip
/// (clipFrames in runtime/Package/InputKinds.h), crops, and the size that frames are scaled to.
inline void followInput(Recipe &recipe, int64_t frames, int64_t height, int64_t width) {
  if (recipe.data.frames == 0)
    recipe.data.frames = frames;
  for (RecipeSize *size : {&recipe.data.crop, &recipe.eval.crop})
    if (*size == RecipeSize{0, 0})
      *size = {height, width};
  if (recipe.data.resize == RecipeSize{0, 0})
    recipe.data.resize = usualResize(height, width);
}

} // namespace kinema
