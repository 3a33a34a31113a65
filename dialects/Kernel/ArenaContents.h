// Follows what lies where in an arena, from one launch to the next.
#ifndef KINEMA_DIALECTS_KERNEL_ARENACONTENTS_H
#define KINEMA_DIALECTS_KERNEL_ARENACONTENTS_H

#include <cstdint>
#include <iterator>
#include <map>

namespace kinema::kernel {

/// Holds what lies where, by its first byte. A `Held` says with its member `bytes` how many it takes.
template <typename Held> class ArenaContents {
public:
  /// Returns what begins at `offset`; null where nothing does.
  const Held *find(int64_t offset) const {
    auto found = held.find(offset);
    return found == held.end() ? nullptr : &found->second;
  }

  /// Returns the first value that shares a byte with [offset, offset + bytes); null if there is none.
  const std::pair<const int64_t, Held> *overlapping(int64_t offset, int64_t bytes) const {
    auto next = held.lower_bound(offset);
    if (next != held.begin() && std::prev(next)->first + std::prev(next)->second.bytes > offset)
      return &*std::prev(next);
    return next != held.end() && next->first < offset + bytes ? &*next : nullptr;
  }

  /// Puts a value at `offset`, in place of all that it overwrites.
  void put(int64_t offset, const Held &value) {
    while (auto *old = overlapping(offset, value.bytes))
      held.erase(old->first);
    held[offset] = value;
  }

private:
  std::map<int64_t, Held> held;
};

} // namespace kinema::kernel

#endif
