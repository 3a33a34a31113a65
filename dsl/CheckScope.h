// Knows what can be seen from a point of a definition that is checked: names, and the values of the compiled
// network's own parameters. Everything else depends on the calls.
#pragma once

#include "dsl/Scope.h"
#include "dsl/Values.h"

namespace kinema::dsl {

class CheckScope : public Scope {
public:
  /// Takes as `everSet` the parameters that some `set` of the program gives a default, such as "conv.pad".
  CheckScope(const Program &program, const Definition &definition, Values &values,
             const llvm::StringSet<> &everSet, std::vector<ArgumentUse> &arguments, Diagnostics &diagnostics);

  const Binding *find(llvm::StringRef name) const override;
  std::optional<Type> parameterType(llvm::StringRef name) const override;
  bool isValue(llvm::StringRef name) const override;
  std::optional<Binding> value(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts) override;
  const Binding *setting(const Callee &callee, llvm::StringRef parameter) const override;
  Diagnostic &error(Location where, std::string message, std::string hint = {}) override;
  void addNames(std::vector<llvm::StringRef> &names) const override;
  void noteArgument(Location argument, const Callee &callee, llvm::StringRef parameter) override;

  /// Returns whether this is the network that is compiled, which nobody calls.
  bool isCompiled() const { return &definition == program.network; }
  bool isLet(llvm::StringRef name) const { return names.contains(name) && !definition.parameter(name); }

  /// A Setting is a value set by `set`, until the end of the braces it stands in.
  struct Setting {
    Callee callee;
    std::string parameter;
    Binding value;
  };

  const Definition &definition;
  Values &values;
  Diagnostics &diagnostics;
  llvm::StringMap<Binding> names; // parameters and lets
  std::vector<Setting> settings;
  std::vector<ValueNames> labels;   // labels so far, of the definition and the streams around the point
  std::vector<const Body *> bodies; // the bodies that these labels stand in
  ValueNames streams;               // all streams of the definition: they may be named before their line

private:
  bool checkValue(const PathExpr &path, llvm::ArrayRef<PathExpr::Part> parts);
  const ValueName *findValue(const PathExpr &path);

  const llvm::StringSet<> &everSet;
  std::vector<ArgumentUse> &arguments; // of all calls that were checked
};

} // namespace kinema::dsl
