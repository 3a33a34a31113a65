// Says what holds of whatever the runtime reads from a file that it does not refuse.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Package/Safetensors.h"

#include <string>

namespace kinema::test {

inline std::string faultOf(const ArenaTensor &tensor, int64_t arenaBytes) {
  if (tensor.offset < 0 || tensor.offset > arenaBytes - tensor.bytes)
    return tensor.name + " lies outside the arena";
  if (tensor.bytes != 4 * storedElements(tensor.shape, tensor.order) ||
      elementsOf(tensor.fileShape) != tensor.elements())
    return tensor.name + " has another size than its shape";
  return "";
}

// Returns what is wrong with a manifest, or an empty string: a launch or a tensor that reaches beyond the
// arena.
inline std::string faultOf(const Manifest &manifest) {
  std::string fault;
  auto check = [&](const ArenaTensor &tensor) {
    if (fault.empty())
      fault = faultOf(tensor, manifest.arenaBytes);
  };
  for (const ArenaTensor &input : manifest.inputs)
    check(input);
  for (const Parameter &parameter : manifest.parameters) {
    check(parameter);
    for (const ArenaTensor &state : parameter.stateTensors())
      check(state);
  }
  for (const auto &[name, launches] : manifest.entries)
    for (const Launch &launch : launches) {
      const std::vector<int64_t> &buffers = manifest.kernels.at(launch.kernel).buffers;
      if (launch.args.size() != buffers.size())
        return "a launch has another number of arguments than its kernel";
      for (size_t i = 0; i < buffers.size(); ++i)
        if (launch.args[i] < 0 || launch.args[i] > manifest.arenaBytes - buffers[i])
          return "a launch of " + launch.kernel + " reaches beyond the arena";
    }
  return fault;
}

inline std::string faultOf(const TensorFile &file) {
  for (const FileTensor &tensor : file.tensors)
    if (static_cast<int64_t>(tensor.bytes.size()) != elementsOf(tensor.shape) * bytesOf(tensor.type))
      return tensor.name + " has other bytes than its shape says";
  return "";
}

} // namespace kinema::test
