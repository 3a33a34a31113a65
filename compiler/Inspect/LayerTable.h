// Computes what `kinema inspect` tells about a network, from the module in phase `clip`.
#ifndef KINEMA_COMPILER_INSPECT_LAYERTABLE_H
#define KINEMA_COMPILER_INSPECT_LAYERTABLE_H

#include "dialects/Clip/Layers.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace kinema::inspect {

/// A LayerPart is one operation of a layer.
struct LayerPart {
  std::string name;   // behind the layer's own: "spatial"; empty where it has none
  std::string op;     // "conv", "batch_norm"
  bool contracts;     // its result is sums of products, in which the work is counted
  int64_t channels;   // of its result
  std::string kernel; // of its window, "1x7x7"; empty where it has none
  /// What else it is told, in words: "stride" "1x2x2", "eps" "0.001".
  std::vector<std::pair<std::string, std::string>> settings;
};

/// A Layer is one row: a conv of the author's, with all that it expanded to, or an operation of another kind.
struct Layer {
  std::string name;             // "stage2.0.conv1"
  std::string kind;             // the author's word: "conv(2+1)d", "pool", "residual"
  std::string block;            // the call of a block or stage that it is a part of, "stage2"; empty: of none
  std::string stream;           // empty: it stands in none
  std::optional<int64_t> copy;  // which of the block's copies
  std::vector<int64_t> in, out; // C, T, H, W; none of a learned tensor, which has no operation
  int64_t mid = 0;              // channels between the parts of a factorised conv; 0: it has one part
  int64_t parameters = 0;       // trained numbers
  int64_t macs = 0;             // of its convs, fully connected layers and attention, for one clip
  int64_t activationBytes = 0;  // of the results it stores (convs, sums, pools ...), in float32, for one clip
  std::vector<LayerPart> parts; // in their order
  /// How its trained numbers begin, by their names behind the layer's: "spatial.weight", "he_normal fan out".
  std::vector<std::pair<std::string, std::string>> initialisations;
  /// The numbers of the layers whose values it takes, in ascending order; -1 - n is the network's input n.
  std::vector<int64_t> sources;
};

struct LayerTable {
  std::string name;
  int64_t batch = 0;
  int64_t classes = 0;
  std::string digest; // of what is computed; empty: not known
  std::vector<std::string> inputNames;
  std::vector<std::vector<int64_t>> inputs; // C, T, H, W
  std::vector<Layer> layers;
  int64_t parameters = 0;      // trained numbers
  int64_t weights = 0;         // weights of convs and fully connected layers, without biases and batch norm
  int64_t macs = 0;            // for one clip
  int64_t activationBytes = 0; // sum over the layers
};

/// Describes a module with `@forward` in phase `clip`; reports an error where it has none.
mlir::FailureOr<LayerTable> describeNetwork(mlir::ModuleOp module);

/// A Cost is what some of a network's operations take, for one clip.
struct Cost {
  int64_t parameters = 0; // trained numbers that they read
  int64_t macs = 0;
  int64_t activationBytes = 0;
  std::vector<int64_t> mids; // Layer::mid of the layers that they belong to, each once
};

/// Knows the costs of the operations of `@forward`.
class Costs {
public:
  /// `table` describes the module; both outlive this.
  Costs(mlir::ModuleOp module, const LayerTable &table);

  Cost of(llvm::ArrayRef<mlir::Operation *> operations) const;

private:
  const LayerTable &table;
  clip::Layers layers;
  llvm::DenseMap<mlir::StringAttr, int64_t> trained; // the elements of parameters, by their names
};

/// Returns a shape, or another list of sizes, as "64x16x56x56".
std::string shapeText(llvm::ArrayRef<int64_t> shape);
/// Returns 12345678 as "12,345,678".
std::string grouped(int64_t value);

/// Returns the table for people.
std::string toText(const LayerTable &table);

/// Returns {name, batch, classes, parameters: {total, conv_fc}, macs, activation_bytes, layers: [{name, kind,
/// in, out, mid, parameters, macs, activation_bytes}]}; `mid` is null where there is none. Shapes are [C, T,
/// H, W].
nlohmann::json toJson(const LayerTable &table);

} // namespace kinema::inspect

#endif
