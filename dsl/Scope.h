// Says what names mean at a point of a spec. The checks and the expansion each have scopes of their own; the
// rules of expressions (Evaluate.h) and arguments (Bind.h) are the same in all of them.
#pragma once

#include "dsl/Binding.h"

namespace kinema::dsl {

class Scope {
public:
  Scope(const Program &program, uint32_t file) : program(program), file(file) {}
  Scope(const Scope &) = delete;
  virtual ~Scope() = default;

  /// Returns a parameter or a `let`; null where there is none of that name.
  virtual const Binding *find(llvm::StringRef name) const = 0;
  /// Returns the type of a parameter; nothing where `name` is none.
  virtual std::optional<Type> parameterType(llvm::StringRef name) const = 0;
  /// Returns whether a value of the network, or a part of one, is called `name`.
  virtual bool isValue(llvm::StringRef name) const = 0;
  /// Returns the value that `parts` name, which are the whole path or its beginning; nothing after an error.
  virtual std::optional<Binding> value(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts) = 0;
  /// Returns what the innermost `set` says; null where none does.
  virtual const Binding *setting(const Callee &callee, llvm::StringRef parameter) const = 0;
  /// Reports an error, with the calls that led here.
  virtual Diagnostic &error(Location where, std::string message, std::string hint = {}) = 0;
  /// Adds the names that a mistaken word may have meant.
  virtual void addNames(std::vector<llvm::StringRef> &) const {}
  /// Notes which parameter an argument of the text fills.
  virtual void noteArgument(Location, const Callee &, llvm::StringRef) {}

  /// Returns the operation or definition of that name.
  Callee callee(llvm::StringRef name) const { return findCallee(program, file, name); }
  /// Returns whether a line that had an error would have given this name, so that nothing more is said about
  /// it.
  bool failed(llvm::StringRef name) const { return program.files[file]->failedNames.contains(name); }
  /// Returns whether the head is a parameter of type unit or block.
  bool callsParameter(llvm::StringRef head) const {
    std::optional<Type> type = parameterType(head);
    return type == Type::Unit || type == Type::Block;
  }

  const Program &program;
  const uint32_t file;
};

/// A CalleeScope is the inside of what is called: its parameters have values, but values of the network have
/// none yet.
class CalleeScope : public Scope {
public:
  /// Takes as `call` the place of the call's head or statement.
  CalleeScope(Scope &caller, const Callee &callee, Location call);

  /// Gives every parameter a value: the argument, else what `set` says, else the default, which sees the
  /// parameters before it. Returns false after an error; an error about a missing argument stands at `head`.
  bool fill(const Callable &callable, Location head);
  /// Counts parameters as given, with values that are not known.
  void assumeParameters();
  const Binding &operator[](llvm::StringRef parameter) const { return names.find(parameter)->second; }

  const Binding *find(llvm::StringRef name) const override;
  std::optional<Type> parameterType(llvm::StringRef name) const override;
  bool isValue(llvm::StringRef name) const override { return name == "in"; }
  std::optional<Binding> value(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts) override;
  const Binding *setting(const Callee &callee, llvm::StringRef parameter) const override {
    return caller.setting(callee, parameter);
  }
  Diagnostic &error(Location where, std::string message, std::string hint = {}) override;

protected:
  Scope &caller;
  const Callee called;
  const Location call;
  llvm::StringMap<Binding> names; // parameters, and lets where there are any

private:
  bool fillDefault(const CalleeParameter &parameter);
};

/// Returns the first parameter that no argument, no `set` and no default gives.
std::optional<CalleeParameter> missingArgument(const Callable &callable, const Scope &scope);
void reportMissing(const Callee &callee, const CalleeParameter &parameter, Location head, Scope &scope);
/// Returns, for instance, "(basic: kind ch stride; conv3d: t d ch stride)".
std::string parametersOf(llvm::ArrayRef<Callee> callees);

} // namespace kinema::dsl
