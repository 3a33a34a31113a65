// Expands a network: calls become operations. It is one class; its parts have a file each.
#ifndef KINEMA_COMPILER_EXPAND_EXPANDER_H
#define KINEMA_COMPILER_EXPAND_EXPANDER_H

#include "compiler/Expand/Expand.h"
#include "compiler/Expand/Network.h"
#include "compiler/Expand/Report.h"
#include "dsl/Bind.h"

namespace kinema::expansion {

/// These limit how deep calls may lie inside each other, and how many may be expanded.
inline constexpr unsigned maxDepth = 100;
inline constexpr int64_t maxCalls = 200'000;

class Expander {
public:
  Expander(const dsl::Program &program, const ExpandOptions &options, dsl::Diagnostics &diagnostics,
           mlir::ModuleOp module);

  /// Expands the program's network. All errors that are found are reported.
  mlir::LogicalResult run();

  /// An Operand is one of several values that are joined.
  struct Operand {
    Activation value;
    std::string name; // "the value before", "'low'", "branch 2"
  };

private:
  using Arguments = dsl::CalleeScope; // arguments of an operation
  using Statements = std::vector<const dsl::Stmt *>;

  /// A Stream is a tower: its statements are expanded as far as the values that they name are known.
  struct Stream {
    Statements statements;
    std::unique_ptr<Frame> frame;
    Activation value;
    std::vector<Root::Setting> settings;
    size_t next = 0;
    Node &node() const { return *frame->labels; }
    bool finished() const { return node().complete; }
  };
  /// Says what a statement calls, where, and on which value.
  struct Site {
    const dsl::CallStmt &call;
    Frame &frame;
    std::string path;  // the path of its weights, such as "stage2.0.conv1"; "" for a network's own `_:`
    std::string layer; // the name of its operations
    Activation value;
    NodePtr node; // gets the callee's names
    dsl::Location where() const { return call.head.location; }
  };
  /// A Claim is a weight's name in the making, with who would own it.
  struct Claim {
    Frame *frame;
    std::string path;
    const dsl::Stmt *statement;
  };

  // These functions, in Expander.cpp, expand bodies and statements.
  static Statements statementsOf(const dsl::Chain &chain);
  static Statements statementsOf(const dsl::Body &body);
  Activation expandStatements(llvm::ArrayRef<const dsl::Stmt *> statements, Frame &frame, Activation value);
  Activation expandStatement(const dsl::Stmt &stmt, Frame &frame, const Activation &value);
  Activation expandTraced(const dsl::Stmt &stmt, Frame &frame, const Activation &value);
  Activation expandFrom(const dsl::FromStmt &from, Frame &frame);
  void expandLet(const dsl::LetStmt &let, Frame &frame);
  void expandSet(const dsl::SetStmt &set, Frame &frame);
  bool checkResult(const Activation &result, Frame &frame);
  void addFeatures(Frame &frame);
  std::optional<mlir::Value> lossValue(const std::string &name, const Activation &result, Frame &frame);
  bool withinLimits(dsl::Location where, Frame &frame);

  // These functions are in Streams.cpp.
  void announceStream(const dsl::StreamStmt &stream, Frame &frame);
  Stream startStream(const dsl::StreamStmt &stream, Frame &frame, const Activation &value);
  void advance(std::vector<Stream> &streams);
  bool step(Stream &stream);
  void reportCircle(const dsl::Stmt &stmt, Frame &frame);
  /// Returns the first value that a statement names and that an unfinished stream does not have yet; null if
  /// there is none.
  const dsl::PathExpr *missingValue(const dsl::Stmt &stmt, Frame &frame);

  // These functions are in Calls.cpp.
  Activation expandCall(const dsl::CallStmt &call, Frame &frame, const Activation &value);
  Activation expandCopies(const dsl::CallStmt &call, const dsl::Callable &callee, Frame &frame,
                          const Activation &value, int64_t copies, Node &node);
  Activation invoke(const dsl::Callable &callable, Site site);
  Activation expandDefinition(const dsl::Callable &callable, Site &site);
  dsl::CallablePtr findCallable(const dsl::Name &head, Frame &frame);
  std::optional<std::string> segmentOf(const dsl::CallStmt &call, const dsl::Callee &callee, Frame &frame);
  std::optional<int64_t> copiesOf(const dsl::CallStmt &call, Frame &frame);
  bool setWeights(const dsl::CallStmt &call, const std::optional<std::string> &path, Frame &frame);
  void nameResult(const std::optional<dsl::Name> &label, const NodePtr &node, bool isStage, Frame &frame);

