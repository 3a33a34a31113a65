// Sees a network as its author does: as the blocks and stages that it calls, of which a picture is drawn.
#ifndef KINEMA_COMPILER_INSPECT_BLOCKS_H
#define KINEMA_COMPILER_INSPECT_BLOCKS_H

#include "compiler/Inspect/LayerTable.h"

namespace kinema::inspect {

/// A BlockRow is a layer of a block that computes or joins, or several beside each other that do the same.
struct BlockRow {
  std::string label; // inside the block: "conv1", "attn.q, k, v"
  std::string what;  // "1x3x3 144, 3x1x1 64", "max pool 1x3x3", "residual"

  bool operator==(const BlockRow &) const = default;
};

/// A BlockForm is what some copies of a block have in common.
struct BlockForm {
  std::vector<int64_t> copies; // their numbers, ascending
  std::vector<BlockRow> rows;
};

/// A NetworkBlock is a call of the network: a block or stage with its copies, or a single layer.
struct NetworkBlock {
  std::string name, stream; // "slow.res2", "slow"
  int64_t copies = 1;
  std::vector<BlockForm> forms; // one, unless kinds or blocks take turns; strides and shortcuts make no other
  std::vector<int64_t> in, out; // C, T, H, W
  int64_t parameters = 0, macs = 0;
  /// The numbers of the blocks whose values it takes, in ascending order; -1 - n is the network's input n.
  std::vector<int64_t> sources;

  /// Returns how many times smaller than what it takes its result is, "1x2x2"; an empty string where it is
  /// as large.
  std::string stride() const;
};

/// Returns the blocks in the order of their first layers.
std::vector<NetworkBlock> blocksOf(const LayerTable &table);

/// Returns a count in few digits: "15.5 k", "33.4 M".
std::string shortCount(int64_t count);

} // namespace kinema::inspect

#endif
