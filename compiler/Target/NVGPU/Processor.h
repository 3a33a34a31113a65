// Declares the GPUs that code is made for, once for all.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PROCESSOR_H
#define KINEMA_COMPILER_TARGET_NVGPU_PROCESSOR_H

#include "compiler/Target/Common/Machine.h"

#include "mlir/IR/Operation.h"

namespace kinema::nvidia {

inline constexpr int64_t warp = 32; // threads that run in step, the same on every NVIDIA GPU

/// Says how tensor cores multiply, and so how operands come to them.
enum class TensorCores {
  None, // a kernel that does not use them
  /// A warp loads fragments of operands into its registers and multiplies them (mma.sync). Operands come by
  /// copies of 16 bytes, each begun by a thread of its own (cp.async).
  Warps,
  /// A warpgroup multiplies what lies in shared memory (wgmma). Operands come by copies of whole rows
  /// (cp.async.bulk), and warpgroups trade registers.
  Warpgroups,
  /// One thread begins products of what lies in shared memory, whose sums lie in tensor memory (tcgen05).
  /// Operands come as for warpgroups.
  TensorMemory,
};

/// Returns whether products read their operands in shared memory by themselves, by the async proxy.
constexpr bool readSharedMemory(TensorCores tensorCores) {
  return tensorCores == TensorCores::Warpgroups || tensorCores == TensorCores::TensorMemory;
}

/// Returns what holds for the tensor cores that a kernel uses.
template <typename T>
constexpr T byTensorCores(TensorCores tensorCores, T warps, T warpgroups, T tensorMemory) {
  return tensorCores == TensorCores::Warps        ? warps
         : tensorCores == TensorCores::Warpgroups ? warpgroups
                                                  : tensorMemory;
}

/// States what a chip does in a second or a cycle, for the model of time (Model.h).
struct Rates {
  int64_t multiprocessors;
  double products;             // multiply-adds of bfloat16 by tensor cores, a second
  double multiplyAddsPerCycle; // of a multiprocessor's tensor cores
  double memory;               // bytes a second
  double cachedPerCycle;       // bytes of L2 for each multiprocessor
  double sharedPerCycle;       // bytes of shared memory that a multiprocessor reads or writes
  double launchSeconds;        // seconds until the first block runs, and until the last one is seen
  double blockCycles;          // cycles until a block's stages are full
  double lanes;                // instructions a cycle of a multiprocessor
  double residentThreads;      // threads of a multiprocessor
  double latency;              // seconds from a load of memory to its data
  double copyLatency;          // seconds from the beginning of a copy of memory to its arrival, beside others
  double cachedLatency;        // seconds from a load of what lies in L2 to its data
  double issueCycles;          // cycles of an instruction of a warp that has a scheduler nearly to itself
  double stagingCycles;        // cycles of an instruction of a warp that stages, beside products
  double stagingWait; // cycles in which a warp that stages waits for what it loads together, beside products
  double copyCycles;  // cycles in which a warp begins a copy, of each of its threads in turn
  double electedCopyCycles; // cycles in which an elected thread begins a bulk copy
  double boxPerCycle;       // bytes that a multiprocessor's copy engine brings as boxes in a cycle, 0: none
  double stageCycles;       // cycles in which it waits for an empty stage and says what is to come
  double stepCycles;        // cycles in which a warpgroup looks for operands and begins products of them
  double epilogueLanes;     // instructions of an epilogue's threads that end in a cycle

