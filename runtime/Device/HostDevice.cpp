#include "runtime/Device/HostDevice.h"

#include "runtime/Support/Clock.h"

#include <algorithm>

using namespace kinema;

CopyId HostDevice::beginCopyOut(int64_t offset, int64_t bytes) {
  auto copy = std::find_if(copies.begin(), copies.end(), [](const Copy &other) { return !other.busy; });
  if (copy == copies.end())
    copy = copies.insert(copies.end(), Copy());
  const char *from = arena.at(offset, bytes);
  copy->bytes.assign(from, from + bytes);
  copy->busy = true;
  return copy - copies.begin();
}

void HostDevice::finishCopyOut(CopyId id, void *to) {
  Copy &copy = copies.at(id);
  std::copy(copy.bytes.begin(), copy.bytes.end(), static_cast<char *>(to));
  copy.busy = false;
}

SequenceId HostDevice::prepareSequence(const std::string &, std::span<const LaunchId> launches,
                                       ArenaRange zeroed) {
  sequences.push_back({{launches.begin(), launches.end()}, zeroed});
  return static_cast<SequenceId>(sequences.size()) - 1;
}

void HostDevice::run(SequenceId id) {
  const Sequence &sequence = sequences[id];
  arena.fill(sequence.zeroed.offset, sequence.zeroed.bytes, 0);
  for (LaunchId launchId : sequence.launches)
    launch(launchId);
}

void HostDevice::mark(int64_t number) {
  moments.resize(std::max<size_t>(moments.size(), number + 1));
  moments[number] = now();
}
