// The calls that need no more than a check or a wait.
#include "runtime/Emulator/Calls.h"
#include "runtime/Emulator/Current.h"

using namespace kinema::emulator;

uint32_t kinema_emulator_register(uint32_t which, uint32_t site) { return at(site).specialRegister(which); }
void *kinema_emulator_shared(uint32_t address) { return currentCluster->sharedAddress(address); }

void kinema_emulator_read(const void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                          uint32_t site) {
  at(site).access(AccessKind::Read, address, bytes, alignment, space);
}
void kinema_emulator_write(void *address, uint64_t bytes, uint32_t alignment, uint32_t space, uint32_t site) {
  at(site).access(AccessKind::Write, address, bytes, alignment, space);
}
void kinema_emulator_atomic(void *address, uint64_t bytes, uint32_t alignment, uint32_t space,
                            uint32_t site) {
  at(site).access(AccessKind::Atomic, address, bytes, alignment, space);
}

void kinema_emulator_barrier(uint32_t id, uint32_t threads, uint32_t site) {
  at(site).barrier(id, threads, /*reduction=*/0, 0, /*waits=*/true);
}
void kinema_emulator_barrier_arrive(uint32_t id, uint32_t threads, uint32_t site) {
  at(site).barrier(id, threads, /*reduction=*/0, 0, /*waits=*/false);
}
uint32_t kinema_emulator_barrier_reduce(uint32_t id, uint32_t threads, uint32_t reduction, uint32_t predicate,
                                        uint32_t site) {
  Cluster &cluster = at(site);
  cluster.barrier(id, threads, reduction + 1, predicate, /*waits=*/true);
  return uint32_t(cluster.thread().result);
}
void kinema_emulator_warp_sync(uint32_t mask, uint32_t site) { at(site).warpSync(mask); }
void kinema_emulator_cluster_arrive(uint32_t relaxed, uint32_t site) { at(site).arriveAtCluster(relaxed); }
void kinema_emulator_cluster_wait(uint32_t site) { at(site).waitForCluster(); }
void *kinema_emulator_map_rank(void *address, uint32_t rank, uint32_t site) {
  return at(site).mapRank(address, rank);
}
uint32_t kinema_emulator_cluster_address(const void *address, uint32_t site) {
  return at(site).clusterAddress(address);
}
void kinema_emulator_exit(uint32_t site) { at(site).exitThread(); }
void kinema_emulator_trap(uint32_t site) { at(site).violate("the kernel gives up (trap)"); }
void kinema_emulator_pause(uint32_t site) { at(site).pause(); }

// ---- mbarriers and copies

void kinema_emulator_fence_proxy(uint32_t kind, uint32_t site) {
  if (kind == 0)
    at(site).fenceProxy();
}
void kinema_emulator_fence_device(uint32_t site) { at(site).fenceDevice(); }
void kinema_emulator_fence_mbarrier_init(uint32_t site) { at(site).fenceMBarrierInit(); }

void kinema_emulator_mbarrier_init(void *barrier, uint32_t count, uint32_t site) {
  at(site).initMBarrier(barrier, count);
}
void kinema_emulator_mbarrier_invalidate(void *barrier, uint32_t site) {
  at(site).invalidateMBarrier(barrier);
}
void kinema_emulator_mbarrier_expect(void *barrier, uint32_t bytes, uint32_t site) {
  at(site).expectBytes(barrier, bytes);
}
void kinema_emulator_mbarrier_complete(void *barrier, uint32_t bytes, uint32_t site) {
  at(site).expectBytes(barrier, -int64_t(bytes));
}
uint64_t kinema_emulator_mbarrier_arrive(void *barrier, uint32_t count, uint32_t drop, uint32_t bytes,
                                         uint32_t site) {
  return at(site).arrive(barrier, count, drop, bytes);
}
void kinema_emulator_mbarrier_wait_parity(void *barrier, uint32_t parity, uint32_t site) {
  at(site).waitParity(barrier, parity);
}
uint32_t kinema_emulator_mbarrier_test(void *barrier, uint64_t phase, uint32_t waits, uint32_t site) {
  return at(site).testPhase(barrier, uint32_t(phase), /*isParity=*/false, waits);
}
uint32_t kinema_emulator_mbarrier_test_parity(void *barrier, uint32_t parity, uint32_t waits, uint32_t site) {
  return at(site).testPhase(barrier, parity, /*isParity=*/true, waits);
}

void kinema_emulator_copy_async(void *shared, const void *global, uint32_t bytes, uint32_t sourceBytes,
                                uint32_t site) {
  at(site).copyAsync(shared, global, bytes, sourceBytes);
}
void kinema_emulator_copy_async_commit(uint32_t site) { at(site).commitAsync(); }
void kinema_emulator_copy_async_wait(uint32_t groups, uint32_t site) { at(site).waitAsync(groups); }
void kinema_emulator_copy_async_arrive(void *barrier, uint32_t isCounted, uint32_t site) {
  at(site).arriveAsync(barrier, !isCounted);
}

