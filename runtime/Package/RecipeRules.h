// Knows which values of a recipe contradict each other or the network's input. Each value by itself is
// checked where it is read, by the bounds in the table of fields.
#pragma once

#include "runtime/Package/RecipeFields.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema {

/// Says which field is wrong, by its path such as "eval.segments", and what is wrong with it. The hint may be
/// empty.
struct RecipeFault {
  std::string field, message, hint;
};

/// Returns where a recipe cuts clips of other sizes than the network's input has. `trains` and `evaluates`
/// say whose crops count.
std::vector<RecipeFault> otherSizesThan(int64_t frames, const RecipeSize &size, const Recipe &recipe,
                                        bool trains = true, bool evaluates = true);

/// Returns the first contradiction of a recipe whose gaps `followInput` has filled.
std::optional<RecipeFault> contradictionOf(const DataRecipe &data, const EvalRecipe &eval);
std::optional<RecipeFault> contradictionOf(const TrainRecipe &train);

} // namespace kinema
