// Reads the special registers of a thread.
#include "runtime/Emulator/Cluster.h"

using namespace kinema::emulator;

namespace {

// The registers stand in the order of the table in compiler/Target/NVGPU/Emulator/Retarget.cpp.
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
  const Thread &thread = scheduler.running();
  const int *size = launch.kernel->threads;
  uint32_t rank = uint32_t(thread.rank), blocksInCluster = uint32_t(threads.blockCount()),
           bit = thread.laneBit();
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
    return uint32_t(threads.blockOf(thread).number);
  case Register::GridX:
    return uint32_t(launch.grid);
  case Register::Lane:
    return uint32_t(thread.lane());
  case Register::WarpSize:
    return warpSize;
  case Register::Warp:
    return uint32_t(thread.number / warpSize);
  case Register::Warps:
    return uint32_t(threads.warpsPerBlock);
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
    return uint32_t(threads.cluster());
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
    return shared.bytes;
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
  scheduler.violate("there is no special register of number {}", which);
}
