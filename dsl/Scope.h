// What names mean at a point of a spec. The checks and the expansion each have scopes of their own; the rules
// of expressions (Evaluate.h) and arguments (Bind.h) are the same in all of them.
#pragma once

#include "dsl/Binding.h"

namespace kinema::dsl {

class Scope {
public:
  Scope(const Program &program, uint32_t file) : program(program), file(file) {}
  Scope(const Scope &) = delete;
  virtual ~Scope() = default;

  /// A parameter or a `let`; null where there is none.
  virtual const Binding *find(llvm::StringRef name) const = 0;
  /// Of a parameter; nothing where `name` is none.
  virtual std::optional<Type> parameterType(llvm::StringRef name) const = 0;
  /// Whether a value of the network is called `name`, or a part of it.
  virtual bool isValue(llvm::StringRef name) const = 0;
  /// The value that `parts`, the whole path or its beginning, name; nothing after an error.
  virtual std::optional<Binding> value(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts) = 0;
  /// What the innermost `set` says; null where none does.
  virtual const Binding *setting(const Callee &callee, llvm::StringRef parameter) const = 0;
  /// Reports, with the calls that led here.
  virtual Diagnostic &error(Location where, std::string message, std::string hint = {}) = 0;
  /// The names that a mistaken word may have meant.
  virtual void addNames(std::vector<llvm::StringRef> &) const {}

  /// The operation or definition of that name.
  Callee callee(llvm::StringRef name) const { return findCallee(program, file, name); }
  /// A line that had an error would have given this name: say nothing more about it.
  bool failed(llvm::StringRef name) const { return program.files[file]->failedNames.contains(name); }
  /// A parameter of type unit or block.
  bool callsParameter(llvm::StringRef head) const {
    std::optional<Type> type = parameterType(head);
    return type == Type::Unit || type == Type::Block;
  }

  const Program &program;
  const uint32_t file;
};

/// Inside of what is called: its parameters have values, values of the network have none yet.
class CalleeScope : public Scope {
public:
  /// `call`: the call's head or statement.
  CalleeScope(Scope &caller, const Callee &callee, Location call);

  /// Gives every parameter a value: the argument, else what `set` says, else the default, which sees the
  /// parameters before it. False after an error; one about an argument that is missing stands at `head`.
  bool fill(const Callable &callable, Location head);
  /// Takes parameters as given, with values that are not known.
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

/// The first parameter that no argument, no `set` and no default gives.
std::optional<CalleeParameter> missingArgument(const Callable &callable, const Scope &scope);
void reportMissing(const Callee &callee, const CalleeParameter &parameter, Location head, Scope &scope);
/// "(basic: kind ch stride; conv3d: t d ch stride)"
std::string parametersOf(llvm::ArrayRef<Callee> callees);

} // namespace kinema::dsl