  /// Returns the cycles a second at which tensor cores give `products`.
  constexpr double clock() const { return products / multiprocessors / multiplyAddsPerCycle; }
};

/// The rates are those of an H200. Two were measured on one: 790 TFLOP/s of bfloat16 products, and copies at
/// 4.3 TB/s. `copyLatency` and the last five were fitted to times and to the profiler's samples on an H100,
/// which has the same multiprocessors (bench/results/gpu-h100.md). The rest are estimates.
inline constexpr Rates h200 = {
    .multiprocessors = 132,
    .products = 790e12 / 2,
    .multiplyAddsPerCycle = 2048,
    .memory = 4.3e12,
    .cachedPerCycle = 32,
    .sharedPerCycle = 128,
    .launchSeconds = 1e-6,
    .blockCycles = 2000,
    .lanes = 128,
    .residentThreads = 2048,
    .latency = 0.7e-6,
    .copyLatency = 1.0e-6,
    .cachedLatency = 0.4e-6,
    .issueCycles = 1.5,
    .stagingCycles = 2,
    .stagingWait = 200,
    .copyCycles = 66,
    .electedCopyCycles = 16,
    .boxPerCycle = 20,
    .stageCycles = 120,
    .stepCycles = 230,
    .epilogueLanes = 90,
};

/// The rates are those of an A100 of 80 GB (SXM), by its data sheet: 312 TFLOP/s of bfloat16 products
/// and 2.04 TB/s. The rest are estimates, also those of the chips below: nothing was measured on them, and
/// with so many lanes epilogues cost next to nothing. Elected threads copy on Hopper alone.
inline constexpr Rates a100 = {
    .multiprocessors = 108,
    .products = 312e12 / 2,
    .multiplyAddsPerCycle = 1024,
    .memory = 2.04e12,
    .cachedPerCycle = 32,
    .sharedPerCycle = 128,
    .launchSeconds = 2e-6,
    .blockCycles = 2000,
    .lanes = 64,
    .residentThreads = 2048,
    .latency = 0.6e-6,
    .copyLatency = 0.6e-6,
    .cachedLatency = 0.3e-6,
    .issueCycles = 2,
    .stagingCycles = 2,
    .stagingWait = 0,
    .copyCycles = 30,
    .electedCopyCycles = 30,
    .boxPerCycle = 0,
    .stageCycles = 0,
    .stepCycles = 128,
    .epilogueLanes = 1024,
};

/// Returns an A100's rates with what is another chip's by the table of its data sheet: multiprocessors,
/// products of bfloat16 with sums in f32 (FLOP/s), and memory (bytes a second). GeForce chips make 256
/// multiply-adds a cycle of a multiprocessor. Of L2 a multiprocessor gets 16 bytes a cycle, an estimate.
constexpr Rates ratesOfGeForce(int64_t multiprocessors, double products, double memory) {
  Rates rates = a100;
  rates.multiprocessors = multiprocessors;
  rates.products = products / 2;
  rates.multiplyAddsPerCycle = 256;
  rates.memory = memory;
  rates.cachedPerCycle = 16;
  rates.lanes = 128;
  rates.residentThreads = 1536;
  return rates;
}

/// An RTX 3090 (NVIDIA Ampere GA102 GPU Architecture, appendix A).
inline constexpr Rates rtx3090 = ratesOfGeForce(82, 71e12, 936e9);
/// An RTX 4090 (NVIDIA Ada GPU Architecture, appendix A).
inline constexpr Rates rtx4090 = ratesOfGeForce(128, 165.2e12, 1008e9);
/// An RTX 5090 (NVIDIA RTX Blackwell GPU Architecture, appendix A).
inline constexpr Rates rtx5090 = ratesOfGeForce(170, 209.5e12, 1792e9);

/// A B200, by its data sheet: 148 multiprocessors, 2.25 PFLOP/s of bfloat16 products, which are twice an
/// H200's for each multiprocessor and cycle, and 8 TB/s. Nothing was measured on one: copies, steps and
/// epilogues are taken to cost the cycles that they cost on Hopper, whose machinery they have.
inline constexpr Rates b200 = [] {
  Rates rates = h200;
  rates.multiprocessors = 148;
  rates.products = 2.25e15 / 2;
  rates.multiplyAddsPerCycle = 4096;
  rates.memory = 8e12;
  return rates;
}();

/// Describes a GPU as the reference lowerings see it: a thread moves 8 channels of a position at once, in
/// accesses of 16 bytes, and the threads of a block share its positions.
inline constexpr Machine plainMachine = {"nvgpu.reference", /*vector=*/8,     /*vectorAlignment=*/16,
                                         /*threads=*/256,   /*warp=*/warp,    /*blocks=*/4096,
                                         /*work=*/256,      /*partials=*/1024};

struct Processor {
  llvm::StringRef name;     // as LLVM, ptxas and the manifest spell it
  int64_t capability;       // CUDA's number of what it can do: 80 is 8.0
  llvm::StringRef features; // the oldest PTX that has what kernels use, so that older drivers read the code
  // A multiprocessor has so many at a time (CUDA C++ Programming Guide, "Compute Capabilities").
  int64_t warps, blocks, sharedBytes;
  TensorCores tensorCores;
  const Rates &rates;
  Machine machine = plainMachine;

  // The same for all of them: registers of a multiprocessor, of 32 bits; the steps in which a warp is given
  // registers and a block bytes of shared memory (CUDA occupancy calculator).
  static constexpr int64_t registers = 65536, registerStep = 256, sharedStep = 128;
  static constexpr int64_t systemSharedBytes = 1024; // of each block, which CUDA takes
  /// Returns whether a launch may begin before the one before it has ended, and wait for that by itself
  /// (programmatic dependent launch: CUDA C++ Programming Guide).
  constexpr bool dependentLaunches() const { return capability >= 90; }
  /// Returns whether a warp may sleep until a barrier's phase ends (PTX ISA, mbarrier.try_wait).
  constexpr bool sleepsAtBarriers() const { return capability >= 90; }
  /// Returns the shared memory that a block may have.
  constexpr int64_t blockSharedBytes() const { return sharedBytes - systemSharedBytes; }
};

/// Lists Ampere (A100, and GeForce 30), Ada (GeForce 40), Hopper, and Blackwell (B200, and GeForce 50).
inline constexpr Processor processors[] = {
    {"sm_80", 80, "+ptx80", 64, 32, 164 * 1024, TensorCores::Warps, a100},
    {"sm_86", 86, "+ptx80", 48, 16, 100 * 1024, TensorCores::Warps, rtx3090},
    {"sm_89", 89, "+ptx80", 48, 24, 100 * 1024, TensorCores::Warps, rtx4090},
    {"sm_90a", 90, "+ptx80", 64, 32, 228 * 1024, TensorCores::Warpgroups, h200},
    {"sm_100a", 100, "+ptx86", 64, 32, 228 * 1024, TensorCores::TensorMemory, b200},
    {"sm_120", 120, "+ptx87", 48, 24, 100 * 1024, TensorCores::Warps, rtx5090},
};

/// Returns the processor of this name; null where there is none.
const Processor *processorNamed(llvm::StringRef name);
/// Returns the processor of the module that the operation is in (`kernel.target`); null, with an error at the
/// operation, where the module's target is not of this family.
const Processor *processorOf(mlir::Operation *at);
/// Returns how the tensor cores of that processor multiply.
TensorCores tensorCoresOf(mlir::Operation *at);

} // namespace kinema::nvidia

#endif
