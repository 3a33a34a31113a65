// Expressions whose value does not depend on a shape.
#pragma once

#include "dsl/AST.h"
#include "dsl/Diagnostics.h"

#include "llvm/ADT/StringMap.h"

namespace kinema::dsl {

struct Program;

/// Names with a known value: one number, or the three parts T, H, W of a size.
using Constants = llvm::StringMap<std::vector<int64_t>>;

/// An expression's value as one or more parts; nothing where it depends on a shape or a name not in
/// `constants`. A number beyond 64 bits and a division by zero are errors, reported once.
std::optional<std::vector<int64_t>> evaluate(const Expr &expr, const Constants &constants,
                                             Diagnostics &diagnostics);

/// The values of a network's parameters that are integers or sizes, from their defaults.
Constants constantsOf(const Definition &network, Diagnostics &diagnostics);

/// Completes the program's recipe from its network's first input.
void resolveRecipe(Program &program, Diagnostics &diagnostics);

/// Errors at inputs that no video fills.
void checkInputsFromVideos(const Program &program, Diagnostics &diagnostics);

} // namespace kinema::dsl
