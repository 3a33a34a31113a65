// Evaluates expressions: what they are worth, and whether that fits what they are given for.
#pragma once

#include "dsl/Scope.h"

namespace kinema::dsl {

/// Limits the copies that `xN` makes.
inline constexpr int64_t maxCopies = 4096;

class Evaluator {
public:
  explicit Evaluator(Scope &scope) : scope(scope) {}

  /// Returns `expr` as an argument for `wanted`; nothing after an error, which has been reported.
  std::optional<Binding> evaluate(const Expr &expr, const CalleeParameter &wanted);
  /// Returns an integer, known or not; `name` says in errors what it is for.
  std::optional<Binding> evaluateInteger(const Expr &expr, llvm::StringRef name);
  /// Returns `on` or `off`, known or not; `name` says in errors what it is for.
  std::optional<Binding> evaluateFlag(const Expr &expr, llvm::StringRef name);
  /// Returns a number of copies.
  std::optional<Binding> evaluateCopies(const Expr &expr);
  /// Returns a named value of the network; `name` says in errors what it is for.
  std::optional<Binding> evaluateValue(const Expr &expr, llvm::StringRef name = "argument");
  /// Checks what is given for a parameter that is known at the call alone.
  bool evaluateLoosely(const Expr &expr);

private:
  std::optional<Binding> fit(const Expr &expr, const Binding &value, const CalleeParameter &wanted);
  std::nullopt_t mismatch(const Expr &expr, const CalleeParameter &wanted, const std::string &found,
                          std::string hint = {});
  std::nullopt_t mismatch(const SizeExpr &size, const CalleeParameter &wanted);
  std::nullopt_t sizeInSize(const SizeExpr &size, const CalleeParameter &wanted);
  std::nullopt_t beyondRange(const Expr &expr, const Binding &value, const CalleeParameter &wanted);
  std::string describe(const PathExpr &path, const Binding &value);
  std::optional<Binding> evaluateSize(const SizeExpr &size, const CalleeParameter &wanted);
  std::optional<Binding> evaluateList(const ListExpr &list, const CalleeParameter &wanted);
  std::optional<Binding> evaluatePair(const ListExpr &list, const CalleeParameter &wanted);
  std::optional<Binding> evaluateAxes(const ListExpr &list, const CalleeParameter &wanted);
  std::optional<Factor> evaluateFactor(const Expr &expr, const CalleeParameter &wanted, bool &isKnown);
  std::optional<Binding> evaluateBinary(const BinaryExpr &binary, const CalleeParameter &wanted);
  std::optional<Binding> compute(const BinaryExpr &binary, int64_t left, int64_t right);
  std::optional<Binding> evaluateBound(const BoundExpr &bound, const CalleeParameter &wanted);
  std::optional<Binding> evaluatePath(const PathExpr &path, const CalleeParameter &wanted);
  std::optional<Binding> evaluateKeyword(const PathExpr &path, const CalleeParameter &wanted);
  std::optional<Binding> evaluateCallable(const PathExpr &path, const CalleeParameter &wanted);
  std::optional<Binding> evaluateOtherWord(const PathExpr &path, const CalleeParameter &wanted);
  std::optional<Binding> evaluateDotted(const PathExpr &path, const CalleeParameter &wanted);
  std::optional<Binding> partOf(const PathExpr &path, const Binding &size);
  std::optional<Binding> extentOf(const PathExpr &path);

  Scope &scope;
};

/// Reports "'foo' is not known here" at the path's first part.
void reportUnknown(const PathExpr &path, Scope &scope);

} // namespace kinema::dsl
