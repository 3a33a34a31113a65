// The source of a conv in groups in near memory. A result's lanes multiply channels of their own groups;
// where a block of channels spans several groups, each position holds a vector for each channel of a group,
// with that channel of its own group in every lane (a depthwise conv's one vector is the block as it is);
// else all lanes read the same channels, one after the other.
#ifndef KINEMA_COMPILER_TARGET_CPU_GROUPEDSOURCE_H
#define KINEMA_COMPILER_TARGET_CPU_GROUPEDSOURCE_H

#include "compiler/Target/CPU/Stage.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// The channels that each block of the result's channels multiplies.
struct GroupChannels {
  /// Of each side, the channels of a group.
  GroupChannels(int64_t results, int64_t sources, int64_t lanes);

  int64_t results, sources, lanes;
  bool isUniform; // all lanes of a block share a group, which has whole blocks of the source
  int64_t period; // result blocks after which the lanes' groups begin alike; 0: more than code is made for

  bool isSupported() const { return isUniform || period > 0; }
  /// The block of the source that has the first channel of the first group of result block `block`.
  mlir::Value firstSource(KernelEmitter &e, mlir::Value block) const;
  /// Channels [first, first + count) of the groups of a block that is `place`th in its period.
  Planes planes(int64_t place, int64_t first, int64_t count) const;

private:
  int64_t firstChannel(int64_t block) const { return block * lanes / results * sources; }
};

/// What is staged at once: `planes` channels of every group, of a box of positions.
struct GroupedSource {
  GroupChannels channels;
  StagedBox box;
  int64_t planes;

  GroupedSource(const GroupChannels &channels, int64_t clips, std::array<StagedAxis, 3> axes, int64_t planes);

  int64_t passes() const { return channels.sources / planes; }
  /// Words from the first staged channel to channel i.
  mlir::Value planeAt(KernelEmitter &e, mlir::Value i) const;
  /// What the lanes of a result multiply, at a position of the box.
  mlir::Value load(KernelEmitter &e, mlir::Value at) const;
  /// Fills the box for a block of the result and pass; `part` says which clips, frames and rows.
  void emitStage(KernelEmitter &e, const StagedOperand &operand, StagedPart part, mlir::Value resultBlock,
                 mlir::Value pass, mlir::Value at) const;
  /// Cycles, of a box; rough.
  double cost(int64_t reads) const;
};

/// How many channels of a group may be staged at once: the numbers that divide them, and whole blocks where
/// lanes share them.
llvm::SmallVector<int64_t> planeCounts(const GroupChannels &channels);

/// Reads the parameter `planes` of a schedule, which is one of planeCounts.
int64_t readPlanes(ScheduleParameters &parameters, const GroupChannels &channels);

/// The taps of a phase along one axis: numbers of the kernel and shifts grow, or shrink, by the same step.
struct AxisTaps {
  int64_t count = 0, firstIndex = 0, indexStep = 0, firstShift = 0, shiftStep = 0;

  AxisTaps(const shape::Phase &phase, int axis);
  int64_t shift(int64_t i) const { return firstShift + i * shiftStep; }
};

} // namespace kinema::cpu

#endif
