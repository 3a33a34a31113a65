#include "runtime/Emulator/Fiber.h"

#include "runtime/Support/Error.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

using namespace kinema;
using namespace kinema::emulator;

static constexpr ptrdiff_t guardBytes = 4096, lineBytes = 64, linesOfPage = 4096 / lineBytes;

Fiber::Fiber(Fiber &&other) noexcept
    : context(std::exchange(other.context, nullptr)), stack(std::exchange(other.stack, nullptr)) {}

Fiber::~Fiber() {
  if (stack)
    munmap(stack - guardBytes, stackBytes + guardBytes);
}

void Fiber::start(void (*entry)(boost::context::detail::transfer_t), int number) {
  if (!stack) {
    void *memory = mmap(nullptr, stackBytes + guardBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      fail("cannot get {} bytes for a fiber's stack: {}", stackBytes + guardBytes, std::strerror(errno));
    mprotect(memory, guardBytes, PROT_NONE);
    stack = static_cast<char *>(memory) + guardBytes;
  }
  ptrdiff_t bytes = stackBytes - number % linesOfPage * lineBytes;
  context = boost::context::detail::make_fcontext(stack + bytes, bytes, entry);
}
