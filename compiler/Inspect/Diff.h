// Computes what `kinema diff` tells about two networks: which layers differ, in what, and by how many
// parameters and multiply-adds.
#ifndef KINEMA_COMPILER_INSPECT_DIFF_H
#define KINEMA_COMPILER_INSPECT_DIFF_H

#include "compiler/Inspect/LayerTable.h"

namespace kinema::inspect {

/// A Change is one thing in which two networks or layers differ. An empty side has no such thing.
struct Change {
  std::string part; // of the layer: "spatial"; empty: the whole of it
  std::string what; // "mid", "kernel", "batch_norm eps"
  std::string a, b;
  /// Shapes and counts stay as they are, whatever this is.
  bool isMinor = false;
};

/// A LayerPair is two layers that take each other's place, or a layer that one network alone has.
struct LayerPair {
  std::optional<size_t> a, b; // rows of the two tables
};

struct LayerDifference {
  LayerPair layers;
  std::vector<Change> changes;
  int64_t parameters = 0, macs = 0; // B's less A's
};

/// A NetworkDifference points into the tables that it was made of.
struct NetworkDifference {
  const LayerTable &a, &b;
  std::vector<Change> changes;         // of inputs and classes
  std::vector<LayerDifference> layers; // those that differ, in the order of `align`
  int64_t parameters = 0, macs = 0;    // B's less A's, which the layers' sum up to

  bool isEmpty() const { return changes.empty() && layers.empty(); }
};

/// Pairs the layers of two networks, each of which is in one pair: those of one name first, and between them
/// others in their order, so that as much as possible of what they are agrees. The pairs are in the order of
/// A, and what B alone has comes where it stands in B.
std::vector<LayerPair> align(const LayerTable &a, const LayerTable &b);

/// Compares two networks. Both should be of one batch, without which their digests tell nothing.
NetworkDifference compareNetworks(const LayerTable &a, const LayerTable &b);

/// Returns the difference for people, who know the two sides as A and B.
std::string toText(const NetworkDifference &difference);

/// Returns {network: [CHANGE], layers: [{a, b, changes: [CHANGE], parameters, macs}], parameters: {a, b,
/// difference}, macs: {a, b, difference}}. A CHANGE is {part, what, a, b}; a side that lacks it is null.
nlohmann::json toJson(const NetworkDifference &difference);

} // namespace kinema::inspect

#endif
