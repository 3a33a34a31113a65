// The cluster whose thread calls.
#pragma once

#include "runtime/Emulator/Cluster.h"

namespace kinema::emulator {

inline thread_local constinit Cluster *currentCluster = nullptr;

// Notes where the calling thread is.
inline Cluster &at(uint32_t site) {
  Cluster &cluster = *currentCluster;
  cluster.thread().site = site;
  return cluster;
}

} // namespace kinema::emulator
