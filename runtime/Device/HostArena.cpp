#include "runtime/Device/HostArena.h"

#include "runtime/Support/Error.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

using namespace kinema;

Pages::Pages(int64_t bytes, const char *purpose) : bytes(std::max<int64_t>(bytes, 1)) {
  memory = mmap(nullptr, this->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    fail("cannot allocate {} bytes for {}: {}", bytes, purpose, std::strerror(errno));
  madvise(memory, this->bytes, MADV_HUGEPAGE); // only advice: the system may have no big pages
}

Pages::~Pages() {
  if (memory)
    munmap(memory, bytes);
}

void Pages::swap(Pages &other) noexcept {
  std::swap(memory, other.memory);
  std::swap(bytes, other.bytes);
}

char *HostArena::at(int64_t offset, int64_t bytes) const {
  if (offset < 0 || bytes < 0 || bytes > pages.size() - offset)
    fail("{} bytes at {} lie outside the arena of {}", bytes, offset, pages.size());
  return pages.data() + offset;
}

void HostArena::copyIn(int64_t offset, const void *from, int64_t bytes) {
  std::memcpy(at(offset, bytes), from, bytes);
}

void HostArena::copyOut(int64_t offset, void *to, int64_t bytes) const {
  std::memcpy(to, at(offset, bytes), bytes);
}

void HostArena::fill(int64_t offset, int64_t bytes, uint32_t pattern) {
  uint32_t *begin = reinterpret_cast<uint32_t *>(at(offset, bytes));
  std::fill(begin, begin + bytes / 4, pattern);
}
