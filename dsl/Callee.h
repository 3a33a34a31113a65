// Shows what a call can call from outside: an operation or a definition with its parameters.
#pragma once

#include "dsl/Load.h"
#include "dsl/Operations.h"

namespace kinema::dsl {

/// A CalleeParameter is a parameter of an operation or of a definition.
struct CalleeParameter {
  llvm::StringRef name;
  Type type = Type::Int;
  const Expr *defaultValue = nullptr; // null: must be given
  llvm::ArrayRef<llvm::StringRef> words = {};
  unsigned sizeParts = 3;
  std::optional<double> minimum = {}, maximum = {};
  bool takesPair = false;    // of two sizes, in front and behind
  bool isActivation = false; // also takes the names of acts of one operand
};

struct Callee {
  const Operation *operation = nullptr;
  const Definition *definition = nullptr;

  explicit operator bool() const { return operation || definition; }
  bool operator==(const Callee &) const = default;
  bool is(Operation::Kind kind) const { return operation && operation->kind == kind; }
  llvm::StringRef name() const;
  /// Returns, for instance, "unit 'conv3d'".
  std::string describe() const;
  std::vector<CalleeParameter> parameters() const;
  std::optional<CalleeParameter> parameter(llvm::StringRef name) const;
  std::vector<llvm::StringRef> parameterNames() const;
  /// Returns the parameter with which a named argument rides that has no parameter: the first of type unit.
  std::optional<CalleeParameter> kindParameter() const;
  /// Returns whether it may be called as a kind of conv, as a unit, an act or an operation may.
  bool isUnit() const;
  bool isAct() const { return definition && definition->kind == Definition::Kind::Act; }
  /// Returns whether positional arguments are values that it joins, in place of parameters.
  bool takesValues() const;
  Operation::Braces braces() const;
};

/// Returns the operation or definition called `name` in file `file`; an empty callee if there is none.
Callee findCallee(const Program &program, uint32_t file, llvm::StringRef name);

} // namespace kinema::dsl
