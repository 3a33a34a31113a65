// What retargeted kernels call (compiler/Target/NVGPU/Emulate*.cpp writes the calls, by name). Every call
// ends with its site: the index of its source location in the kernel's table. All may end in a violation, and
// then do not return.
#pragma once

#include <cstdint>

extern "C" {

// Special registers: see Register in Calls.cpp.
uint32_t kinema_emulator_register(uint32_t which, uint32_t site);
// The host address of a shared address. Bits 24 and up: 0 for this block, else a block's rank in the cluster
// plus one.
void *kinema_emulator_shared(uint32_t address);

// Checks before the plain access that follows. space: 0 generic, 1 global, 3 shared, 7 shared::cluster.
// alignment: bytes that the address must be a multiple of.
void kinema_emulator_read(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                          uint32_t site);
void kinema_emulator_write(void *address, uint64_t bytes, uint32_t alignment, uint32_t space, uint32_t site);
void kinema_emulator_atomic(void *address, uint64_t bytes, uint32_t alignment, uint32_t space, uint32_t site);

// threads 0: the whole block.
void kinema_emulator_barrier(uint32_t id, uint32_t threads, uint32_t site);
void kinema_emulator_barrier_arrive(uint32_t id, uint32_t threads, uint32_t site);
// reduction: 0 popc, 1 and, 2 or.
uint32_t kinema_emulator_barrier_reduce(uint32_t id, uint32_t threads, uint32_t reduction, uint32_t predicate,
                                        uint32_t site);
void kinema_emulator_warp_sync(uint32_t mask, uint32_t site);
void kinema_emulator_exit(uint32_t site);
void kinema_emulator_trap(uint32_t site);
// The thread lets others go first.
void kinema_emulator_pause(uint32_t site);

// kind: 0 bfly, 1 up, 2 down, 3 idx. Low half the value, bit 32 whether the source lane was in range.
uint64_t kinema_emulator_shuffle(uint32_t kind, uint32_t mask, uint32_t value, uint32_t offset,
                                 uint32_t clamp, uint32_t site);
// kind: 0 any, 1 all, 2 ballot, 3 uni.
uint32_t kinema_emulator_vote(uint32_t kind, uint32_t mask, uint32_t predicate, uint32_t site);
// kind: 0 any, 1 all. Low half the mask, bit 32 the predicate.
uint64_t kinema_emulator_match(uint32_t kind, uint32_t mask, uint64_t value, uint32_t site);
uint32_t kinema_emulator_elect(uint32_t mask, uint32_t site);
// kind: NVVM's ReduxKind; value: the bits; flags: 1 abs, 2 NaN.
uint32_t kinema_emulator_redux(uint32_t kind, uint32_t mask, uint32_t value, uint32_t flags, uint32_t site);

} // extern "C"
