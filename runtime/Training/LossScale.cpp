#include "runtime/Training/LossScale.h"

#include <algorithm>
#include <cmath>

namespace kinema {

LossScale LossScale::of(const TrainRecipe &recipe) {
  LossScale scale;
  scale.follow(recipe);
  return scale;
}

void LossScale::follow(const TrainRecipe &recipe) {
  if (recipe.lossScale == 0)
    return;
  latest = recipe.lossScale;
  coming.assign(coming.size(), latest);
}

void LossScale::tell(Hyper &hyper) {
  const auto scale = static_cast<float>(coming.front());
  hyper.lossScale = scale;
  hyper.share /= scale;
  if (hyper.apply == 0)
    return;
  told.push_back(coming.front());
  coming.pop_front();
}

bool LossScale::found(double gradientNorm, const TrainRecipe &recipe) {
  const double scale = told.front();
  told.pop_front();
  const bool isSound = std::isfinite(gradientNorm), isFixed = recipe.lossScale > 0;
  skipped += !isSound;
  sound = isSound ? sound + 1 : 0;
  if (!isSound && !isFixed) { // of two updates by one scale, both may say that it is too large
    latest = std::max(least, std::min(latest, scale / 2));
  } else if (!isFixed && sound == growthInterval) {
    latest = std::min(2 * latest, maxRecipeCount);
    sound = 0;
  }
  coming.push_back(latest);
  return isSound || isFixed || scale > least;
}

} // namespace kinema
