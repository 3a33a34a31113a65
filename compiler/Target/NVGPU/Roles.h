// Says how the threads of a block share its work: warpgroups that produce operands in shared memory, and
// warpgroups that consume them.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_ROLES_H
#define KINEMA_COMPILER_TARGET_NVGPU_ROLES_H

#include "compiler/Target/NVGPU/Processor.h"

namespace kinema::nvidia {

inline constexpr int64_t warpsOfGroup = 4, warpgroup = warpsOfGroup * warp;
inline constexpr int64_t consumersOfTurns = 2; // warpgroups that take turns

struct Roles {
  int64_t producers = 1, consumers = 2; // warpgroups, the producers first
  int64_t copiers = 1;                  // of the producers' warps: the first ones, which begin copies
  TensorCores tensorCores = TensorCores::Warpgroups;
  bool turns = false; // whether the consumers take turns, two warpgroups that each have tiles of their own
  int64_t terms = 1;  // of a staged number (#kernel.precision)

  constexpr int64_t threads() const { return (producers + consumers) * warpgroup; }
  constexpr int64_t firstConsumer() const { return producers * warpgroup; }
  constexpr int64_t consumerThreads() const { return consumers * warpgroup; }
  constexpr int64_t consumerWarps() const { return consumerThreads() / warp; }
  /// Counts the groups of consumers that have tiles of their own, and the consumers of each.
  constexpr int64_t groupsOfConsumers() const { return turns ? consumers : 1; }
  constexpr int64_t consumersOfTile() const { return consumers / groupsOfConsumers(); }
  constexpr int64_t warpsOfTile() const { return consumersOfTile() * warpsOfGroup; }
  /// Counts the arrivals with which a tile's consumers say that products have read a stage: each warp's or,
  /// where one thread begins the products of a warpgroup, that thread's.
  constexpr int64_t readersOfTile() const {
    return tensorCores == TensorCores::TensorMemory ? consumersOfTile() : warpsOfTile();
  }
  constexpr int64_t copyingThreads() const { return copiers * warp; }
  /// Counts the threads that stage operands: the producers' other ones.
  constexpr int64_t stagingThreads() const { return producers * warpgroup - copyingThreads(); }
  constexpr int64_t stagingWarps() const { return stagingThreads() / warp; }

  /// Returns whether threads trade registers; else all have as many.
  constexpr bool tradeRegisters() const { return readSharedMemory(tensorCores); }
  /// Returns the registers of a producer's thread and of a consumer's, in steps of 8. Consumers whose sums
  /// lie in tensor memory leave more to producers. Beside two producers, those that add up products of terms
  /// leave less: a producer then stages one position at a time, and keeps the place of no other one.
  constexpr int64_t producerRegisters() const {
    if (!tradeRegisters())
      return evenRegisters();
    if (tensorCores == TensorCores::TensorMemory)
      return producers == 2 ? 104 : consumers == 2 ? 128 : 120;
    return producers == 1 ? 104 : terms == 1 ? 96 : 88;
  }
  constexpr int64_t consumerRegisters() const {
    if (!tradeRegisters())
      return evenRegisters();
    if (tensorCores == TensorCores::TensorMemory)
      return producers == 2 ? 152 : consumers == 2 ? 184 : 128;
    return producers == 2 ? (terms == 1 ? 160 : 168) : consumers == 2 ? 200 : 136;
  }
  /// Returns whether there are registers for so many warpgroups: producers give back at least as many of
  /// those that a block is launched with as consumers take, who would wait for them for ever.
  constexpr bool exist() const {
    int64_t all = producers * producerRegisters() + consumers * consumerRegisters();
    return producers >= 1 && copiers <= warpsOfGroup * producers &&
           all <= (producers + consumers) * evenRegisters() && producers + consumers <= 4;
  }

private:
  constexpr int64_t evenRegisters() const {
    constexpr int64_t step = 8;
    return Processor::registers / threads() / step * step;
  }
};

} // namespace kinema::nvidia

#endif
