// Implements the calls of kernels by handing them on to the parts of the cluster.
#include "runtime/Emulator/Calls.h"
#include "runtime/Emulator/Current.h"

using namespace kinema::emulator;

uint32_t kinema_emulator_register(uint32_t which, uint32_t site) { return at(site).specialRegister(which); }
void *kinema_emulator_shared(uint32_t address) { return currentCluster->shared.hostAddress(address); }

void kinema_emulator_read(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                          uint32_t site) {
  at(site).accesses.check(AccessKind::Read, address, bytes, alignment, Space(space));
}
void kinema_emulator_write(void *address, uint64_t bytes, uint32_t alignment, uint32_t space, uint32_t site) {
  at(site).accesses.check(AccessKind::Write, address, bytes, alignment, Space(space));
}
void kinema_emulator_atomic(void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                            uint32_t site) {
  at(site).accesses.check(AccessKind::Atomic, address, bytes, alignment, Space(space));
}
void kinema_emulator_read_strong(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                                 uint32_t site) {
  at(site).accesses.check(AccessKind::StrongRead, address, bytes, alignment, Space(space));
}
void kinema_emulator_write_strong(void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                                  uint32_t site) {
  at(site).accesses.check(AccessKind::StrongWrite, address, bytes, alignment, Space(space));
}
void kinema_emulator_read_constant(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                                   uint32_t site) {
  at(site).accesses.check(AccessKind::ConstantRead, address, bytes, alignment, Space(space));
}

void kinema_emulator_barrier(uint32_t id, uint32_t threads, uint32_t site) {
  at(site).barriers.sync(id, threads);
}
void kinema_emulator_barrier_arrive(uint32_t id, uint32_t threads, uint32_t site) {
  at(site).barriers.arrive(id, threads);
}
uint32_t kinema_emulator_barrier_reduce(uint32_t id, uint32_t threads, uint32_t reduction, uint32_t predicate,
                                        uint32_t site) {
  return at(site).barriers.sync(id, threads, BlockBarriers::Reduction(reduction + 1), predicate);
}
void kinema_emulator_warp_sync(uint32_t mask, uint32_t site) { at(site).warps.sync(mask); }
void kinema_emulator_cluster_arrive(uint32_t relaxed, uint32_t site) {
  at(site).clusterBarrier.arrive(relaxed);
}
void kinema_emulator_cluster_wait(uint32_t site) { at(site).clusterBarrier.wait(); }
void *kinema_emulator_map_rank(void *address, uint32_t rank, uint32_t site) {
  return at(site).shared.mapRank(address, rank);
}
uint32_t kinema_emulator_cluster_address(const void *address, uint32_t site) {
  return at(site).shared.clusterAddress(address);
}
void kinema_emulator_exit(uint32_t site) { at(site).exitThread(); }
void kinema_emulator_trap(uint32_t site) { at(site).scheduler.violate("the kernel gives up (trap)"); }
void kinema_emulator_pause(uint32_t site) { at(site).scheduler.pause(); }

// ---- mbarriers and copies

void kinema_emulator_fence_proxy(uint32_t kind, uint32_t site) { at(site).fenceProxy(Fence(kind)); }
void kinema_emulator_fence_device(uint32_t site) { at(site).globalOrder.fenceDevice(); }
void kinema_emulator_fence_mbarrier_init(uint32_t site) { at(site).mbarriers.fenceInit(); }

void kinema_emulator_mbarrier_init(void *barrier, uint32_t count, uint32_t site) {
  at(site).mbarriers.init(barrier, count);
}
void kinema_emulator_mbarrier_invalidate(void *barrier, uint32_t site) {
  at(site).mbarriers.invalidate(barrier);
}
void kinema_emulator_mbarrier_expect(void *barrier, uint32_t bytes, uint32_t site) {
  at(site).mbarriers.expectBytes(barrier, bytes);
}
void kinema_emulator_mbarrier_complete(void *barrier, uint32_t bytes, uint32_t site) {
  at(site).mbarriers.expectBytes(barrier, -int64_t(bytes));
}
uint64_t kinema_emulator_mbarrier_arrive(void *barrier, uint32_t count, uint32_t drop, uint32_t bytes,
                                         uint32_t site) {
  return at(site).mbarriers.arrive(barrier, count, drop, bytes);
}
void kinema_emulator_mbarrier_wait_parity(void *barrier, uint32_t parity, uint32_t site) {
  at(site).mbarriers.waitParity(barrier, parity);
}
uint32_t kinema_emulator_mbarrier_test(void *barrier, uint64_t phase, uint32_t waits, uint32_t site) {
  return at(site).mbarriers.testPhase(barrier, uint32_t(phase), /*isParity=*/false, waits);
}
uint32_t kinema_emulator_mbarrier_test_parity(void *barrier, uint32_t parity, uint32_t waits, uint32_t site) {
  return at(site).mbarriers.testPhase(barrier, parity, /*isParity=*/true, waits);
}

