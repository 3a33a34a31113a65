// Runs kernels made for a GPU on the CPU, adversarially: threads in an order that a seed picks, asynchronous
// copies as late as is legal, shared memory full of NaNs; and finds what a GPU would do silently: races,
// missing fences and waits, accesses out of bounds, threads that wait for ever. The kernels are host code
// made by the pass `nvvm-to-emulator`; each GPU thread is a fiber. Semantics: PTX ISA 9.0 for sm_90a.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinema::emulator {

// args: of the launch; before them, at -2 and -1, where the largest part of writable global memory begins,
// and at how many bytes from there an access of up to 64 bytes may begin. Such accesses need no check but of
// their alignment.
using KernelFunction = void (*)(void *const *args);

// Global memory that a kernel may touch.
struct MemoryRange {
  std::byte *begin = nullptr;
  int64_t bytes = 0;
  bool writable = true;
  int number = 0; // for messages; set by run
};

struct Kernel {
  std::string name;
  KernelFunction function = nullptr;
  int threads[3] = {1, 1, 1};         // of a block, along x, y, z
  int cluster = 1;                    // blocks
  uint32_t staticShared = 0;          // bytes; dynamic shared memory follows
  uint32_t sharedLimit = 0;           // bytes that the GPU gives a block, static and dynamic
  const char *const *sites = nullptr; // where the calls stand in the source, by their number
  std::vector<MemoryRange> globals;   // of its code
};

struct Launch {
  const Kernel *kernel = nullptr;
  int64_t grid = 1;           // blocks
  uint32_t dynamicShared = 0; // bytes
  std::vector<void *> args;   // a pointer, or a scalar's bits in the low bytes
  std::vector<MemoryRange> memory;
  uint64_t seed = 0; // 0: threads in order, copies late; 1: the last thread first; others: at random
  int workers = 1;   // threads of the host; what comes out does not depend on it
  // Whether what one block writes and another one touches is a violation. Takes sixteen bytes for each that
  // may be written, and a call for each access. Which of the two blocks is told depends on their order.
  bool watchesBlocks = false;
};

// What a kernel did that it must not do. Of several blocks' violations the one of the lowest block.
struct Violation {
  int64_t block = 0;
  int thread = -1;  // -1: nobody in particular
  std::string what; // the whole story: kernel, block, thread, operation, source location
};

// Runs a launch to its end or to the first violation of each block. Throws Error where the launch itself is
// impossible (too many threads, too much shared memory).
std::optional<Violation> run(const Launch &launch);

} // namespace kinema::emulator
