// Says what a kernel's writer must know of the machine: how much one instruction, one block and one launch
// hold.
#ifndef KINEMA_COMPILER_TARGET_COMMON_MACHINE_H
#define KINEMA_COMPILER_TARGET_COMMON_MACHINE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace kinema {

struct Machine {
  llvm::StringRef reference; // the name of its reference lowering in schedules
  int64_t vector;            // values that a thread reads, computes and writes at once
  // Vectors lie at multiples of so many bytes, or of their size where that is less; 1: anywhere.
  int64_t vectorAlignment;
  int64_t threads;  // the most threads that share a block; 1: a block is one thread's
  int64_t warp;     // how many of these threads run in step
  int64_t blocks;   // the most blocks of a launch: enough for all cores, few enough to start cheaply
  int64_t work;     // vectors that are worth a block of their own
  int64_t partials; // the most partials that a launch leaves for the next one to merge
  // This says that an instruction adds the products of two pairs of bfloat16 to an f32, in a vector of them.
  bool multipliesPairs = false;
  // This says that an instruction adds the product of two matrices of such pairs to one of f32.
  bool multipliesMatrices = false;
  // This says that the reference lowering of a conv adds up its products in f64, so that it is what the
  // others are compared with.
  bool sumsInF64 = false;
};

} // namespace kinema

#endif
