// Lists the operations that the compiler itself knows: their parameters in order, types and defaults.
// The checker, the expansion and the reference (docs/language.md) all follow this table. Activations may be
// added from outside.
#pragma once

#include "dsl/AST.h"

#include "llvm/ADT/ArrayRef.h"

namespace kinema::dsl {

/// An OperationParameter is a parameter of an operation. Its default is text in the language ("1", "half",
/// "(conv 1x1x1)"); `defaultOf` returns it as a tree.
struct OperationParameter {
  llvm::StringRef name;
  Type type;
  llvm::StringRef defaultText = {}; // empty: must be given
  llvm::ArrayRef<llvm::StringRef> words =
      {};                             // words taken besides (or, for Type::Word, as) values of the type
  bool takesPair = false;             // for Type::Size: also two of them in brackets, in front and behind
  bool isActivation = false;          // the words are the names of the activations, and `none`
  unsigned sizeParts = 3;             // for Type::Size: T x H x W, or C x T x H x W
  std::optional<double> minimum = {}; // least value of a number, or of each part of a size
  std::optional<double> maximum = {};

  llvm::ArrayRef<llvm::StringRef> allowedWords() const;
};

struct Operation {
  enum class Kind {
    Input,
    Conv,
    Pool,
    Fc,
    Bn,
    Activation,
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
    Slice,
    Arrange,
    Norm,
    Param,
    Product,
    Attention,
    Stage
  };
  Kind kind;
  llvm::StringRef name;
  llvm::ArrayRef<OperationParameter> parameters;
  bool takesValues =
      false; // any number of positional values instead of positional parameters (add, concat ...)
  enum class Braces { None, Sequence, Branches } braces = Braces::None;
  llvm::StringRef lowered = {}; // for an activation: the operation in phase clip, such as `clip.relu`

  const OperationParameter *parameter(llvm::StringRef name) const;
};

/// Returns all operations; those that were added come last.
llvm::ArrayRef<Operation> operations();
/// Adds a pointwise function of one value: an operation `name` without parameters, and the word of `act` that
/// means it. `lowered` is the operation of phase clip that it becomes. That has one operand and one result of
/// the same type and belongs to a dialect that the context of the expansion has loaded. Both texts must
/// outlive the process's last spec. Activations are added before the first spec is read, since operations are
/// referred to by address.
void addActivation(llvm::StringRef name, llvm::StringRef lowered);
/// Returns the operation of this name; null where there is none.
const Operation *findOperation(llvm::StringRef name);
/// Returns the parsed default, or null; the tree lives as long as the process.
const Expr *defaultOf(const OperationParameter &parameter);

} // namespace kinema::dsl
