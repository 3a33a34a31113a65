// Gives the threads of a block stacks of their own. A fiber that is started anew or dropped runs no
// destructors, since kernels have none.
#pragma once

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace kinema::emulator {

using FiberContext = boost::context::detail::fcontext_t;

// A Fiber is a stack and the place that its execution has reached.
class Fiber {
public:
  Fiber() = default;
  Fiber(Fiber &&other) noexcept;
  Fiber &operator=(Fiber &&) = delete;
  ~Fiber();

  // Makes the fiber ready to run `entry` from its beginning. `entry` never returns. Fibers that run in turns
  // get numbers of their own, so that their frames lie in different sets of the processor's caches.
  void start(void (*entry)(boost::context::detail::transfer_t), int number);
  bool holds(const void *address) const {
    return static_cast<const char *>(address) - stack < stackBytes && address >= stack;
  }

  FiberContext context = nullptr;

private:
  // The frames of unrolled kernels are long, since their code is made quickly; what nobody touches takes no
  // memory.
  static constexpr ptrdiff_t stackBytes = 1024 * 1024;
  char *stack = nullptr;
};

} // namespace kinema::emulator
