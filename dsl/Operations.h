// The table of the operations that the compiler itself knows: their parameters in order, types and defaults.
// The checker, the expansion and the reference (docs/language.md) all go by it.
#pragma once

#include "dsl/AST.h"

#include "llvm/ADT/ArrayRef.h"

namespace kinema::dsl {

/// Defaults are text in the language ("1", "half", "(conv 1x1x1)"); `defaultOf` gives them as trees.
struct OperationParameter {
  llvm::StringRef name;
  Type type;
  llvm::StringRef defaultText = {}; // empty: must be given
  llvm::ArrayRef<llvm::StringRef> words =
      {};                             // words taken besides (or, for Type::Word, as) values of the type
  unsigned sizeParts = 3;             // for Type::Size: T x H x W, or C x T x H x W
  std::optional<double> minimum = {}; // of a number, of each part of a size
  std::optional<double> maximum = {};
};

struct Operation {
  enum class Kind {
    Input,
    Conv,
    Pool,
    Fc,
    Bn,
    Relu,
    Softmax,
    Dropout,
    Identity,
    Add,
    Mul,
    Average,
    Concat,
    Residual,
    Fold,
    Shift,
    Attention,
    Stage
  };
  Kind kind;
  llvm::StringRef name;
  llvm::ArrayRef<OperationParameter> parameters;
  bool takesValues =
      false; // any number of positional values instead of positional parameters (add, concat ...)
  enum class Braces { None, Sequence, Branches } braces = Braces::None;

  const OperationParameter *parameter(llvm::StringRef name) const;
};

llvm::ArrayRef<Operation> operations();
/// Null where `name` is no operation.
const Operation *findOperation(llvm::StringRef name);
/// The parsed default, or null; lives as long as the process.
const Expr *defaultOf(const OperationParameter &parameter);

} // namespace kinema::dsl
