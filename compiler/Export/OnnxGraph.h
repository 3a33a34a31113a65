// Writes the nodes of an ONNX graph.
#ifndef KINEMA_COMPILER_EXPORT_ONNXGRAPH_H
#define KINEMA_COMPILER_EXPORT_ONNXGRAPH_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSet.h"

#include <onnx/onnx_pb.h>

#include <string>
#include <variant>

namespace kinema {

/// An attribute of a node, by its name.
struct OnnxAttribute {
  llvm::StringRef name;
  std::variant<int64_t, float, llvm::SmallVector<int64_t>> value;
};

/// An OnnxGraph adds to a graph. Its values are strings, the names that they have in the graph.
class OnnxGraph {
public:
  explicit OnnxGraph(onnx::GraphProto &graph) : graph(graph) {}

  /// Adds an input or output of an activation's shape, with any number of clips. `rank` is the number of
  /// axes, of which those left out have a size of 1.
  void addInput(llvm::StringRef name, mlir::RankedTensorType type);
  void addOutput(llvm::StringRef name, mlir::RankedTensorType type, int64_t rank);
  /// Adds a weight, which gets its values later, unless it is there already.
  void addWeight(llvm::StringRef name, mlir::RankedTensorType type);

  /// Keeps a name, which nothing else is to have.
  void reserve(llvm::StringRef name) { taken.insert(name); }
  /// Adds a node with one result and returns that: `result`, or, where something else is called so, `result`
  /// with a number behind.
  std::string add(llvm::StringRef type, llvm::ArrayRef<std::string> operands, const llvm::Twine &result,
                  llvm::ArrayRef<OnnxAttribute> attributes = {});
  /// These return a constant, which the graph holds once.
  std::string integers(llvm::ArrayRef<int64_t> values);
  std::string number(float value);

  /// Gives a node's result another name, which was reserved for it.
  void rename(llvm::StringRef value, llvm::StringRef name);

private:
  std::string unique(const llvm::Twine &wanted);

  onnx::GraphProto &graph;
  llvm::StringSet<> taken;
  llvm::StringSet<> constants;
};

} // namespace kinema

#endif
