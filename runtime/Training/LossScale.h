// Chooses by what the gradient of a loss is multiplied, so that f16 can hold the gradients that follow from
// it: those of at most 2^-25 would be zero (Micikevicius et al., "Mixed Precision Training", 2018, section
// 3.2).
#pragma once

#include "runtime/Package/Hyper.h"
#include "runtime/Package/Recipe.h"

#include <deque>
#include <string_view>

namespace kinema {

// A LossScale follows the rule of PyTorch's GradScaler: an update whose gradients are not finite changes no
// parameter and halves the scale, and `growthInterval` updates without such a one double it. What an update
// has found counts for the second update behind it, since the next one has begun by then: so a training is
// the same whether or not it was interrupted in between. Where the recipe names a scale, this one stays.
struct LossScale {
  static constexpr double first = 65536, least = 1;
  static constexpr int64_t growthInterval = 2000; // updates

  // Returns the scale of a training's first update.
  static LossScale of(const TrainRecipe &recipe);
  // Takes over the scale that a recipe names, if it does, for all that comes.
  void follow(const TrainRecipe &recipe);

  // Tells the next step its scale, which the gradients that it adds up lose again. All batches of an update
  // have the same one.
  void tell(Hyper &hyper);
  // Says what the norm of an update's gradients was, in the order of the updates. Returns false where it is
  // not finite although the scale was the least one, which a recipe's own is not.
  bool found(double gradientNorm, const TrainRecipe &recipe);

  std::deque<double> coming = {first,
                               first}; // of the update under way, and of those behind it that are known
  std::deque<double> told;             // of updates of which nothing was found yet
  double latest = first;               // of the last one that is known
  int64_t sound = 0;                   // updates since the scale was changed
  int64_t skipped = 0;                 // updates that changed no parameter

  bool operator==(const LossScale &) const = default;
};

// What to say where the least scale does not help.
inline constexpr std::string_view gradientsNotFinite =
    "gradients are not finite although the loss is not scaled any more";

} // namespace kinema
