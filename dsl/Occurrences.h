// Finds what each word of a text names: for editors, which go from a name to its definition and rename it.
#pragma once

#include "dsl/Values.h"
#include "runtime/Package/RecipeFields.h"

namespace kinema::dsl {

/// A Symbol is what a word names.
struct Symbol {
  enum class Kind {
    File,       // that `use` found
    Definition, // also one of another file
    Parameter,  // of a definition or operation, or an operand of an act
    Let,
    Value, // a label, a stream, or `stage2` of an unlabelled stage
    Operation,
    Function,     // of formulas
    Setting,      // a statement or an argument of the recipe
    StatementWord // such as the word `adamw` of a statement of the recipe
  };
  Kind kind;
  std::string name;
  Location declaration = {}; // of its name; line 0: it is a part of the language
  Callee callee = {};        // the definition or operation, or the one that a parameter belongs to
  const RecipeField *setting = nullptr;

  /// Returns whether both are the same thing of a text; what is a part of the language is nothing of a text.
  bool isSame(const Symbol &other) const {
    return declaration.known() && kind == other.kind && declaration == other.declaration;
  }
};

/// An Occurrence is a word with what it names; a declaration is one of them.
struct Occurrence {
  Location location;
  Symbol symbol;
};

/// Returns the occurrences in a file of a program, which may have errors, sorted by place. A word whose
/// meaning is not known is not among them, nor any of definitions that call themselves.
std::vector<Occurrence> occurrencesIn(const Program &program, uint32_t file);

} // namespace kinema::dsl
