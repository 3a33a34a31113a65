// Decides which parameter each argument fills. An argument that the callee has no parameter for rides with
// the kind that the callee is given, and from a stage to its block.
#pragma once

#include "dsl/Evaluate.h"

namespace kinema::dsl {

/// Binds the arguments of one call, or of a kind with arguments bound.
class Binder {
public:
  /// Takes as `head` what is called, as it is written.
  Binder(Scope &scope, Name head) : scope(scope), expressions(scope), head(std::move(head)) {}

  /// Returns `target` with the arguments bound that copy `copy` of a call takes; for a stage, the block that
  /// it repeats, where that is known. Returns null after errors, which have been reported.
  CallablePtr bindCall(const Callable &target, llvm::ArrayRef<Argument> arguments, int64_t copy);
  /// Binds the arguments of a kind, which may leave arguments to its calls.
  CallablePtr bindKind(const Callable &target, llvm::ArrayRef<Argument> arguments);
  /// Checks the arguments of a callee that is known at the call alone.
  bool bindLoosely(llvm::ArrayRef<Argument> arguments);

private:
  bool bind(CallablePtr &target, llvm::ArrayRef<Argument> arguments, int64_t copy);
  bool bindOwn(const Argument &argument, const Expr &expr, Callable &target, int64_t copy);
  bool bindTo(Callable &target, const CalleeParameter &parameter, const Argument &argument, const Expr &expr);
  bool bindRest(const Argument &argument, const Expr &expr, Callable &target);
  /// Returns nothing where neither the target nor its kind has the parameter.
  std::optional<bool> bindRiding(const Argument &argument, const Expr &expr, Callable &target);
  bool give(llvm::StringRef parameter, Location place, llvm::StringRef callee);
  bool givenTwice(llvm::StringRef parameter, Location place, Location other, llvm::StringRef callee);
  std::optional<CalleeParameter> parameterFor(const Argument &argument, const Callable &target);
  std::optional<Binding> kindOf(const Callable &target, const CalleeParameter &parameter,
                                const Argument &riding);
  std::optional<Binding> blockOf(const Callable &stage);
  void reportNoParameter(const Argument &argument, const Callee &target, const Callee &kind);

  Scope &scope;
  Evaluator expressions;
  Name head;
  llvm::StringMap<Location> given; // what this call has given, `auto` included
  size_t next = 0;                 // the first parameter that a positional argument may fill
};

} // namespace kinema::dsl
