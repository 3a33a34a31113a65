// Stacks of their own for the threads of a block. A fiber that is started anew or dropped runs no
// destructors: kernels have none.
#pragma once

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace kinema::emulator {

using FiberContext = boost::context::detail::fcontext_t;

// A stack and where on it the fiber stands.
class Fiber {
public:
  Fiber() = default;
  Fiber(Fiber &&other) noexcept;
  Fiber &operator=(Fiber &&) = delete;
  ~Fiber();

  // Makes the fiber ready to run `entry` from its beginning. `entry` never returns.
  void start(void (*entry)(boost::context::detail::transfer_t));
  bool holds(const void *address) const {
    return static_cast<const char *>(address) - stack < stackBytes && address >= stack;
  }

  FiberContext context = nullptr;

private:
  static constexpr ptrdiff_t stackBytes = 128 * 1024;
  char *stack = nullptr;
};

} // namespace kinema::emulator
