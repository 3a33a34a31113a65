// What names stand for while a network is expanded.
#ifndef KINEMA_COMPILER_CONVERSION_ARCHTOCLIP_VALUES_H
#define KINEMA_COMPILER_CONVERSION_ARCHTOCLIP_VALUES_H

#include "dialects/Arch/Arch.h"
#include "dialects/Shape/ShapeRules.h"
#include "dsl/Operations.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace kinema::expansion {

using Size = std::vector<int64_t>; // T, H, W; C, T, H, W of an input

/// A value of the network, [N, C, T, H, W].
struct Activation {
  enum class State {
    None,   // before the input
    Failed, // an error was reported; what uses it is silent
    Ready
  };
  /// A step that made the value smaller along some axis.
  struct Reduction {
    mlir::Location where;
    shape::Size3 factor;
  };

  State state = State::None;
  mlir::Value value;
  shape::Size3 stride = {1, 1, 1}; // relative to the network's input
  shape::Size3 input = {0, 0, 0};  // T, H, W of that input
  std::vector<Reduction> reductions;
  std::optional<mlir::Location> origin; // the statement that made it

  static Activation failed() {
    Activation result;
    result.state = State::Failed;
    return result;
  }
  bool ready() const { return state == State::Ready; }
  mlir::RankedTensorType type() const { return llvm::cast<mlir::RankedTensorType>(value.getType()); }
  int64_t channels() const { return type().getDimSize(1); }
  shape::Size3 size() const { return {type().getDimSize(2), type().getDimSize(3), type().getDimSize(4)}; }
  /// "64x8x28x28"
  std::string describe() const;
};

/// A named value and the values named inside of what made it: `res2`, `res2.a`, `stage2.0`.
struct Node {
  Activation value;
  bool complete = true; // false: a stream that is still being expanded
  std::string name;
  std::vector<std::pair<std::string, std::shared_ptr<Node>>> parts;

  Node *find(llvm::StringRef part) const;
  void add(llvm::StringRef part, std::shared_ptr<Node> node);
};
using NodePtr = std::shared_ptr<Node>;

struct Callable;

/// "Not given": a default takes its place.
struct Auto {};
struct Word {
  std::string text; // `max`, `half`, `on`
};
/// Of an expression with an error that was reported: what uses it is silent.
struct Broken {};
/// The value of an expression.
using Binding = std::variant<Auto, Broken, int64_t, double, Size, Word, std::shared_ptr<Callable>, NodePtr>;

inline bool isAuto(const Binding &binding) { return std::holds_alternative<Auto>(binding); }
inline bool isBroken(const Binding &binding) { return std::holds_alternative<Broken>(binding); }
inline bool isWord(const Binding &binding, llvm::StringRef text) {
  const auto *word = std::get_if<Word>(&binding);
  return word && word->text == text;
}
/// "the size 1x2x2", "the word 'max'"
std::string describe(const Binding &binding);

/// A parameter, seen from outside.
struct Parameter {
  llvm::StringRef name;
  dsl::Type type;
  mlir::Attribute defaultValue = {}; // null: must be given
  llvm::ArrayRef<llvm::StringRef> words = {};
  unsigned sizeParts = 3;
  std::optional<double> minimum = {}, maximum = {};
};

/// The parameters of an operation or a definition, in order.
std::vector<Parameter> parametersOf(const dsl::Operation &operation, mlir::MLIRContext &context);
std::vector<Parameter> parametersOf(mlir::Operation *definition);

/// An operation or a definition with arguments bound.
struct Callable {
  struct Argument {
    Binding value;
    mlir::Location place;
  };

  const dsl::Operation *operation = nullptr; // one of the two
  mlir::Operation *definition = nullptr;
  std::vector<Parameter> parameters;
  std::map<std::string, Argument> bound;
  std::vector<Argument> values; // of add, mul, average and concat

  llvm::StringRef name() const;
  /// "unit 'conv3d'"
  std::string describe() const;
  bool is(dsl::Operation::Kind kind) const { return operation && operation->kind == kind; }
  /// A kind of conv: its weights' segment is `conv`.
  bool isUnit() const {
    return is(dsl::Operation::Kind::Conv) || llvm::isa_and_nonnull<arch::UnitOp>(definition);
  }
  const Parameter *find(llvm::StringRef parameter) const;
  /// The parameter that arguments for the kind ride with: the first of type unit.
  const Parameter *kindParameter() const;
  const void *key() const {
    return operation ? static_cast<const void *>(operation) : static_cast<const void *>(definition);
  }
};
using CallablePtr = std::shared_ptr<Callable>;

/// One call of a definition, or a stream inside of one.
struct Frame {
  Frame *outer = nullptr;  // of a stream: the frame it stands in
  Frame *caller = nullptr; // of a call
  std::optional<mlir::Location> call;
  arch::FileOp file;
  llvm::StringMap<Binding> names; // parameters and lets
  NodePtr labels;                 // named values
  NodePtr in;                     // the value it was called on; null where there is none
  std::string path;               // of its weights: "" or "stage2.0."
  unsigned stages = 0;
  std::map<std::string, mlir::Operation *> owners; // paths of its statements that own weights

  Frame &definitionFrame() { return outer ? outer->definitionFrame() : *this; }
};

} // namespace kinema::expansion

#endif