void kinema_emulator_copy_async(void *shared, const void *global, uint32_t bytes, uint32_t sourceBytes,
                                uint32_t site) {
  at(site).copies.copy(shared, global, bytes, sourceBytes);
}
void kinema_emulator_copy_async_commit(uint32_t site) { at(site).copies.commit(); }
void kinema_emulator_copy_async_wait(uint32_t groups, uint32_t site) { at(site).copies.wait(groups); }
void kinema_emulator_copy_async_arrive(void *barrier, uint32_t isCounted, uint32_t site) {
  at(site).copies.arrive(barrier, !isCounted);
}

void kinema_emulator_bulk_load(void *shared, const void *global, void *barrier, uint32_t bytes,
                               uint32_t ranks, uint32_t site) {
  at(site).copies.loadBulk(shared, global, barrier, bytes, ranks);
}
void kinema_emulator_bulk_send(void *to, const void *from, void *barrier, uint32_t bytes, uint32_t site) {
  at(site).copies.loadBulk(to, from, barrier, bytes, 0);
}
void kinema_emulator_bulk_store(void *global, const void *shared, uint32_t bytes, uint32_t site) {
  at(site).copies.storeBulk(global, shared, bytes);
}
void kinema_emulator_bulk_prefetch(const void *global, uint32_t bytes, uint32_t site) {
  at(site).accesses.check(AccessKind::Read, global, bytes, 16, Space::Global);
}
void kinema_emulator_bulk_commit(uint32_t site) { at(site).copies.commitBulk(); }
void kinema_emulator_bulk_wait(uint32_t groups, uint32_t readsOnly, uint32_t site) {
  at(site).copies.waitBulk(groups, readsOnly);
}
void kinema_emulator_tensor_load(void *shared, const void *map, void *barrier, uint32_t rank,
                                 const int32_t *coordinates, uint32_t offsetCount, const int32_t *offsets,
                                 uint32_t ranks, uint32_t site) {
  at(site).copies.loadTensor(shared, map, barrier, {coordinates, rank}, {offsets, offsetCount}, ranks);
}
void kinema_emulator_tensor_store(const void *map, const void *shared, uint32_t rank,
                                  const int32_t *coordinates, uint32_t site) {
  at(site).copies.storeTensor(map, shared, {coordinates, rank});
}
void kinema_emulator_tensor_prefetch(const void *map, uint32_t site) { at(site).copies.prefetchTensor(map); }

// ---- Matrix products of warpgroups

void kinema_emulator_wgmma_fence(uint32_t site) { atOfGroup(site).tensorCore.fence(); }
void kinema_emulator_wgmma_commit(uint32_t site) { atOfGroup(site).tensorCore.commit(); }
void kinema_emulator_wgmma_wait(uint32_t groups, uint32_t site) { atOfGroup(site).tensorCore.wait(groups); }
void kinema_emulator_wgmma(uint64_t a, uint64_t b, uint32_t *accumulators, uint32_t n, uint32_t flags,
                           uint32_t site) {
  atOfGroup(site).tensorCore.issue(a, nullptr, b, accumulators, n, flags);
}
void kinema_emulator_wgmma_rs(const uint32_t *a, uint64_t b, uint32_t *accumulators, uint32_t n,
                              uint32_t flags, uint32_t site) {
  atOfGroup(site).tensorCore.issue(0, a, b, accumulators, n, flags);
}
uint32_t kinema_emulator_wgmma_register(uint32_t bits, uint32_t site) {
  return at(site).tensorCore.readRegister(bits);
}
void kinema_emulator_set_registers(uint32_t count, uint32_t, uint32_t site) {
  at(site).tensorCore.setRegisters(count);
}

// ---- Tensor memory

static uint32_t tensorAddress(const void *address) { return uint32_t(reinterpret_cast<uint64_t>(address)); }

void kinema_emulator_tcgen05_alloc(void *shared, uint32_t columns, uint32_t site) {
  at(site).tensorMemory.allocate(shared, columns);
}
void kinema_emulator_tcgen05_dealloc(const void *address, uint32_t columns, uint32_t site) {
  at(site).tensorMemory.deallocate(tensorAddress(address), columns);
}
void kinema_emulator_tcgen05_relinquish(uint32_t site) { at(site).tensorMemory.relinquish(); }
void kinema_emulator_tcgen05_fence(uint32_t isAfter, uint32_t site) {
  TensorMemory &memory = at(site).tensorMemory;
  isAfter ? memory.fenceAfter() : memory.fenceBefore();
}
void kinema_emulator_tcgen05_product(const void *d, uint64_t a, uint64_t b, uint32_t instruction,
                                     uint32_t adds, uint32_t site) {
  at(site).tensorMemory.multiply(tensorAddress(d), a, b, instruction, adds);
}
void kinema_emulator_tcgen05_commit(void *barrier, uint32_t ranks, uint32_t site) {
  at(site).tensorMemory.commit(barrier, ranks);
}
void kinema_emulator_tcgen05_load(const void *address, uint32_t groups, uint32_t *registers, uint32_t site) {
  at(site).tensorMemory.load(tensorAddress(address), groups, registers);
}
void kinema_emulator_tcgen05_wait_load(uint32_t site) { at(site).tensorMemory.waitForLoads(); }
