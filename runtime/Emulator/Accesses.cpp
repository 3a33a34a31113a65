#include "runtime/Emulator/Accesses.h"

using namespace kinema::emulator;

void Accesses::checkAlignment(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment) {
  const Window &window = shared.window;
  if (reinterpret_cast<uint64_t>(address) % alignment) [[unlikely]]
    scheduler.violate(
        "{} {} bytes at an address that is no multiple of {}: {:#x}", nameOf(kind), bytes, alignment,
        window.holds(address) ? window.addressOf(address) : reinterpret_cast<uint64_t>(address));
}

void Accesses::checkCopy(AccessKind kind, Moment moment, const void *address, uint64_t bytes,
                         uint32_t alignment) {
  checkAlignment(kind, address, bytes, alignment);
  global.access(kind, moment, address, bytes);
}

// In shared memory, strong accesses count as plain ones: what orders them are barriers.
static AccessKind inSharedMemory(AccessKind kind) {
  return kind == AccessKind::StrongWrite ? AccessKind::Write : isRead(kind) ? AccessKind::Read : kind;
}

void Accesses::accessGlobal(AccessKind kind, const void *address, uint64_t bytes) {
  global.access(kind, address, bytes);
  if (profiler.isOn()) [[unlikely]]
    profiler.noteLane(scheduler.running(), global.buffer(), global.offset(address), bytes);
}

void Accesses::check(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment, Space space,
                     bool maybeUnwritten) {
  checkAlignment(kind, address, bytes, alignment);
  if (space == Space::Global)
    return accessGlobal(kind, address, bytes);
  const Window &window = shared.window;
  const Thread &thread = scheduler.running();
  if (window.holds(address)) {
    uint32_t at = uint32_t(window.addressOf(address));
    if (space == Space::Shared && Window::rankOf(at) != thread.rank) [[unlikely]]
      scheduler.violate("{} {} bytes of another block's shared memory as if it were its own", nameOf(kind),
                        bytes);
    shared.access(inSharedMemory(kind), at, bytes, maybeUnwritten);
    if (profiler.isOn()) [[unlikely]]
      profiler.noteLane(thread, Profile::sharedMemory, at, bytes);
    return;
  }
  if (space == Space::Shared || space == Space::SharedCluster) [[unlikely]]
    scheduler.violate("{} {} bytes at {}, which is not in shared memory", nameOf(kind), bytes, address);
  if (space == Space::Generic && thread.fiber.holds(address))
    return;
  accessGlobal(kind, address, bytes);
}
