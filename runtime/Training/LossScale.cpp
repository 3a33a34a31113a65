#include "runtime/Training/LossScale.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>

namespace kinema {

LossScale LossScale::of(const TrainRecipe &recipe) {
  LossScale scale;
  if (recipe.lossScale > 0) {
    scale.latest = recipe.lossScale;
    scale.coming.assign(2, scale.latest);
  }
  return scale;
}

void LossScale::tell(Hyper &hyper) {
  const auto scale = static_cast<float>(coming.front());
  hyper.lossScale = scale;
  hyper.share /= scale;
  if (hyper.apply != 0)
    coming.pop_front();
}

void LossScale::found(double gradientNorm, const TrainRecipe &recipe) {
  const bool isSound = std::isfinite(gradientNorm), isFixed = recipe.lossScale > 0;
  constexpr double least = 1, most = maxRecipeCount;
  skipped += !isSound;
  sound = isSound ? sound + 1 : 0;
  if (!isSound && !isFixed) {
    if (latest <= least)
      fail("gradients are not finite although the loss is not scaled any more: training stops; try a smaller "
           "train.rate, or compute.precision bf16");
    latest /= 2;
  } else if (!isFixed && sound == growthInterval) {
    latest = std::min(2 * latest, most);
    sound = 0;
  }
  coming.push_back(latest);
}

} // namespace kinema
