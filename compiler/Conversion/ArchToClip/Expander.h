// The expansion of a network: calls become operations. One class; its parts have a file each.
#ifndef KINEMA_COMPILER_CONVERSION_ARCHTOCLIP_EXPANDER_H
#define KINEMA_COMPILER_CONVERSION_ARCHTOCLIP_EXPANDER_H

#include "compiler/Conversion/ArchToClip/Network.h"
#include "compiler/Conversion/ArchToClip/Report.h"
#include "compiler/Conversion/ArchToClip/Values.h"

namespace kinema::expansion {

struct Options {
  int64_t batch = 1;
  int64_t frames = 0, height = 0, width = 0; // of every input; 0: as written
};

/// Calls may lie inside each other so deep, and so many may be expanded.
inline constexpr unsigned maxDepth = 100;
inline constexpr int64_t maxCalls = 200'000;

class Expander {
public:
  Expander(mlir::ModuleOp module, const Options &options);

  /// Expands the network of the module's first file. Errors are reported, as many as there are.
  mlir::LogicalResult run();
  int64_t calls() const { return callCount; }

  /// One of several values that are joined.
  struct Operand {
    Activation value;
    std::string name; // "the value before", "'low'", "branch 2"
  };

private:
  /// A value set by `set`, until the end of the body it stands in.
  struct Setting {
    const void *callee; // Callable::key
    std::string parameter;
    Binding value;
  };
  /// A tower: its statements are expanded as far as the values they name are known.
  struct Stream {
    arch::StreamOp op;
    std::unique_ptr<Frame> frame;
    NodePtr node;
    Activation value;
    mlir::Block::iterator next;
    std::vector<Setting> settings;
    bool finished() const { return node->complete; }
  };
  /// What a statement calls, where, and on which value.
  struct Site {
    mlir::Operation *op;
    mlir::Location where; // the head
    Frame &frame;
    std::string path;  // of its weights: "stage2.0.conv1"; "" for a network's own `_:`
    std::string layer; // the name of its operations
    Activation value;
    NodePtr node; // gets the callee's names
  };
  /// A weight's name in the making: who would own it.
  struct Claim {
    Frame *frame;
    std::string path;
    mlir::Operation *statement;
  };

  // Expander.cpp: bodies and statements
  Activation expandBody(mlir::Region &body, Frame &frame, Activation value);
  Activation expandStatement(mlir::Operation *op, Frame &frame, const Activation &value);
  Activation expandFrom(arch::FromOp op, Frame &frame);
  void expandLet(arch::LetOp op, Frame &frame);
  void expandSet(arch::SetOp op, Frame &frame);
  bool checkResult(const Activation &result, Frame &frame);
  bool withinLimits(mlir::Location where, Frame &frame);

  // Streams.cpp
  void announceStream(arch::StreamOp op, Frame &frame);
  Stream startStream(arch::StreamOp op, Frame &frame, const Activation &value);
  void advance(std::vector<Stream> &streams);
  bool step(Stream &stream);
  void reportCircle(mlir::Operation *statement, llvm::StringRef missing, Frame &frame);
  /// The first value that a statement names and an unfinished stream has not got yet; empty if there is none.
  std::string missingValue(mlir::Operation *statement, Frame &frame);

  // Calls.cpp
  Activation expandCall(arch::CallOp op, Frame &frame, const Activation &value);
  Activation expandCopies(arch::CallOp op, const Callable &callee, Frame &frame, const Activation &value,
                          int64_t copies, Node &node);
  Activation invoke(Callable &callable, Site site);
  Activation expandDefinition(Callable &callable, Site &site);
  std::optional<std::string> segmentOf(arch::CallOp op, const Callable &callee, Frame &frame);
  std::optional<int64_t> copiesOf(arch::CallOp op, Frame &frame, mlir::Location where);
  void nameResult(mlir::StringAttr label, const NodePtr &node, bool isStage, Frame &frame);

  // Arguments.cpp
  CallablePtr bindCall(arch::CallOp op, const Callable &callee, Frame &frame, int64_t copy);
  bool bindArguments(CallablePtr &target, llvm::ArrayRef<arch::ArgumentAttr> arguments,
                     llvm::ArrayRef<arch::Places::Argument> places, Frame &frame, int64_t copy);
  bool bindArgument(Callable &target, const Parameter &parameter, mlir::Attribute value,
                    const arch::Places::Argument &place, Frame &frame);
  bool bindLeftOver(Callable &target, llvm::StringRef name, mlir::Attribute value,
                    const arch::Places::Argument &place, Frame &frame);
  /// Nothing where neither the callee nor its kind has the parameter.
  std::optional<bool> bindRiding(Callable &target, llvm::StringRef name, mlir::Attribute value,
                                 const arch::Places::Argument &place, Frame &frame);
  CallablePtr kindOf(Callable &target, Frame &frame, mlir::Location where);
  CallablePtr blockOfStage(Callable &stage, Frame &frame, mlir::Location where);
  bool bindParameters(Callable &callable, Frame &callee, mlir::Location where);
  const Binding *settingOf(const Callable &callable, llvm::StringRef parameter) const;

