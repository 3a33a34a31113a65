// Runs kernels that were made for a GPU on the CPU, adversarially: threads run in an order that a seed picks,
// asynchronous copies land as late as is legal, and shared memory begins full of NaNs. It finds what a GPU
// would not report: races, missing fences and waits, accesses out of bounds, threads that wait for ever. The
// kernels are host code made by the pass `nvvm-to-emulator`; each GPU thread is a fiber. The semantics are
// those of PTX ISA 9.0 for sm_90a.
#pragma once

#include "runtime/Emulator/Products.h"
#include "runtime/Emulator/Profile.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinema::emulator {

// A kernel takes the arguments of its launch. Two more stand before them: at -2 the start of the largest part
// of writable global memory, and at -1 the number of bytes from there at which an access of up to 64 bytes
// may begin. Such accesses are checked for their alignment alone.
using KernelFunction = void (*)(void *const *args);

// A MemoryRange is global memory that a kernel may touch.
struct MemoryRange {
  std::byte *begin = nullptr;
  int64_t bytes = 0;
  bool writable = true;
  int number = 0; // number for messages, which `run` sets
};

struct Kernel {
  std::string name;
  KernelFunction function = nullptr;
  int threads[3] = {1, 1, 1};         // threads of a block along x, y, z
  int cluster = 1;                    // blocks of a cluster
  uint32_t staticShared = 0;          // bytes; dynamic shared memory follows
  uint32_t sharedLimit = 0;           // bytes that the GPU gives a block, static and dynamic
  const char *const *sites = nullptr; // texts of places in the source (textOf)
  std::vector<MemoryRange> globals;   // global variables of the kernel's code
};

// Returns the text of a call's place in the source. The low 16 bits of a site are the number of a text; those
// above tell apart the places that share it.
std::string textOf(const Kernel &kernel, uint32_t site);

struct Launch {
  const Kernel *kernel = nullptr;
  int64_t grid = 1;           // blocks
  uint32_t dynamicShared = 0; // bytes
  std::vector<void *> args;   // a pointer, or a scalar's bits in the low bytes
  std::vector<MemoryRange> memory;
  uint64_t seed = 0; // 0: threads in order, copies late; 1: the last thread first; others: at random
  Arithmetic arithmetic = Arithmetic::InOrder; // of matrix products
  int workers = 1;                             // threads of the host; results do not depend on their number
  // Decides whether it is a violation if two accesses to global memory conflict and nothing orders them.
  // Watching takes sixteen bytes for each byte that may be written, besides what a cluster itself accesses,
  // and a call for each access. Which of two blocks is named depends on their order.
  bool watchesOrder = false;
  Profile *profile = nullptr; // where accesses are counted; null: they are not
};

// A Violation is something that a kernel did and must not do. Where several blocks have one, that of the
// lowest block counts.
struct Violation {
  int64_t block = 0;
  int thread = -1;  // -1: no thread in particular
  std::string what; // the whole story: kernel, block, thread, operation, source location
};

// Runs a launch to its end, or each block to its first violation. Throws Error where the launch itself is
// impossible (too many threads, too much shared memory).
std::optional<Violation> run(const Launch &launch);

} // namespace kinema::emulator
