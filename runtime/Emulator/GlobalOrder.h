// Checks that accesses to global memory which conflict are in order: between the threads and copies of a
// cluster, as in shared memory, and between clusters (GlobalLog.h).
#pragma once

#include "runtime/Emulator/GlobalLog.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema::emulator {

class GlobalOrder {
public:
  // Takes the log of all clusters, which is null where order is not watched.
  GlobalOrder(const Launch &launch, const Threads &threads, Scheduler &scheduler, Knowledge &knowledge,
              GlobalLog *log);

  void start();
  bool isWatched() const { return log; }

  // Notes an access by the running thread, or by an agent that it has started. Returns what is wrong with it,
  // for messages that begin with the access, or nothing.
  std::optional<std::string> note(AccessKind kind, Moment moment, const std::byte *address, uint64_t bytes);
  // Notes a strong access by the running thread.
  std::optional<std::string> noteStrong(AccessKind kind, const std::byte *address, uint64_t bytes);
  // Makes what the running thread knows ready to be handed on to other blocks, and lets it know what they
  // handed on.
  void fenceDevice();

private:
  struct Range {
    std::byte *begin;
    uint64_t bytes, place; // `place` is where its first byte is in the cluster's log
  };
  struct View;

  std::optional<std::string> noteInCluster(AccessKind kind, Moment moment, const std::byte *address,
                                           uint64_t bytes);
  std::optional<std::string> noteBetweenClusters(AccessKind kind, Moment moment, const std::byte *address,
                                                 uint64_t bytes);
  bool isHandedOn(const GlobalLog::Access &earlier) const;

  const Threads &threads;
  Scheduler &scheduler;
  Knowledge &knowledge;
  GlobalLog *log;
  std::vector<Range> ranges; // what may be written, sorted by address
  uint64_t places = 0;
  AccessLog ofCluster;

  // A TakenOver is a strong access that reads. Once its thread has made a fence for the device after it, the
  // thread knows what others handed on there before.
  struct TakenOver {
    const void *address;
    int thread;
    uint64_t number; // of the strong access
    std::optional<uint32_t> fencedAt;
  };
  std::vector<TakenOver> takenOver;
};

} // namespace kinema::emulator
