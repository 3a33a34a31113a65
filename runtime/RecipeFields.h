// What each field of a recipe may hold. The front end checks the text of a spec by this table, the runtime
// the recipe of a package; it knows neither of the two.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace kinema {

/// Numbers lie between two bounds, of a list or a size each one; words are among those named.
struct RecipeField {
  enum class Bounds { Closed, AboveMinimum, BelowMaximum };

  std::string_view section, name;
  double minimum = 0, maximum = 0;
  Bounds bounds = Bounds::Closed; // the other two: the bound itself is outside
  size_t count = 0;               // of a list: so many values; 0: any number
  bool ascending = false;         // of a list: no value is less than the one before
  std::span<const std::string_view> words = {};

  bool holds(double value) const {
    bool low = bounds == Bounds::AboveMinimum ? value > minimum : value >= minimum;
    return low && (bounds == Bounds::BelowMaximum ? value < maximum : value <= maximum);
  }
  /// Sizes H x W: where the bounds hold zero, it stands for both or for none.
  bool holds(const std::array<int64_t, 2> &size) const {
    bool none = size[0] == 0 && size[1] == 0, either = size[0] == 0 || size[1] == 0;
    return holds(double(size[0])) && holds(double(size[1])) && (none || !either);
  }

  /// "from 1 to 1000", "at least 0 and below 1", "above 0 and at most 1"
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
inline constexpr std::string_view places[] = {"random", "centre"};
inline constexpr std::string_view losses[] = {"cross_entropy"};
inline constexpr std::string_view spreads[] = {"uniform", "random"};
inline constexpr std::string_view evalPlaces[] = {"centre", "random", "three"};
inline constexpr std::string_view averages[] = {"scores", "logits"};
inline constexpr std::string_view reports[] = {"clip_top1", "clip_top5", "video_top1", "video_top5"};
} // namespace recipe_words

inline constexpr double maxRecipeCount = 1 << 30;  // of epochs, clips, parts
inline constexpr double maxRecipeExtent = 1 << 16; // of frames and pixels

inline constexpr RecipeField recipeFields[] = {
    {.section = "data", .name = "frames", .maximum = maxRecipeExtent}, // 0: the input's
    {.section = "data", .name = "every", .minimum = 1, .maximum = maxRecipeExtent},
    {.section = "data", .name = "fps", .maximum = 1000}, // 0: the file's own
    {.section = "data", .name = "start", .words = recipe_words::starts},
    {.section = "data", .name = "resize", .maximum = maxRecipeExtent}, // 0x0: what the crop suggests
    {.section = "data", .name = "short", .maximum = maxRecipeExtent},  // 0: `resize` counts
    {.section = "data", .name = "crop", .maximum = maxRecipeExtent},   // 0x0: the input's
    {.section = "data", .name = "at", .words = recipe_words::places},
    {.section = "data", .name = "flip", .maximum = 1},
    {.section = "data", .name = "mean", .maximum = 255, .count = 3},
    {.section = "data", .name = "std", .minimum = 1e-6, .maximum = 1e6, .count = 3},
    {.section = "train", .name = "epochs", .minimum = 1, .maximum = maxRecipeCount},
    {.section = "train", .name = "clips", .maximum = 1e12}, // 0: one a video
    {.section = "train", .name = "batch", .minimum = 1, .maximum = 1 << 20},
    {.section = "train", .name = "momentum", .maximum = 1, .bounds = RecipeField::Bounds::BelowMaximum},
    {.section = "train", .name = "nesterov"},
    {.section = "train", .name = "decay", .maximum = 1},
    {.section = "train", .name = "rate", .maximum = 1e6},
    {.section = "train", .name = "warmup", .maximum = maxRecipeCount},
    {.section = "train", .name = "every", .maximum = maxRecipeCount}, // 0: never
    {.section = "train", .name = "factor", .maximum = 1, .bounds = RecipeField::Bounds::AboveMinimum},
    {.section = "train", .name = "at", .maximum = maxRecipeCount, .ascending = true},
    {.section = "train", .name = "loss", .words = recipe_words::losses},
    {.section = "train", .name = "smoothing", .maximum = 1, .bounds = RecipeField::Bounds::BelowMaximum},
    {.section = "train", .name = "seed", .maximum = 9007199254740992.0},
    {.section = "eval", .name = "clips", .minimum = 1, .maximum = maxRecipeCount},
    {.section = "eval", .name = "segments", .maximum = maxRecipeCount}, // 0: consecutive frames
    {.section = "eval", .name = "spread", .words = recipe_words::spreads},
    {.section = "eval", .name = "crop", .maximum = maxRecipeExtent}, // 0x0: the input's
    {.section = "eval", .name = "at", .words = recipe_words::evalPlaces},
    {.section = "eval", .name = "average", .words = recipe_words::averages},
    {.section = "eval", .name = "report", .words = recipe_words::reports},
    {.section = "compute", .name = "winograd"},
};

/// The field of this name; there must be one, which a constant expression makes the compiler check.
constexpr const RecipeField &recipeFieldNamed(std::string_view section, std::string_view name) {
  const RecipeField *field = recipeFields;
  while (field->section != section || field->name != name)
    ++field;
  return *field;
}

/// What frames are scaled to, where a recipe does not say: the paper's 128x171 for its crop of 112x112, and
/// in proportion for others.
inline std::array<int64_t, 2> usualResize(int64_t height, int64_t width) {
  return {std::llround(double(height) * 128 / 112), std::llround(double(width) * 171 / 112)};
}

} // namespace kinema
