// Checks of expressions against the parameters they are given for, inside one definition.
#pragma once

#include "dsl/Callee.h"
#include "dsl/Evaluate.h"
#include "dsl/Values.h"

namespace kinema::dsl {

/// What can be seen from a point of a definition, and what all definitions share.
struct CheckContext {
  const Program &program;
  Diagnostics &diagnostics;
  Values &values;
  const llvm::StringSet<> &everSet; // "conv.pad": the parameters that some `set` gives a default
  const Definition &definition;
  Constants constants = {}; // parameters of the network that is compiled, lets
  llvm::StringSet<> lets = {};
  std::vector<ValueNames> labels =
      {}; // of the definition and the streams around the point, so far, and their bodies
  std::vector<const Body *> bodies = {};
  ValueNames streams = {}; // all of the definition: they may be named before their line

  uint32_t file() const { return definition.location.file; }
  /// A line that had an error would have given this name: say nothing more about it.
  bool failed(llvm::StringRef name) const;
  /// What `head` calls here: nothing where it is a parameter or unknown.
  Callee callee(llvm::StringRef head) const;
  /// A parameter of type unit or block.
  bool callsParameter(llvm::StringRef head) const;
};

class ExpressionChecker {
public:
  explicit ExpressionChecker(CheckContext &context) : context(context) {}

  /// `expr` as an argument for `wanted`.
  void check(const Expr &expr, const CalleeParameter &wanted);
  /// `expr` as an argument of something that is known at the call alone.
  void checkLoosely(const Expr &expr);
  void checkInteger(const Expr &expr, llvm::StringRef what);
  /// `from PATH`
  void checkValue(const PathExpr &path);

private:
  void mismatch(const Expr &expr, const CalleeParameter &wanted, const std::string &found,
                std::string hint = {});
  std::string hintForTwoParts(const SizeExpr &size, const CalleeParameter &wanted);
  void checkSize(const SizeExpr &size, const CalleeParameter &wanted);
  void checkList(const ListExpr &list, const CalleeParameter &wanted);
  void checkBinary(const BinaryExpr &binary, const CalleeParameter &wanted);
  void checkBound(const BoundExpr &bound, const CalleeParameter &wanted);
  void checkRange(const Expr &expr, const CalleeParameter &wanted);
  void checkPath(const PathExpr &path, const CalleeParameter &wanted);
  bool checkDeclared(const PathExpr &path, const CalleeParameter &wanted);
  void checkCallable(const PathExpr &path, const CalleeParameter &wanted);
  void checkOtherWord(const PathExpr &path, const CalleeParameter &wanted);
  void checkDotted(const PathExpr &path, const CalleeParameter &wanted);
  const ValueName *findValue(const PathExpr &path);
  void unknownWord(const PathExpr &path);

  CheckContext &context;
};

/// The arguments of a call, or of a kind with arguments bound, against what is called. `partial`: some may be
/// missing. `defaultBlock`: what a stage repeats where it does not say; empty where that is not known here.
void checkArguments(CheckContext &context, const Callee &callee, Location head,
                    llvm::ArrayRef<Argument> arguments, bool partial, const Callee &defaultBlock);

} // namespace kinema::dsl
