// Knows which values of a recipe contradict each other or the network's input. Each value by itself is
// checked where it is read, by the bounds in the table of fields.
#pragma once

#include "runtime/Package/RecipeFields.h"

#include <optional>
#include <string>

namespace kinema {

/// Says which field is wrong, by its path such as "eval.segments", and what is wrong with it. The hint may be
/// empty.
struct RecipeFault {
  std::string field, message, hint;
};

/// Returns the first contradiction of a recipe whose gaps `followInput` has filled.
std::optional<RecipeFault> contradictionOf(const DataRecipe &data, const EvalRecipe &eval);
std::optional<RecipeFault> contradictionOf(const TrainRecipe &train);

} // namespace kinema
