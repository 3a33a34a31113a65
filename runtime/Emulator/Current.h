// The cluster whose thread calls.
#pragma once

#include "runtime/Emulator/Cluster.h"

namespace kinema::emulator {

inline thread_local constinit Cluster *currentCluster = nullptr;

// Notes where the calling thread is, at an operation of its warpgroup.
inline Cluster &atOfGroup(uint32_t site) {
  Cluster &cluster = *currentCluster;
  cluster.scheduler.running().site = site;
  return cluster;
}

// The same at any other place, to which it comes with its warpgroup.
inline Cluster &at(uint32_t site) {
  currentCluster->warpgroups.wait();
  return atOfGroup(site);
}

} // namespace kinema::emulator
