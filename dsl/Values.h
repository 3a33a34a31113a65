// Finds names of values: which labels a body has, and what `flow.res2.a` means as far as no shape is needed
// to know it.
#pragma once

#include "dsl/Callee.h"

#include "llvm/ADT/DenseMap.h"

namespace kinema::dsl {

/// A ValueName is a name that a statement gives: its label, a stream's name, or `stage2` of an unlabelled
/// stage.
struct ValueName {
  std::string name;
  Location location;
  const Stmt *stmt;
  const Definition *owner; // the definition that the statement is part of
};

/// Holds the names of a definition or a stream, in order.
struct ValueNames {
  std::vector<ValueName> names;
  unsigned stages = 0;
  /// Says that there may be more names: a kind or block that is a parameter is called under `_:`, or there
  /// are too many to list.
  bool open = false;

  const ValueName *find(llvm::StringRef name) const;
};

/// Returns "value 'a' has no value 'b.c'", where `c` was looked for in `a.b`.
std::string noSuchMember(llvm::StringRef what, llvm::StringRef from, llvm::StringRef last,
                         llvm::StringRef part);
/// Returns, for instance, "res2 has a, b, rest".
std::string namesInside(llvm::StringRef value, llvm::ArrayRef<llvm::StringRef> names);

/// Holds the names of all bodies of a program, gathered as they are asked for. Definitions must not call
/// themselves.
class Values {
public:
  explicit Values(const Program &program) : program(program) {}

  /// Adds the names that one statement gives, without the statements inside its braces.
  void add(const Stmt &stmt, const Definition &owner, ValueNames &names);
  /// Returns all names of a body; the braces of residual and branches are part of it, those of streams are
  /// not.
  const ValueNames &of(const Body &body, const Definition &owner);
  /// Follows `parts` (a path without its first part) from a named value. Reports a part that cannot exist;
  /// returns true if the path is right or cannot be judged here.
  bool checkMembers(const ValueName &from, llvm::ArrayRef<PathExpr::Part> parts, Diagnostics &diagnostics);

  /// Returns the names inside a value; null where they cannot be known here.
  const ValueNames *membersOf(const ValueName &value);

private:
  Callee headOf(const CallStmt &call, const Definition &owner) const;
  void addBody(const Body &body, const Definition &owner, ValueNames &names);

  const Program &program;
  llvm::DenseMap<const Body *, std::unique_ptr<ValueNames>> known;
  const ValueNames nothing;
};

} // namespace kinema::dsl
