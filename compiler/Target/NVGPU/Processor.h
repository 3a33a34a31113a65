// The GPUs that code is made for, declared once.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PROCESSOR_H
#define KINEMA_COMPILER_TARGET_NVGPU_PROCESSOR_H

#include "compiler/Target/Common/Machine.h"

#include "mlir/IR/Operation.h"

namespace kinema::nvidia {

inline constexpr int64_t warp = 32; // threads that run in step, on every NVIDIA GPU

/// What a chip does in a second or a cycle: the model of time (Model.h) is made of it.
struct Rates {
  int64_t multiprocessors;
  double products;             // multiply-adds of bfloat16 by tensor cores, a second
  double multiplyAddsPerCycle; // of a multiprocessor's tensor cores
  double memory;               // bytes a second
  double cachedPerCycle;       // bytes of L2 a multiprocessor
  double launchSeconds;        // until the first block runs, and until the last is seen
  double blockCycles;          // until a block's stages are full
  double lanes;                // of a multiprocessor: instructions a cycle
  double residentThreads;      // of a multiprocessor

  /// The cycles a second at which tensor cores give `products`.
  constexpr double clock() const { return products / multiprocessors / multiplyAddsPerCycle; }
};

/// An H200. Measured: 790 TFLOP/s of bfloat16 products, and copies at 4.3 TB/s. The rest are estimates.
inline constexpr Rates h200 = {
    .multiprocessors = 132,
    .products = 790e12 / 2,
    .multiplyAddsPerCycle = 2048,
    .memory = 4.3e12,
    .cachedPerCycle = 32,
    .launchSeconds = 1e-6,
    .blockCycles = 2000,
    .lanes = 128,
    .residentThreads = 2048,
};

/// As the reference lowerings see a GPU: a thread moves 8 channels of a position at once, in accesses of 16
/// bytes; the threads of a block share its positions.
inline constexpr Machine plainMachine = {"nvgpu.reference", /*vector=*/8,     /*vectorAlignment=*/16,
                                         /*threads=*/256,   /*warp=*/warp,    /*blocks=*/4096,
                                         /*work=*/256,      /*partials=*/1024};

struct Processor {
  llvm::StringRef name;     // as LLVM, ptxas and the manifest spell it
  llvm::StringRef features; // the oldest PTX that knows it, so that older drivers read it too
  // Of a multiprocessor, at a time (CUDA C++ Programming Guide, "Compute Capabilities").
  int64_t warps, blocks, sharedBytes;
  /// Has the products of warpgroups that the schedules `sm90.*` are made of. These are chosen by a model of
  /// time, so it has rates too.
  bool warpgroups = false;
  const Rates *rates = nullptr; // null where there is no model of time
  Machine machine = plainMachine;

  static constexpr int64_t systemSharedBytes = 1024; // of each block, which CUDA takes
  /// What a block may have.
  constexpr int64_t blockSharedBytes() const { return sharedBytes - systemSharedBytes; }
};

/// Ampere (A100), Ada, Hopper, Blackwell (B200).
inline constexpr Processor processors[] = {
    {"sm_80", "+ptx70", 64, 32, 164 * 1024},
    {"sm_89", "+ptx78", 48, 24, 100 * 1024},
    {"sm_90a", "+ptx80", 64, 32, 228 * 1024, /*warpgroups=*/true, &h200},
    {"sm_100", "+ptx86", 64, 32, 228 * 1024},
};

/// Null where there is none of this name.
const Processor *processorNamed(llvm::StringRef name);
/// The processor of the module that the operation is in (`kernel.target`); null, with an error at the
/// operation, where that is no target of this family.
const Processor *processorOf(mlir::Operation *at);

} // namespace kinema::nvidia

#endif
