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
void kinema_emulator_cluster_arrive(uint32_t relaxed, uint32_t site);
void kinema_emulator_cluster_wait(uint32_t site);
// The same place in the shared memory of the cluster's block `rank`.
void *kinema_emulator_map_rank(void *address, uint32_t rank, uint32_t site);
// An address in shared::cluster as a number (see kinema_emulator_shared).
uint32_t kinema_emulator_cluster_address(const void *address, uint32_t site);
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

// kind: 0 async (shared memory included), 1 async of global memory alone.
void kinema_emulator_fence_proxy(uint32_t kind, uint32_t site);
void kinema_emulator_fence_device(uint32_t site);
void kinema_emulator_fence_mbarrier_init(uint32_t site);

void kinema_emulator_mbarrier_init(void *barrier, uint32_t count, uint32_t site);
void kinema_emulator_mbarrier_invalidate(void *barrier, uint32_t site);
void kinema_emulator_mbarrier_expect(void *barrier, uint32_t bytes, uint32_t site);
void kinema_emulator_mbarrier_complete(void *barrier, uint32_t bytes, uint32_t site);
// Expects `bytes` more, then arrives. Returns the phase.
uint64_t kinema_emulator_mbarrier_arrive(void *barrier, uint32_t count, uint32_t drop, uint32_t bytes,
                                         uint32_t site);
// Returns when the phase of this parity has completed.
void kinema_emulator_mbarrier_wait_parity(void *barrier, uint32_t parity, uint32_t site);
// waits: may take a while before it says no.
uint32_t kinema_emulator_mbarrier_test(void *barrier, uint64_t phase, uint32_t waits, uint32_t site);
uint32_t kinema_emulator_mbarrier_test_parity(void *barrier, uint32_t parity, uint32_t waits, uint32_t site);

// What of `bytes` the source lacks becomes zero.
void kinema_emulator_copy_async(void *shared, const void *global, uint32_t bytes, uint32_t sourceBytes,
                                uint32_t site);
void kinema_emulator_copy_async_commit(uint32_t site);
void kinema_emulator_copy_async_wait(uint32_t groups, uint32_t site);
void kinema_emulator_copy_async_arrive(void *barrier, uint32_t isCounted, uint32_t site);

// ranks: the blocks of the cluster that get it, at the same addresses; 0: where `shared` is.
void kinema_emulator_bulk_load(void *shared, const void *global, void *barrier, uint32_t bytes,
                               uint32_t ranks, uint32_t site);
void kinema_emulator_bulk_send(void *to, const void *from, void *barrier, uint32_t bytes, uint32_t site);
void kinema_emulator_bulk_store(void *global, const void *shared, uint32_t bytes, uint32_t site);
void kinema_emulator_bulk_prefetch(const void *global, uint32_t bytes, uint32_t site);
void kinema_emulator_bulk_commit(uint32_t site);
void kinema_emulator_bulk_wait(uint32_t groups, uint32_t readOnly, uint32_t site);
void kinema_emulator_tensor_load(void *shared, const void *map, void *barrier, uint32_t rank,
                                 const int32_t *coordinates, uint32_t offsetCount, const int32_t *offsets,
                                 uint32_t ranks, uint32_t site);
void kinema_emulator_tensor_store(const void *map, const void *shared, uint32_t rank,
                                  const int32_t *coordinates, uint32_t site);
void kinema_emulator_tensor_prefetch(const void *map, uint32_t site);

// count: of the matrices, 1, 2 or 4; as many registers.
void kinema_emulator_ldmatrix(const void *address, uint32_t count, uint32_t transposed, uint32_t *registers,
                              uint32_t site);
void kinema_emulator_stmatrix(void *address, uint32_t count, uint32_t transposed, const uint32_t *registers,
                              uint32_t site);
// operands: the registers of A, B and C. form: see Matrix.cpp.
void kinema_emulator_mma(uint32_t form, const uint32_t *operands, uint32_t *results, uint32_t site);

void kinema_emulator_wgmma_fence(uint32_t site);
void kinema_emulator_wgmma_commit(uint32_t site);
void kinema_emulator_wgmma_wait(uint32_t groups, uint32_t site);
// accumulators: the n / 2 registers of D; afterwards they hold tokens, for which
// kinema_emulator_wgmma_register gives the values once they may be read. flags: 1 D is added to; 2, 4 A, B
// negated; 8, 16 A, B have M, N innermost.
void kinema_emulator_wgmma(uint64_t a, uint64_t b, uint32_t *accumulators, uint32_t n, uint32_t flags,
                           uint32_t site);
// The same with A in four registers.
void kinema_emulator_wgmma_rs(const uint32_t *a, uint64_t b, uint32_t *accumulators, uint32_t n,
                              uint32_t flags, uint32_t site);
uint32_t kinema_emulator_wgmma_register(uint32_t bits, uint32_t site);
// The warpgroup's registers a thread.
void kinema_emulator_set_registers(uint32_t count, uint32_t increases, uint32_t site);

} // extern "C"