  // These functions are in Acts.cpp.
  Activation expandAct(const dsl::Callable &callable, Site &site);
  mlir::Value map(mlir::Location where, const dsl::Definition &act, llvm::ArrayRef<mlir::Value> operands,
                  llvm::ArrayRef<double> parameters, mlir::RankedTensorType type, bool kept);
  mlir::Value activate(mlir::Value x, const dsl::Binding &word, Site &site);

  // These functions are in Operations.cpp.
  Activation expandOperation(const dsl::Callable &callable, Site &site);
  Activation expandInput(Site &site, Arguments &arguments);
  bool checkInput(llvm::StringRef kind, int64_t channels, Site &site);
  Activation expandConv(Site &site, Arguments &arguments);
  void warn(Site &site, dsl::Location where, std::string message, std::string hint = {});
  void warnOfWindow(Site &site, const Activation &x, const shape::Window &window,
                    const dsl::Binding &padding);
  Activation expandPool(Site &site, Arguments &arguments);
  Activation expandFc(Site &site, Arguments &arguments);
  Activation expandBn(Site &site, Arguments &arguments);
  Activation expandDropout(Site &site, Arguments &arguments);
  Activation expandShift(Site &site, Arguments &arguments);
  mlir::DictionaryAttr constantOf(double value);
  mlir::DictionaryAttr smallNormal();
  mlir::DictionaryAttr convInitialisation(const dsl::Binding &init);

  // These functions are in Axes.cpp.
  using Side = llvm::SmallVector<llvm::SmallVector<int64_t>>; // the factors of five axes
  mlir::Value arrange(mlir::Location where, mlir::Value x, llvm::ArrayRef<int64_t> sizes, const Side &source,
                      const Side &target);
  Activation expandArrange(Site &site, Arguments &arguments);
  Activation expandFold(Site &site);
  Activation poolChannels(Site &site, bool takesMaximum);
  Activation expandNorm(Site &site, Arguments &arguments);
  Activation expandSlice(Site &site, Arguments &arguments);
  Activation expandParam(Site &site, Arguments &arguments);
  Activation batched(mlir::Location where, Activation value);
  mlir::Value scaled(mlir::Location where, mlir::Value x, double factor);
  Operand operandNamed(Site &site, Arguments &arguments, const char *name);
  Activation expandProduct(Site &site, Arguments &arguments);
  Activation expandAttention(Site &site, Arguments &arguments);

  // These functions are in Joins.cpp.
  std::optional<std::vector<Operand>> operandsOf(const dsl::Callable &callable, Site &site);
  Activation expandJoin(const dsl::Callable &callable, Site &site, Arguments &arguments);
  Activation concatenate(llvm::ArrayRef<Operand> operands, Site &site, Arguments &arguments);
  std::optional<mlir::RankedTensorType> commonType(llvm::StringRef word, llvm::ArrayRef<Operand> operands,
                                                   Site &site);
  static Activation widest(llvm::ArrayRef<Operand> operands, mlir::RankedTensorType type);
  mlir::Value join(mlir::Location where, bool adds, mlir::Value a, mlir::Value b,
                   mlir::RankedTensorType type);
  Activation clash(llvm::StringRef word, const Operand &a, const Operand &b, Site &site);
  Activation expandResidual(Site &site, Arguments &arguments);
  std::optional<Activation> project(Site &site, Arguments &arguments, const Activation &body);
  mlir::Value normalise(mlir::Value x, llvm::StringRef path, double gamma, Site &site, Arguments *arguments);
  clip::ParamOp declare(Site &site, llvm::StringRef path, llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                        llvm::StringRef role, mlir::DictionaryAttr init);
  mlir::Value parameter(Site &site, llvm::StringRef path, llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                        llvm::StringRef role, mlir::DictionaryAttr init);
  bool claim(Site &site, llvm::StringRef name);
  clip::ParamOp shared(Site &site, llvm::StringRef own, llvm::ArrayRef<int64_t> shape, llvm::StringRef role);
  mlir::Location layerLocation(const Site &site);
  Activation result(Site &site, mlir::Value value, const shape::Size3 &stride);

  mlir::Location place(dsl::Location location);

  mlir::MLIRContext &context;
  ExpandOptions options;
  Root root;
  Network network;
  std::vector<Claim> claims;
  Network::Place here;         // where the layers that come now stand
  dsl::Location rootStatement; // the statement of the network that is being expanded
  bool stopped = false;        // a limit was hit
  unsigned depth = 0;
  unsigned layerDepth = 0; // how many rows of the layer table the expansion is inside of
  int64_t callCount = 0;
  int64_t dropouts = 0;

  dsl::Diagnostic &fail(dsl::Location where, Frame &frame, const llvm::Twine &message,
                        const llvm::Twine &hint = "") {
    return frame.error(where, message.str(), hint.str());
  }
};

} // namespace kinema::expansion

#endif
