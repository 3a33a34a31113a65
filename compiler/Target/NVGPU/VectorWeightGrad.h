// Computes the weight gradient of a conv of vectors: the products of all pairs of channels, added up over the
// clips by one thread each. There is one partial, which is the gradient.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_VECTORWEIGHTGRAD_H
#define KINEMA_COMPILER_TARGET_NVGPU_VECTORWEIGHTGRAD_H

#include "compiler/Target/NVGPU/Strategies.h"
#include "compiler/Target/NVGPU/VectorPlan.h"

namespace kinema::nvidia {

/// Holds what is chosen.
struct VectorWeightGradTile {
  static constexpr llvm::StringLiteral schedule = "nvgpu.vectors_wgrad";
  int64_t lanes;   // threads side by side, each with a vector of weights: a multiple of 8
  int64_t vectors; // of a thread in a row, each `lanes` vectors behind the one before
  int64_t rows;    // of a thread, one after the other
  int64_t warps;   // of a block

  static void forEach(auto &self, auto visit) {
    visit("lanes", self.lanes);
    visit("vectors", self.vectors);
    visit("rows", self.rows);
    visit("warps", self.warps);
  }
};

/// Plans the kernel: a thread multiplies vectors of channels of one operand by single channels of the other
/// one, those of its lane.
struct VectorWeightGradPlan {
  VectorWeightGradPlan(kernel::WeightGradOp op, const VectorWeightGradTile &tile);

  VectorWeightGradTile tile;
  WeightVectors weight;
  int64_t clips, positions;
  int64_t outputs, inputs;             // channels
  int64_t storedOutputs, storedInputs; // with their padding in the result

  int64_t threads() const { return tile.warps * warp; }
  /// Vectors of the result at one of the other channels, at one position if these channels are outputs.
  int64_t rows() const {
    return (weight.ofOutputs ? storedOutputs : storedInputs * positions) / WeightVectors::width;
  }
  /// The other channels of a row: inputs of all positions, in the order in which they lie, or outputs.
  int64_t columns() const { return weight.ofOutputs ? storedInputs * positions : storedOutputs; }
  int64_t columnGroups() const { return shape::ceilDiv(columns(), tile.lanes * tile.vectors); }
  int64_t rowGroups() const { return shape::ceilDiv(rows(), tile.rows); }
  int64_t items() const { return rowGroups() * columnGroups() * tile.lanes; }
  int64_t blocks() const { return shape::ceilDiv(items(), threads()); }
  /// Clips whose operands are loaded together.
  int64_t clipsTogether() const;
  /// Whether a thread holds its channels of all clips while it goes from row to row.
  bool holdsColumns() const { return clips == clipsTogether(); }
  /// Values that a thread holds: sums, and the operands of the clips that it loads together.
  int64_t values() const {
    return WeightVectors::width * tile.vectors + clipsTogether() * (WeightVectors::width + tile.vectors);
  }

  static constexpr int64_t mostWarps = 8, mostVectors = 4, mostRows = 64;
};

/// Returns the best schedules of a weight gradient; none where it is none of a conv of vectors, or does not
/// lie in vectors.
llvm::SmallVector<Candidate> vectorWeightGradCandidates(kernel::WeightGradOp op, const Processor &processor);

/// Predicts the seconds of a weight gradient that has such a schedule.
Prediction predictVectorWeightGrad(kernel::WeightGradOp op, const Processor &processor);

/// Returns the schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeVectorWeightGrad(kernel::WeightGradOp op, const Processor &processor,
                                            ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr vectorWeightGradSchedule(kernel::WeightGradOp op, const VectorWeightGradTile &tile);

/// Writes the kernel's body; the emitter has begun its function.
void emitVectorWeightGrad(kernel::WeightGradOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif
