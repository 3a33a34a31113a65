// Stages the source of a conv in groups in near memory. A result's lanes multiply channels of their own
// groups. Where a block of channels spans several groups, each position holds one vector for each channel of
// a group, which has in every lane that channel of the lane's own group (for a depthwise conv this is the
// block as it is); else all lanes read the same channels, one after the other.
#ifndef KINEMA_COMPILER_TARGET_CPU_GROUPEDSOURCE_H
#define KINEMA_COMPILER_TARGET_CPU_GROUPEDSOURCE_H

#include "compiler/Target/CPU/Stage.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// Says which channels each block of the result's channels multiplies.
struct GroupChannels {
  /// Takes, of each side, the channels of a group.
  GroupChannels(int64_t results, int64_t sources, int64_t lanes);

  int64_t results, sources, lanes;
  bool isUniform; // all lanes of a block share a group, which has whole blocks of the source
  int64_t period; // result blocks after which the lanes' groups begin alike; 0: more than code is made for

  bool isSupported() const { return isUniform || period > 0; }
  /// Returns the block of the source that has the first channel of the first group of result block `block`.
  mlir::Value firstSource(KernelEmitter &e, mlir::Value block) const;
  /// Returns channels [first, first + count) of the groups of a block that is `place`th in its period.
  Planes planes(int64_t place, int64_t first, int64_t count) const;

private:
  int64_t firstChannel(int64_t block) const { return block * lanes / results * sources; }
};

/// Describes what is staged at once: `planes` channels of every group, in a box of positions.
struct GroupedSource {
  GroupChannels channels;
  StagedBox box;
  int64_t planes;

  GroupedSource(const GroupChannels &channels, int64_t clips, std::array<StagedAxis, 3> axes, int64_t planes);

  int64_t passes() const { return channels.sources / planes; }
  /// Returns the words from the first staged channel to channel i.
  mlir::Value planeAt(KernelEmitter &e, mlir::Value i) const;
  /// Loads what the lanes of a result multiply, at a position of the box.
  mlir::Value load(KernelEmitter &e, mlir::Value at) const;
  /// Fills the box for a block of the result and a pass; `part` says which clips, frames and rows.
  void emitStage(KernelEmitter &e, const StagedOperand &operand, StagedPart part, mlir::Value resultBlock,
                 mlir::Value pass, mlir::Value at) const;
  /// Returns the rough cost of a box in cycles.
  double cost(int64_t reads) const;
};

/// Returns how many channels of a group may be staged at once: the numbers that divide them, and only whole
/// blocks where lanes share a group.
llvm::SmallVector<int64_t> planeCounts(const GroupChannels &channels);

/// Checks the parameter `planes` that was read of a schedule, which is one of planeCounts.
void checkPlanes(ScheduleParameters &parameters, int64_t &planes, const GroupChannels &channels);

/// Holds the taps of a phase along one axis: their kernel indices and their shifts each grow, or shrink, by a
/// constant step.
struct AxisTaps {
  int64_t count = 0, firstIndex = 0, indexStep = 0, firstShift = 0, shiftStep = 0;

  AxisTaps(const shape::Phase &phase, int axis);
  int64_t shift(int64_t i) const { return firstShift + i * shiftStep; }
};

} // namespace kinema::cpu

#endif
