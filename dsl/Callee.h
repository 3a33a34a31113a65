// What a call can call, seen from outside: an operation or a definition with its parameters.
#pragma once

#include "dsl/Load.h"
#include "dsl/Operations.h"

namespace kinema::dsl {

/// A parameter of an operation or of a definition.
struct CalleeParameter {
  llvm::StringRef name;
  Type type = Type::Int;
  const Expr *defaultValue = nullptr; // null: must be given
  llvm::ArrayRef<llvm::StringRef> words = {};
  unsigned sizeParts = 3;
  std::optional<double> minimum = {}, maximum = {};
};

struct Callee {
  const Operation *operation = nullptr;
  const Definition *definition = nullptr;

  explicit operator bool() const { return operation || definition; }
  bool operator==(const Callee &) const = default;
  bool is(Operation::Kind kind) const { return operation && operation->kind == kind; }
  llvm::StringRef name() const;
  /// "unit 'conv3d'"
  std::string describe() const;
  std::vector<CalleeParameter> parameters() const;
  std::optional<CalleeParameter> parameter(llvm::StringRef name) const;
  std::vector<llvm::StringRef> parameterNames() const;
  /// The parameter that a named argument of no other parameter rides with: the first of type unit.
  std::optional<CalleeParameter> kindParameter() const;
  /// May be called as a kind of conv: a unit, or an operation.
  bool isUnit() const;
};

/// The operation or definition called `name` in file `file`; empty if there is none.
Callee findCallee(const Program &program, uint32_t file, llvm::StringRef name);

} // namespace kinema::dsl
