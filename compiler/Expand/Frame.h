// Says what names stand for while a network is expanded.
#ifndef KINEMA_COMPILER_EXPAND_FRAME_H
#define KINEMA_COMPILER_EXPAND_FRAME_H

#include "dialects/Shape/ShapeRules.h"
#include "dsl/Scope.h"

#include "mlir/IR/BuiltinTypes.h"

namespace kinema::expansion {

/// An Activation is a value of the network, [N, C, T, H, W].
struct Activation {
  enum class State {
    None,   // before the input
    Failed, // an error was reported; whoever uses the value reports nothing
    Ready
  };
  /// A Reduction is a step that made the value smaller along some axis.
  struct Reduction {
    dsl::Location where;
    shape::Size3 factor;
  };

  State state = State::None;
  mlir::Value value;
  shape::Size3 stride = {1, 1, 1}; // relative to the network's input
  shape::Size3 input = {0, 0, 0};  // T, H, W of that input
  std::vector<Reduction> reductions;
  dsl::Location origin; // the statement that made it

  static Activation failed() {
    Activation result;
    result.state = State::Failed;
    return result;
  }
  bool ready() const { return state == State::Ready; }
  mlir::RankedTensorType type() const { return llvm::cast<mlir::RankedTensorType>(value.getType()); }
  int64_t channels() const { return type().getDimSize(1); }
  shape::Size3 size() const { return {type().getDimSize(2), type().getDimSize(3), type().getDimSize(4)}; }
  /// Returns, for instance, "64x8x28x28".
  std::string describe() const;
};

/// A Node is a named value with the values named inside of what made it: `res2`, `res2.a`, `stage2.0`.
struct Node : dsl::NamedValue {
  Activation value;
  bool complete = true; // false: a stream that is still being expanded
  /// The path of the weights that the value is made with, such as "stage2.0"; none for what owns no path.
  std::optional<std::string> weights;
  std::vector<std::pair<std::string, std::shared_ptr<Node>>> parts;

  std::shared_ptr<Node> find(llvm::StringRef part) const;
  void add(llvm::StringRef part, std::shared_ptr<Node> node);
  std::optional<int64_t> extent(char axis) const override;
  bool failed() const override { return value.state == Activation::State::Failed; }
};
using NodePtr = std::shared_ptr<Node>;

/// A Root is the scope around the network: it knows what `set` says, and where errors go.
class Root : public dsl::Scope {
public:
  /// A Setting is a value set by `set`, until the end of the body it stands in.
  struct Setting {
    dsl::Callee callee;
    std::string parameter;
    dsl::Binding value;
  };

  Root(const dsl::Program &program, dsl::Diagnostics &diagnostics)
      : Scope(program, program.network->location.file), diagnostics(diagnostics) {}

  const dsl::Binding *find(llvm::StringRef) const override { return nullptr; }
  std::optional<dsl::Type> parameterType(llvm::StringRef) const override { return std::nullopt; }
  bool isValue(llvm::StringRef) const override { return false; }
  std::optional<dsl::Binding> value(const dsl::PathExpr &path,
                                    llvm::ArrayRef<dsl::PathExpr::Part> parts) override;
  const dsl::Binding *setting(const dsl::Callee &callee, llvm::StringRef parameter) const override;
  dsl::Diagnostic &error(dsl::Location where, std::string message, std::string hint = {}) override {
    return diagnostics.error(where, std::move(message), std::move(hint));
  }

  dsl::Diagnostics &diagnostics;
  std::vector<Setting> settings;
};

/// A Sharing says whose weights a call uses: those named `to` and `to.*` instead of its own, which would be
/// `from` and `from.*`.
struct Sharing {
  std::string from, to;
  dsl::Location where; // of the value that the call names

  /// Returns the name of the weight that is used where a call's own would have the name `name`.
  std::string nameFor(llvm::StringRef name) const { return to + name.drop_front(from.size()).str(); }
};

/// A Frame is one call of a definition, or a stream inside of one.
class Frame : public dsl::CalleeScope {
public:
  /// Makes the frame of the network that is compiled.
  Frame(Root &root, const dsl::Definition &network)
      : CalleeScope(root, {nullptr, &network}, {}), labels(std::make_shared<Node>()) {}
  /// Makes the frame of a definition, called by the statement at `call`.
  Frame(Frame &caller, const dsl::Callee &callee, dsl::Location call)
      : CalleeScope(caller, callee, call), sharing(caller.sharing), frozen(caller.frozen), isCalled(true) {}
  /// Makes the frame of a stream inside of a definition.
  Frame(Frame &outer, NodePtr labels, std::string path)
      : CalleeScope(outer, outer.called, {}), labels(std::move(labels)), path(std::move(path)),
        sharing(outer.sharing), frozen(outer.frozen), isCalled(outer.isCalled), outer(&outer) {}

  const dsl::Binding *find(llvm::StringRef name) const override;
  bool isValue(llvm::StringRef name) const override { return findNode(name) != nullptr; }
  std::optional<dsl::Binding> value(const dsl::PathExpr &path,
                                    llvm::ArrayRef<dsl::PathExpr::Part> parts) override;
  void addNames(std::vector<llvm::StringRef> &found) const override;

  void define(llvm::StringRef name, dsl::Binding value) { names[name] = std::move(value); }
  NodePtr findNode(llvm::StringRef name) const;
  /// Returns whether a value inside of `node` is named from within: a stream may name the values that it has
  /// already.
  bool isInside(const NodePtr &node) const;

  NodePtr labels;   // named values
  NodePtr in;       // the value that the definition was called on; null where there is none
  std::string path; // path of its weights: "" or "stage2.0."
  unsigned stages = 0;
  std::map<std::string, const dsl::Stmt *> owners; // by path: its statements that own weights
  std::optional<Sharing> sharing;                  // whose weights are used by what is called right now
  bool frozen = false;                             // whether training leaves their weights alone
  const bool isCalled = false;                     // false for the network's own frame

private:
  NodePtr start(const dsl::PathExpr &path);

  Frame *const outer = nullptr; // for a stream, the frame it stands in
};

} // namespace kinema::expansion

#endif