void kinema_emulator_bulk_load(void *shared, const void *global, void *barrier, uint32_t bytes,
                               uint32_t ranks, uint32_t site) {
  at(site).bulkLoad(shared, global, barrier, bytes, ranks);
}
void kinema_emulator_bulk_send(void *to, const void *from, void *barrier, uint32_t bytes, uint32_t site) {
  at(site).bulkLoad(to, from, barrier, bytes, 0);
}
void kinema_emulator_bulk_store(void *global, const void *shared, uint32_t bytes, uint32_t site) {
  at(site).bulkStore(global, shared, bytes);
}
void kinema_emulator_bulk_prefetch(const void *global, uint32_t bytes, uint32_t site) {
  at(site).access(AccessKind::Read, global, bytes, 16, /*space=*/1);
}
void kinema_emulator_bulk_commit(uint32_t site) { at(site).commitBulk(); }
void kinema_emulator_bulk_wait(uint32_t groups, uint32_t, uint32_t site) { at(site).waitBulk(groups); }
void kinema_emulator_tensor_load(void *shared, const void *map, void *barrier, uint32_t rank,
                                 const int32_t *coordinates, uint32_t offsetCount, const int32_t *offsets,
                                 uint32_t ranks, uint32_t site) {
  at(site).tensorLoad(shared, map, barrier, {coordinates, rank}, {offsets, offsetCount}, ranks);
}
void kinema_emulator_tensor_store(const void *map, const void *shared, uint32_t rank,
                                  const int32_t *coordinates, uint32_t site) {
  at(site).tensorStore(map, shared, {coordinates, rank});
}
void kinema_emulator_tensor_prefetch(const void *map, uint32_t site) {
  Cluster &cluster = at(site);
  cluster.checkMap(
      map, static_cast<const TensorMap *>(map)->rank,
      static_cast<const TensorMap *>(map)->isIm2col ? static_cast<const TensorMap *>(map)->rank - 2 : 0);
}

namespace {

// In the order of the pass's table.
enum class Register : uint32_t {
  ThreadX,
  ThreadY,
  ThreadZ,
  BlockSizeX,
  BlockSizeY,
  BlockSizeZ,
  BlockX,
  BlockY,
  BlockZ,
  GridX,
  GridY,
  GridZ,
  Lane,
  WarpSize,
  Warp,
  Warps,
  LanesEqual,
  LanesLessEqual,
  LanesLess,
  LanesGreaterEqual,
  LanesGreater,
  ClusterX,
  ClusterY,
  ClusterZ,
  ClustersX,
  ClustersY,
  ClustersZ,
  BlockInClusterX,
  BlockInClusterY,
  BlockInClusterZ,
  ClusterSizeX,
  ClusterSizeY,
  ClusterSizeZ,
  BlockRank,
  ClusterSize,
  DynamicShared,
  TotalShared,
};

} // namespace

uint32_t Cluster::specialRegister(uint32_t which) {
  const Thread &thread = *current;
  const int *size = launch.kernel->threads;
  uint32_t rank = uint32_t(thread.rank), blocksInCluster = uint32_t(blocks.size()), bit = thread.laneBit();
  switch (Register(which)) {
  case Register::ThreadX:
    return uint32_t(thread.number % size[0]);
  case Register::ThreadY:
    return uint32_t(thread.number / size[0] % size[1]);
  case Register::ThreadZ:
    return uint32_t(thread.number / size[0] / size[1]);
  case Register::BlockSizeX:
  case Register::BlockSizeY:
  case Register::BlockSizeZ:
    return uint32_t(size[which - uint32_t(Register::BlockSizeX)]);
  case Register::BlockX:
    return uint32_t(blocks[thread.rank].number);
  case Register::GridX:
    return uint32_t(launch.grid);
  case Register::Lane:
    return uint32_t(thread.lane());
  case Register::WarpSize:
    return warpSize;
  case Register::Warp:
    return uint32_t(thread.number / warpSize);
  case Register::Warps:
    return uint32_t(warpsPerBlock);
  case Register::LanesEqual:
    return bit;
  case Register::LanesLessEqual:
    return bit | (bit - 1);
  case Register::LanesLess:
    return bit - 1;
  case Register::LanesGreaterEqual:
    return ~(bit - 1);
  case Register::LanesGreater:
    return ~(bit | (bit - 1));
  case Register::ClusterX:
    return uint32_t(blocks[0].number / blocksInCluster);
  case Register::ClustersX:
    return uint32_t(launch.grid / blocksInCluster);
  case Register::BlockInClusterX:
  case Register::BlockRank:
    return rank;
  case Register::ClusterSizeX:
  case Register::ClusterSize:
    return blocksInCluster;
  case Register::DynamicShared:
    return launch.dynamicShared;
  case Register::TotalShared:
    return sharedBytes;
  case Register::BlockY:
  case Register::BlockZ:
  case Register::ClusterY:
  case Register::ClusterZ:
  case Register::BlockInClusterY:
  case Register::BlockInClusterZ:
    return 0;
  case Register::GridY:
  case Register::GridZ:
  case Register::ClustersY:
  case Register::ClustersZ:
  case Register::ClusterSizeY:
  case Register::ClusterSizeZ:
    return 1;
  }
  violate("there is no special register of number {}", which);
}
