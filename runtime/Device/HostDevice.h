// Implements what those devices share that compute on this machine: their arena is its memory, and a launch
// has ended when it returns.
#pragma once

#include "runtime/Device/Device.h"
#include "runtime/Device/HostArena.h"

#include <vector>

namespace kinema {

class HostDevice : public Device {
public:
  void allocate(int64_t bytes) override { arena = HostArena(bytes); }
  void copyIn(int64_t offset, const void *from, int64_t bytes) override { arena.copyIn(offset, from, bytes); }
  void copyOut(int64_t offset, void *to, int64_t bytes) override { arena.copyOut(offset, to, bytes); }
  void *hostMemory(int64_t offset, int64_t bytes) override { return arena.at(offset, bytes); }
  CopyId beginCopyOut(int64_t offset, int64_t bytes) override;
  void finishCopyOut(CopyId id, void *to) override;
  void fill(int64_t offset, int64_t bytes, uint32_t pattern) override { arena.fill(offset, bytes, pattern); }

  SequenceId prepareSequence(const std::string &name, std::span<const LaunchId> launches,
                             ArenaRange zeroed) override;
  void run(SequenceId id) override;
  void wait() override {}
  void mark(int64_t number) override;
  double secondsBetween(int64_t from, int64_t to) override { return moments.at(to) - moments.at(from); }
  int64_t memory() const override { return arena.size(); }

protected:
  HostArena arena;

private:
  struct Copy {
    std::vector<char> bytes;
    bool busy = false;
  };
  std::vector<Copy> copies;
  struct Sequence {
    std::vector<LaunchId> launches;
    ArenaRange zeroed;
  };
  std::vector<Sequence> sequences;
  std::vector<double> moments; // seconds of a clock, by their numbers
};

} // namespace kinema
