// Makes an ONNX model of a network, so that other runtimes can run it.
#ifndef KINEMA_COMPILER_EXPORT_ONNXMODEL_H
#define KINEMA_COMPILER_EXPORT_ONNXMODEL_H

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace onnx {
class ModelProto;
}

namespace kinema {

/// An OnnxModel is the inference of a network in the form of an ONNX file (docs/onnx.md). It has the names
/// and shapes of all weights from the beginning, and gets their values later.
class OnnxModel {
public:
  /// Makes the model of a module in phase `clip`, which stays as it is. Its inputs are the network's, with
  /// any number of clips; its outputs are the scores and the features of the layers that the module names.
  /// Reports an error at an operation that ONNX has no counterpart for.
  static mlir::FailureOr<OnnxModel> of(mlir::ModuleOp module);

  OnnxModel(OnnxModel &&) noexcept;
  ~OnnxModel();

  /// Sets a parameter's values, row-major. A parameter that inference does not read is passed over.
  void setWeight(llvm::StringRef name, llvm::ArrayRef<float> values);
  /// Adds an entry to what the file says about itself.
  void addMetadata(llvm::StringRef key, llvm::StringRef value);

  /// Bounds the bytes of the file, with the values of all weights whether they are set or not.
  uint64_t bytes() const;
  /// A file may have at most so many bytes, since it is one message of protobuf.
  static constexpr uint64_t mostBytes = INT32_MAX;

  /// Gives the file to `sink` piece by piece, once all weights are set. What `sink` throws comes out here.
  void write(llvm::function_ref<void(const void *data, size_t bytes)> sink) const;

private:
  explicit OnnxModel(std::unique_ptr<onnx::ModelProto> model);

  std::unique_ptr<onnx::ModelProto> model;
};

} // namespace kinema

#endif
