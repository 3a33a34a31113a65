// Defines formulas: what `act swish(x) = x * sigmoid(x)` has behind its `=`, an expression of real numbers.
#pragma once

#include "dsl/Source.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kinema::dsl {

struct Formula;
using FormulaPtr = std::unique_ptr<Formula>;

struct Formula {
  enum class Kind { Number, Name, Call, Add, Sub, Mul, Div, Negate };

  Kind kind;
  Location location;     // of a sum, difference, product or quotient that of its mark
  std::string text = {}; // the spelling of a number, a name, or what is called
  double value = 0;      // of a number
  std::vector<FormulaPtr> operands = {};
};

/// A Function is a function of real numbers that formulas may call.
struct Function {
  enum class Kind { Exp, Log, Sqrt, Tanh, Erf, Abs, Sigmoid, Relu, Min, Max };
  Kind kind;
  llvm::StringRef name;
  unsigned operands;
};
llvm::ArrayRef<Function> functions();
/// Returns the function of this name; null where there is none.
const Function *findFunction(llvm::StringRef name);

/// Visits a formula and all that it is made of.
void visitFormula(const Formula &formula, llvm::function_ref<void(const Formula &)> visit);

/// Returns a formula as text, with the brackets that it needs.
std::string print(const Formula &formula);

} // namespace kinema::dsl
