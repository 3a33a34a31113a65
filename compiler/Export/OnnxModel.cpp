#include "compiler/Export/OnnxModel.h"

#include "compiler/Export/OnnxNodes.h"
#include "compiler/Transforms/ClipFunctions.h"
#include "dialects/Clip/Attributes.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <exception>

using namespace mlir;
using namespace kinema;

// What the nodes are, and the layout of the file: those of ONNX 1.12, which most runtimes know.
static constexpr int64_t operatorSet = 17, fileVersion = 8;

OnnxModel::OnnxModel(std::unique_ptr<onnx::ModelProto> model) : model(std::move(model)) {}
OnnxModel::OnnxModel(OnnxModel &&) noexcept = default;
OnnxModel::~OnnxModel() = default;

/// Leaves in the inference of a network, a copy of @forward, what its results are made of.
static FailureOr<func::FuncOp> inferenceAlone(ModuleOp module) {
  auto infer = addInference(module);
  if (failed(infer))
    return failure();
  eraseDropouts(*infer);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(infer->front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  return infer;
}

FailureOr<OnnxModel> OnnxModel::of(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto infer = inferenceAlone(*copy);
  if (failed(infer))
    return failure();
  auto model = std::make_unique<onnx::ModelProto>();
  model->set_ir_version(fileVersion);
  model->set_producer_name("kinema");
  model->set_producer_version(KINEMA_VERSION);
  model->add_opset_import()->set_version(operatorSet);
  auto network = module->getAttrOfType<DictionaryAttr>(clip::networkAttribute);
  model->mutable_graph()->set_name(network.getAs<StringAttr>("name").str());
  OnnxGraph graph(*model->mutable_graph());
  OnnxNodes nodes(graph, *infer, module->getAttrOfType<ArrayAttr>(clip::layersAttribute));
  if (failed(nodes.add()))
    return failure();
  return OnnxModel(std::move(model));
}

void OnnxModel::setWeight(StringRef name, ArrayRef<float> values) {
  for (onnx::TensorProto &tensor : *model->mutable_graph()->mutable_initializer())
    if (tensor.name() == name)
      tensor.set_raw_data(values.data(), values.size() * sizeof(float));
}

void OnnxModel::addMetadata(StringRef key, StringRef value) {
  onnx::StringStringEntryProto &entry = *model->add_metadata_props();
  entry.set_key(key.str());
  entry.set_value(value.str());
}

uint64_t OnnxModel::bytes() const {
  uint64_t bytes = 0;
  for (const onnx::TensorProto &tensor : model->graph().initializer())
    if (tensor.data_type() == onnx::TensorProto::FLOAT && tensor.dims_size() > 0) {
      uint64_t values = 1;
      for (int64_t size : tensor.dims())
        values *= size;
      constexpr uint64_t lengths = 16; // of the values, of the tensor
      bytes += values * sizeof(float) - tensor.raw_data().size() + lengths;
    }
  return bytes + model->ByteSizeLong();
}

namespace {
/// Passes what protobuf writes on. An exception must not go through protobuf's code.
class Sink : public google::protobuf::io::CopyingOutputStream {
public:
  explicit Sink(llvm::function_ref<void(const void *, size_t)> sink) : sink(sink) {}

  bool Write(const void *data, int bytes) override {
    try {
      sink(data, bytes);
      return true;
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }

  std::exception_ptr thrown;

private:
  llvm::function_ref<void(const void *, size_t)> sink;
};
} // namespace

void OnnxModel::write(llvm::function_ref<void(const void *, size_t)> sink) const {
  Sink pieces(sink);
  google::protobuf::io::CopyingOutputStreamAdaptor stream(&pieces);
  model->SerializeToZeroCopyStream(&stream);
  stream.Flush();
  if (pieces.thrown)
    std::rethrow_exception(pieces.thrown);
}
