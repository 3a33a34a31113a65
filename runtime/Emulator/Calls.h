// Declares what retargeted kernels call; the passes in compiler/Target/NVGPU/Emulator write the calls, by
// name. Every call ends with its site: the index of its source location in the kernel's table. Any of them
// may end in a violation, and then does not return.
#pragma once

#include <cstdint>

extern "C" {

// Returns a special register: see Register in SpecialRegisters.cpp.
uint32_t kinema_emulator_register(uint32_t which, uint32_t site);
// Returns the host address of a shared address. Its bits 24 and up are 0 for this block, else a block's rank
// in the cluster plus one.
void *kinema_emulator_shared(uint32_t address);

// These check the plain access that follows. `space` is 0 for generic, 1 for global, 3 for shared and 7 for
// shared::cluster. The address must be a multiple of `alignment` bytes.
void kinema_emulator_read(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                          uint32_t site);
void kinema_emulator_write(void *address, uint64_t bytes, uint32_t alignment, uint32_t space, uint32_t site);
void kinema_emulator_atomic(void *address, uint64_t bytes, uint32_t alignment, uint32_t space, uint32_t site);
// These check volatile and ordered accesses, and loads that may be carried out by ld.global.nc.
void kinema_emulator_read_strong(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                                 uint32_t site);
void kinema_emulator_write_strong(void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                                  uint32_t site);
void kinema_emulator_read_constant(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                                   uint32_t site);

// In calls of barriers, `threads` 0 stands for the whole block.
void kinema_emulator_barrier(uint32_t id, uint32_t threads, uint32_t site);
void kinema_emulator_barrier_arrive(uint32_t id, uint32_t threads, uint32_t site);
// `reduction` is 0 for popc, 1 for and, 2 for or.
uint32_t kinema_emulator_barrier_reduce(uint32_t id, uint32_t threads, uint32_t reduction, uint32_t predicate,
                                        uint32_t site);
void kinema_emulator_warp_sync(uint32_t mask, uint32_t site);
void kinema_emulator_cluster_arrive(uint32_t relaxed, uint32_t site);
void kinema_emulator_cluster_wait(uint32_t site);
// Returns the same place in the shared memory of the cluster's block `rank`.
void *kinema_emulator_map_rank(void *address, uint32_t rank, uint32_t site);
// Returns an address in shared::cluster as a number (see kinema_emulator_shared).
uint32_t kinema_emulator_cluster_address(const void *address, uint32_t site);
void kinema_emulator_exit(uint32_t site);
void kinema_emulator_trap(uint32_t site);
// Lets other threads go first.
void kinema_emulator_pause(uint32_t site);

// `kind` is 0 for bfly, 1 for up, 2 for down, 3 for idx. The low half of the result is the value, and bit 32
// says whether the source lane was in range.
uint64_t kinema_emulator_shuffle(uint32_t kind, uint32_t mask, uint32_t value, uint32_t offset,
                                 uint32_t clamp, uint32_t site);
// `kind` is 0 for any, 1 for all, 2 for ballot, 3 for uni.
uint32_t kinema_emulator_vote(uint32_t kind, uint32_t mask, uint32_t predicate, uint32_t site);
// `kind` is 0 for any, 1 for all. The low half of the result is the mask, and bit 32 the predicate.
uint64_t kinema_emulator_match(uint32_t kind, uint32_t mask, uint64_t value, uint32_t site);
uint32_t kinema_emulator_elect(uint32_t mask, uint32_t site);
// `kind` is NVVM's ReduxKind, `value` the bits of the value, and `flags` has 1 for abs and 2 for NaN.
uint32_t kinema_emulator_redux(uint32_t kind, uint32_t mask, uint32_t value, uint32_t flags, uint32_t site);

// `kind` is 0 for the async proxy in all memory, 1 in global memory alone, 2 in shared memory alone.
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
// `waits` says that the test may take a while before it says no.
uint32_t kinema_emulator_mbarrier_test(void *barrier, uint64_t phase, uint32_t waits, uint32_t site);
uint32_t kinema_emulator_mbarrier_test_parity(void *barrier, uint32_t parity, uint32_t waits, uint32_t site);

// If the source has fewer than `bytes`, zeros take the place of the rest.
void kinema_emulator_copy_async(void *shared, const void *global, uint32_t bytes, uint32_t sourceBytes,
                                uint32_t site);
void kinema_emulator_copy_async_commit(uint32_t site);
void kinema_emulator_copy_async_wait(uint32_t groups, uint32_t site);
void kinema_emulator_copy_async_arrive(void *barrier, uint32_t isCounted, uint32_t site);

// `ranks` has a bit for each block of the cluster that gets the copy, at the same addresses; 0 stands for the
// block in which `shared` lies.
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

// `count` is the number of matrices: 1, 2 or 4. There are as many registers.
void kinema_emulator_ldmatrix(const void *address, uint32_t count, uint32_t transposed, uint32_t *registers,
                              uint32_t site);
void kinema_emulator_stmatrix(void *address, uint32_t count, uint32_t transposed, const uint32_t *registers,
                              uint32_t site);
// `operands` are the registers of A, B and C. Matrix.cpp lists the forms.
void kinema_emulator_mma(uint32_t form, const uint32_t *operands, uint32_t *results, uint32_t site);

void kinema_emulator_wgmma_fence(uint32_t site);
void kinema_emulator_wgmma_commit(uint32_t site);
void kinema_emulator_wgmma_wait(uint32_t groups, uint32_t site);
// `accumulators` are the n / 2 registers of D. Afterwards they hold tokens, for which
// kinema_emulator_wgmma_register gives the values once they may be read. The bits of `flags` say: 1 that D is
// added to; 2 and 4 that A and B are negated; 8 and 16 that A and B have M and N innermost; 32
// that both are of f16, else of bfloat16.
void kinema_emulator_wgmma(uint64_t a, uint64_t b, uint32_t *accumulators, uint32_t n, uint32_t flags,
                           uint32_t site);
// Does the same with A in four registers.
void kinema_emulator_wgmma_rs(const uint32_t *a, uint64_t b, uint32_t *accumulators, uint32_t n,
                              uint32_t flags, uint32_t site);
uint32_t kinema_emulator_wgmma_register(uint32_t bits, uint32_t site);
// Changes how many registers each thread of the warpgroup has.
void kinema_emulator_set_registers(uint32_t count, uint32_t increases, uint32_t site);

// An address of tensor memory is a number, a lane << 16 | a column, and not a place of the host.
void kinema_emulator_tcgen05_alloc(void *shared, uint32_t columns, uint32_t site);
void kinema_emulator_tcgen05_dealloc(const void *address, uint32_t columns, uint32_t site);
void kinema_emulator_tcgen05_relinquish(uint32_t site);
// Makes the fence after_thread_sync, else before_thread_sync.
void kinema_emulator_tcgen05_fence(uint32_t isAfter, uint32_t site);
// `a` and `b` are descriptors of shared memory. If it does not `add`, D is overwritten.
void kinema_emulator_tcgen05_product(const void *d, uint64_t a, uint64_t b, uint32_t instruction,
                                     uint32_t adds, uint32_t site);
// `ranks` has a bit for each block of the cluster at whose mbarrier, at the same place, the commit arrives; 0
// stands for this block.
void kinema_emulator_tcgen05_commit(void *barrier, uint32_t ranks, uint32_t site);
// Loads 16 lanes of `groups` times 8 columns into as many times 4 registers, which hold NaNs until the wait.
void kinema_emulator_tcgen05_load(const void *address, uint32_t groups, uint32_t *registers, uint32_t site);
void kinema_emulator_tcgen05_wait_load(uint32_t site);

} // extern "C"
