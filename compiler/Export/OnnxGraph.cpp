#include "compiler/Export/OnnxGraph.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace kinema;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

/// Describes a tensor of [N, ...] with its first `rank` axes.
static void describe(onnx::ValueInfoProto &info, StringRef name, mlir::RankedTensorType type, int64_t rank) {
  info.set_name(name.str());
  onnx::TypeProto_Tensor &tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  tensor.mutable_shape()->add_dim()->set_dim_param("N");
  for (int64_t size : type.getShape().take_front(rank).drop_front())
    tensor.mutable_shape()->add_dim()->set_dim_value(size);
}

void OnnxGraph::addInput(StringRef name, mlir::RankedTensorType type) {
  describe(*graph.add_input(), name, type, type.getRank());
}

void OnnxGraph::addOutput(StringRef name, mlir::RankedTensorType type, int64_t rank) {
  describe(*graph.add_output(), name, type, rank);
}

void OnnxGraph::addWeight(StringRef name, mlir::RankedTensorType type) {
  if (!taken.insert(name).second)
    return;
  onnx::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(name.str());
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (int64_t size : type.getShape())
    tensor.add_dims(size);
}

std::string OnnxGraph::unique(const Twine &wanted) {
  std::string name = wanted.str();
  for (int number = 2; !taken.insert(name).second; ++number)
    name = (wanted + "_" + Twine(number)).str();
  return name;
}

static void set(onnx::AttributeProto &attribute, int64_t value) {
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

static void set(onnx::AttributeProto &attribute, float value) {
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

static void set(onnx::AttributeProto &attribute, ArrayRef<int64_t> values) {
  attribute.set_type(onnx::AttributeProto::INTS);
  for (int64_t value : values)
    attribute.add_ints(value);
}

std::string OnnxGraph::add(StringRef type, ArrayRef<std::string> operands, const Twine &result,
                           ArrayRef<OnnxAttribute> attributes) {
  std::string name = unique(result);
  onnx::NodeProto &node = *graph.add_node();
  node.set_name(name);
  node.set_op_type(type.str());
  for (const std::string &operand : operands)
    node.add_input(operand);
  node.add_output(name);
  for (const OnnxAttribute &attribute : attributes) {
    onnx::AttributeProto &added = *node.add_attribute();
    added.set_name(attribute.name.str());
    std::visit([&](const auto &value) { set(added, value); }, attribute.value);
  }
  return name;
}

std::string OnnxGraph::integers(ArrayRef<int64_t> values) {
  std::string name =
      "integers/" + llvm::join(llvm::map_range(values, [](int64_t v) { return std::to_string(v); }), ",");
  if (!constants.insert(name).second)
    return name;
  onnx::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<int64_t>(values.size()));
  for (int64_t value : values)
    tensor.add_int64_data(value);
  return name;
}

std::string OnnxGraph::number(float value) {
  std::string name;
  llvm::raw_string_ostream(name) << "number/" << llvm::format("%.9g", value);
  if (!constants.insert(name).second)
    return name;
  onnx::TensorProto &tensor = *graph.add_initializer(); // without axes
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_float_data(value);
  return name;
}

void OnnxGraph::rename(StringRef value, StringRef name) {
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    for (std::string &operand : *node.mutable_input())
      if (operand == value)
        operand = name;
    if (node.output(0) == value) {
      node.set_output(0, name.str());
      node.set_name(name.str());
    }
  }
}
