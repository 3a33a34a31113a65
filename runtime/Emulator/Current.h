// Finds the cluster of the thread that makes a call.
#pragma once

#include "runtime/Emulator/Cluster.h"

namespace kinema::emulator {

inline thread_local constinit Cluster *currentCluster = nullptr;

// Notes the site of the calling thread, at an operation of its warpgroup.
inline Cluster &atOfGroup(uint32_t site) {
  Cluster &cluster = *currentCluster;
  cluster.scheduler.running().site = site;
  return cluster;
}

// Notes the site of the calling thread at any other operation, for which it first waits until its warpgroup
// has caught up.
inline Cluster &at(uint32_t site) {
  currentCluster->warpgroups.wait();
  return atOfGroup(site);
}

} // namespace kinema::emulator
