// Says an inference function in nodes of ONNX.
#ifndef KINEMA_COMPILER_EXPORT_ONNXNODES_H
#define KINEMA_COMPILER_EXPORT_ONNXNODES_H

#include "compiler/Export/OnnxGraph.h"
#include "dialects/Clip/Clip.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace kinema {

/// OnnxNodes adds the nodes of a function of clip operations to a graph, under the names of their layers.
class OnnxNodes {
public:
  /// Takes the module's attribute `clip.layers`.
  OnnxNodes(OnnxGraph &graph, mlir::func::FuncOp function, mlir::ArrayAttr layers);

  /// Adds inputs, nodes and outputs. Reports an error at an operation that ONNX has no counterpart for.
  mlir::LogicalResult add();

private:
  /// A value is an activation [N, C, T, H, W], or [N, C] where it has one position; or both, in two nodes.
  struct Names {
    std::string whole, flat;
  };

  mlir::LogicalResult add(mlir::Operation &op);
  void add(clip::ReadOp op);
  void add(clip::ConvOp op);
  void add(clip::LinearOp op);
  void add(clip::BatchNormOp op);
  void add(clip::MaxPoolOp op);
  void add(clip::AvgPoolOp op);
  void add(clip::ConcatOp op);
  void add(clip::ShiftOp op);
  void add(clip::SliceOp op);
  void add(clip::ArrangeOp op);
  void add(clip::StandardiseOp op);
  void add(clip::MatmulOp op);
  void addPool(mlir::Operation &op, llvm::StringRef how, clip::WindowAttr window,
               llvm::ArrayRef<OnnxAttribute> more);
  /// Adds one node for an operation of one operand whose result has the same form.
  mlir::LogicalResult addElementwise(mlir::Operation &op, llvm::StringRef type,
                                     llvm::ArrayRef<std::string> constants = {},
                                     llvm::ArrayRef<OnnxAttribute> attributes = {});
  /// These add a node for each operation of a formula, whose block's arguments stand for the operands.
  mlir::LogicalResult add(clip::MapOp op);
  mlir::LogicalResult addFormula(clip::PointwiseOp op);
  mlir::LogicalResult addFormula(mlir::Operation &op, mlir::Block &formula,
                                 llvm::ArrayRef<mlir::Value> operands, mlir::Value element);
  /// Returns the number of clips, of the first input, as a tensor of one integer.
  std::string clips();
  void addOutput(mlir::Value value, llvm::StringRef name);

  std::string whole(mlir::Value value);
  std::string flat(mlir::Value value);
  bool hasFlat(mlir::Value value) const { return !names.lookup(value).flat.empty(); }
  /// Returns a matrix of channels by positions for each clip, or, `transposed`, of positions by channels.
  std::string matrix(mlir::Value value, bool transposed, const llvm::Twine &name);
  /// Returns a channel vector in a shape that goes with activations.
  std::string channels(mlir::Value value);
  /// Returns the name of an operation's result: the layer's, if it is what the layer gives.
  std::string resultName(mlir::Operation &op) const;

  OnnxGraph &graph;
  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Value, std::string> given; // by layers
  llvm::DenseMap<mlir::Value, Names> names;
  llvm::StringSet<> fixed; // names of inputs, and of outputs that are there already
};

} // namespace kinema

#endif