  // Evaluator.cpp
  std::optional<Binding> evaluate(mlir::Attribute expression, const Parameter &wanted, Frame &frame,
                                  mlir::Location where);
  std::optional<Binding> evaluateAny(mlir::Attribute expression, const Parameter &wanted, Frame &frame,
                                     mlir::Location where);
  std::optional<Binding> evaluatePath(llvm::StringRef path, const Parameter &wanted, Frame &frame,
                                      mlir::Location where);
  std::optional<Binding> evaluateBound(arch::BoundAttr bound, Frame &frame, mlir::Location where);
  std::optional<Binding> evaluateList(mlir::ArrayAttr list, Frame &frame, mlir::Location where);
  std::optional<int64_t> evaluateInteger(mlir::Attribute expression, Frame &frame, mlir::Location where);
  NodePtr evaluateNode(mlir::Attribute path, Frame &frame, mlir::Location where);
  std::optional<int64_t> evaluateBinary(arch::BinaryAttr binary, Frame &frame, mlir::Location where);
  std::optional<Binding> memberOf(const Binding &binding, llvm::StringRef path, llvm::StringRef rest,
                                  Frame &frame, mlir::Location where);
  std::optional<Binding> memberOfNode(NodePtr node, llvm::StringRef path, llvm::StringRef rest, Frame &frame,
                                      mlir::Location where);
  NodePtr findNode(llvm::StringRef name, Frame &frame);
  CallablePtr findCallable(llvm::StringRef name, Frame &frame);
  CallablePtr findOperation(llvm::StringRef name);
  std::optional<Binding> coerce(Binding binding, const Parameter &wanted, Frame &frame, mlir::Location where);

  // Operations.cpp
  Activation expandOperation(Callable &callable, Site &site);
  Activation expandInput(Site &site, Frame &arguments);
  bool checkInput(llvm::StringRef kind, int64_t channels, Site &site);
  Activation expandConv(Site &site, Frame &arguments);
  mlir::InFlightDiagnostic warn(Site &site, mlir::Location where);
  void warnOfWindow(Site &site, const Activation &x, const shape::Window &window, const Binding &padding);
  Activation expandPool(Site &site, Frame &arguments);
  Activation expandFc(Site &site, Frame &arguments);
  Activation expandBn(Site &site, Frame &arguments);
  Activation expandDropout(Site &site, Frame &arguments);
  Activation expandFold(Site &site);
  Activation expandShift(Site &site, Frame &arguments);
  Activation expandAttention(Site &site, Frame &arguments);
  Activation expandJoin(const Callable &callable, Site &site, Frame &arguments);
  Activation concatenate(llvm::ArrayRef<Operand> operands, Site &site, Frame &arguments);
  Activation clash(llvm::StringRef word, const Operand &a, const Operand &b, Site &site);
  Activation expandResidual(Site &site, Frame &arguments);
  std::optional<Activation> project(Site &site, Frame &arguments, const Activation &body);
  mlir::Value normalise(mlir::Value x, llvm::StringRef path, double gamma, Site &site, Frame *arguments);
  mlir::Value activate(mlir::Value x, const Binding &word, Site &site);
  clip::ParamOp declare(Site &site, llvm::StringRef path, llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                        llvm::StringRef role, mlir::DictionaryAttr init);
  mlir::Value parameter(Site &site, llvm::StringRef path, llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                        llvm::StringRef role, mlir::DictionaryAttr init);
  bool claim(Site &site, llvm::StringRef name);
  mlir::Location layerLocation(const Site &site);
  Activation result(Site &site, mlir::Value value, const shape::Size3 &stride);

  mlir::ModuleOp module;
  mlir::MLIRContext &context;
  Options options;
  Network network;
  std::vector<Setting> settings;
  std::vector<Claim> claims;
  llvm::StringMap<std::vector<Parameter>> operationParameters;
  std::optional<mlir::Location> rootStatement; // the statement of the network that is being expanded
  bool reported = false;                       // an error
  bool stopped = false;                        // a limit was hit
  unsigned depth = 0;
  unsigned layerDepth = 0; // inside a row of the layer table
  int64_t callCount = 0;
  int64_t dropouts = 0;

  mlir::InFlightDiagnostic fail(mlir::Location where, const Frame &frame, const llvm::Twine &message,
                                const llvm::Twine &hint = "") {
    reported = true;
    return report(where, &frame, message, hint);
  }
};

} // namespace kinema::expansion

#endif
