// Reads the recipe that the text of a spec gives: sections fill it, and the command line may override it.
#pragma once

#include "dsl/AST.h"
#include "dsl/Diagnostics.h"
#include "dsl/Parser.h"
#include "runtime/Package/RecipeFields.h"

#include <map>

namespace kinema::dsl {

struct Recipe : kinema::Recipe {
  std::map<std::string, Location> places; // places where "data.crop" and the like were given
  std::map<std::string, Location>
      valuePlaces; // places where names and patterns of the author's own were given
};

/// Fills `recipe` from a section.
void apply(const Section &section, Recipe &recipe, Diagnostics &diagnostics);

/// Applies a setting SECTION.FIELD=VALUE with the names of docs/package.md, such as `data.crop=224x224`,
/// `train.rate=0.1` or `eval.clips=1`.
bool applyOverride(const Setting &setting, Recipe &recipe, Diagnostics &diagnostics);

/// Fills in the fields that are zero from the network's inputs, of which the first stands at `input`, and
/// checks fields that must agree. `frames` are those of a clip.
void resolve(Recipe &recipe, int64_t frames, int64_t height, int64_t width, Location input,
             Diagnostics &diagnostics);

} // namespace kinema::dsl
