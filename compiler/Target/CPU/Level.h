// Declares the levels of processors that code is made for.
#ifndef KINEMA_COMPILER_TARGET_CPU_LEVEL_H
#define KINEMA_COMPILER_TARGET_CPU_LEVEL_H

#include "compiler/Target/Common/HostCode.h"
#include "compiler/Target/Common/Machine.h"

#include "mlir/IR/Operation.h"

namespace kinema::cpu {

/// What a core does in a second: the model of time (Model.h) is made of it.
struct Rates {
  double cycles; // as the model counts them: in one, two vectors are multiplied and added
  double memory; // bytes
};

/// Measured on an EPYC (Zen 4), each with two threads: 236 GFLOP/s by vectors of either size, 56 GB/s.
inline constexpr Rates zen4AVX2 = {.cycles = 118e9 / (4 * 8), .memory = 28e9};
inline constexpr Rates zen4AVX512 = {.cycles = 118e9 / (4 * 16), .memory = 28e9};
/// An estimate: the clock that its vendor states for a Xeon Platinum 8480+. Nothing has been measured.
inline constexpr Rates sapphireRapids = {.cycles = 2e9, .memory = 28e9};

/// An estimate: a Neoverse V2 has four units for vectors of 4 floats. Nothing has been measured.
inline constexpr Rates neoverse = {.cycles = 2.8e9, .memory = 28e9};

/// A level: what its code may use. Its vectors' lanes are the channels of a block of every activation.
struct Level {
  llvm::StringRef name;    // as in --target, modules and manifests
  HostProcessor processor; // as LLVM spells it
  Machine machine;         // a block is one thread's
  Rates rates;
};

constexpr Machine machineOf(int64_t vector, bool multipliesPairs = false, bool multipliesMatrices = false) {
  return {"cpu.reference",   vector,          /*vectorAlignment=*/1, /*threads=*/1,
          /*warp=*/1,        /*blocks=*/64,
          /*work=*/1024,     /*partials=*/64, multipliesPairs,       multipliesMatrices,
          /*sumsInF64=*/true};
}

/// Returns how many vectors the registers hold: AVX-512 has twice those of AVX2, each of twice the size. A
/// vector of `aarch64` is two of its 32 registers.
constexpr int64_t registersOf(const Machine &machine) { return 2 * machine.vector; }

/// Lists AVX2 and FMA; AVX-512; its products of bfloat16; those of matrices, AMX; and NEON, which every
/// 64-bit Arm processor has.
inline constexpr Level levels[] = {
    {"x86-64-v3", {"x86-64-v3", ""}, machineOf(/*vector=*/8), zen4AVX2},
    {"x86-64-v4", {"x86-64-v4", "-prefer-256-bit"}, machineOf(/*vector=*/16), zen4AVX512},
    {"x86-64-v4-bf16",
     {"x86-64-v4", "-prefer-256-bit,+avx512bf16"},
     machineOf(/*vector=*/16, /*multipliesPairs=*/true),
     zen4AVX512},
    {"x86-64-v4-amx",
     {"x86-64-v4", "-prefer-256-bit,+avx512bf16,+amx-tile,+amx-bf16"},
     machineOf(/*vector=*/16, /*multipliesPairs=*/true, /*multipliesMatrices=*/true),
     sapphireRapids},
    {"aarch64", {"generic", "", "aarch64-unknown-linux-gnu"}, machineOf(/*vector=*/8), neoverse},
};

/// Returns the level of the module that the operation is in (`kernel.target`); null, with an error at the
/// operation, where the module's target is not of this family.
const Level *levelOf(mlir::Operation *at);

} // namespace kinema::cpu

#endif
