#include "runtime/Emulator/Accesses.h"

using namespace kinema::emulator;

void Accesses::check(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment, Space space) {
  const Window &window = shared.window;
  if (reinterpret_cast<uint64_t>(address) % alignment) [[unlikely]]
    scheduler.violate(
        "{} {} bytes at an address that is no multiple of {}: {:#x}", nameOf(kind), bytes, alignment,
        window.holds(address) ? window.addressOf(address) : reinterpret_cast<uint64_t>(address));
  if (space == Space::Global)
    return global.access(kind, address, bytes);
  const Thread &thread = scheduler.running();
  if (window.holds(address)) {
    uint32_t at = uint32_t(window.addressOf(address));
    if (space == Space::Shared && Window::rankOf(at) != thread.rank) [[unlikely]]
      scheduler.violate("{} {} bytes of another block's shared memory as if it were its own", nameOf(kind),
                        bytes);
    return shared.access(kind, at, bytes);
  }
  if (space == Space::Shared || space == Space::SharedCluster) [[unlikely]]
    scheduler.violate("{} {} bytes at {}, which is not in shared memory", nameOf(kind), bytes, address);
  if (space == Space::Generic && thread.fiber.holds(address))
    return;
  global.access(kind, address, bytes);
}
