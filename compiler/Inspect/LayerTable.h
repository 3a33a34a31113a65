// Computes what `kinema inspect` tells about a network, from the module in phase `clip`.
#ifndef KINEMA_COMPILER_INSPECT_LAYERTABLE_H
#define KINEMA_COMPILER_INSPECT_LAYERTABLE_H

#include "mlir/IR/BuiltinOps.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace kinema::inspect {

/// A Layer is one row: a conv of the author's, with all that it expanded to, or an operation of another kind.
struct Layer {
  std::string name;             // "stage2.0.conv1"
  std::string kind;             // the author's word: "conv(2+1)d", "pool", "residual"
  std::vector<int64_t> in, out; // C, T, H, W
  int64_t mid = 0;              // channels between the parts of a factorised conv; 0: it has one part
  int64_t parameters = 0;       // trained numbers
  int64_t macs = 0;             // of its convs, fully connected layers and attention, for one clip
  int64_t activationBytes = 0;  // of the results it stores (convs, sums, pools ...), in float32, for one clip
};

struct LayerTable {
  std::string name;
  int64_t batch = 0;
  int64_t classes = 0;
  std::vector<std::vector<int64_t>> inputs; // C, T, H, W
  std::vector<Layer> layers;
  int64_t parameters = 0;      // trained numbers
  int64_t weights = 0;         // weights of convs and fully connected layers, without biases and batch norm
  int64_t macs = 0;            // for one clip
  int64_t activationBytes = 0; // sum over the layers
};

/// Describes a module with `@forward` in phase `clip`; reports an error where it has none.
mlir::FailureOr<LayerTable> describeNetwork(mlir::ModuleOp module);

/// Returns the table for people.
std::string toText(const LayerTable &table);

/// Returns {name, batch, classes, parameters: {total, conv_fc}, macs, activation_bytes, layers: [{name, kind,
/// in, out, mid, parameters, macs, activation_bytes}]}; `mid` is null where there is none. Shapes are [C, T,
/// H, W].
nlohmann::json toJson(const LayerTable &table);

} // namespace kinema::inspect

#endif
