// Reads ONNX models as far as tests look at them.
#ifndef KINEMA_TEST_COMPILER_EXPORT_ONNXTEXT_H
#define KINEMA_TEST_COMPILER_EXPORT_ONNXTEXT_H

#include "compiler/Export/OnnxModel.h"

#include <onnx/onnx_pb.h>

#include <string>

namespace kinema::testing {

inline std::string bytesOf(const OnnxModel &model) {
  std::string bytes;
  model.write([&](const void *data, size_t count) { bytes.append(static_cast<const char *>(data), count); });
  return bytes;
}

/// Returns the types of the nodes in their order, separated by blanks.
inline std::string typesOf(const OnnxModel &model) {
  onnx::ModelProto read;
  if (!read.ParseFromString(bytesOf(model)))
    return "no model";
  std::string types;
  for (const onnx::NodeProto &node : read.graph().node())
    types += (types.empty() ? "" : " ") + node.op_type();
  return types;
}

} // namespace kinema::testing

#endif
