// Builds the function and the parameters of an expansion.
#ifndef KINEMA_COMPILER_EXPAND_NETWORK_H
#define KINEMA_COMPILER_EXPAND_NETWORK_H

#include "dialects/Clip/Clip.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace kinema::expansion {

/// These limit what a spec may expand to.
inline constexpr int64_t maxOperations = 100'000;
inline constexpr int64_t maxElements = int64_t(1) << 40;

/// Returns the number of elements, or nothing above `maxElements`.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

class Network {
public:
  explicit Network(mlir::ModuleOp module);

  /// Adds a clip that the network looks at, as an argument of the function. `kind` is one of inputKinds,
  /// `shape` [N, C, T, H, W], and `every` says which of the clip's frames it has.
  mlir::Value addInput(llvm::StringRef kind, llvm::StringRef path, llvm::ArrayRef<int64_t> shape,
                       int64_t every, mlir::Location where);

  /// Returns the parameter of that name, or null.
  clip::ParamOp parameter(llvm::StringRef name) const { return parameters.lookup(name); }
  /// Declares a parameter under a name that no parameter has yet.
  clip::ParamOp addParameter(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::StringRef role,
                             mlir::DictionaryAttr init, mlir::Location where);
  /// Returns the parameter's value, read at the function's top, once for all who share it.
  mlir::Value read(clip::ParamOp parameter);

  /// Returns a builder at the function's end.
  mlir::OpBuilder &operations() {
    builder.setInsertionPointToEnd(&function.getBody().front());
    return builder;
  }
  template <typename Op, typename... Args> Op create(mlir::Location where, Args &&...args) {
    ++operationCount;
    return Op::create(operations(), where, std::forward<Args>(args)...);
  }
  /// Creates an operation, by its name, of one operand and a result of its type.
  mlir::Value createUnary(mlir::Location where, llvm::StringRef operation, mlir::Value operand);
  /// Creates a clip.map, whose element `write` makes of those of the operands.
  mlir::Value createMap(mlir::Location where, mlir::ValueRange operands, mlir::RankedTensorType type,
                        bool kept, llvm::function_ref<mlir::Value(clip::Formula &, mlir::ValueRange)> write);
  int64_t size() const { return operationCount; }

  /// Returns a name that no layer has yet: `name`, `name2` ...
  std::string uniqueLayerName(llvm::StringRef name) { return uniqueName(layerCounts, name); }
  /// Returns likewise a name that no call of a block has yet.
  std::string uniqueBlockName(llvm::StringRef name) { return uniqueName(blockCounts, name); }
  /// Says where a layer stands in the text of the network.
  struct Place {
    std::string block;           // the call of a block or stage that it is a part of; empty: of none
    std::optional<int64_t> copy; // which of that call's copies
    std::string stream;          // empty: it stands in none
  };
  /// Begins a row of the layer table: operations named `name` or `name.*` belong to it. `kind` is the
  /// author's word.
  void addLayer(llvm::StringRef name, llvm::StringRef kind, const Place &place);

  /// Ends the function, which returns `logits` and behind them, as `loss.NAME`, the named values that the
  /// loss is of in their place, if there are any; and writes the facts into the module: `clip.network`,
  /// `clip.layers`.
  void finish(mlir::Value logits, llvm::ArrayRef<std::pair<std::string, mlir::Value>> losses,
              llvm::StringRef name, mlir::Location where);

  /// Notes in `clip.features` of the finished module that inference gives the features of a layer. Returns
  /// whether there is such a layer.
  bool addFeatures(llvm::StringRef layer);
  std::vector<llvm::StringRef> layerNames() const;

private:
  using Counts = llvm::StringMap<unsigned>; // how often a name was asked for
  static std::string uniqueName(Counts &counts, llvm::StringRef name);

  mlir::ModuleOp module;
  mlir::OpBuilder builder;
  mlir::func::FuncOp function;
  mlir::Operation *lastRead = nullptr;
  llvm::StringMap<clip::ParamOp> parameters;
  llvm::StringMap<clip::ReadOp> reads; // of the parameters, by their names
  Counts layerCounts, blockCounts;
  llvm::SmallVector<mlir::Attribute> layers, inputs;
  int64_t operationCount = 0;
};

} // namespace kinema::expansion

#endif
