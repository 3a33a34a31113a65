// Measures the most that this machine's processor and memory can do, with which the times of kernels are
// compared.
#pragma once

#include <algorithm>

namespace kinema {

class ThreadPool;

struct Peak {
  int threads = 0; // threads that measured; 0: not known
  // These are the fp32 operations a second of all threads together, a multiply-add counting two, in vectors
  // of 256 and of 512 bits, or of Arm's 128. 0: the processor has no such vectors.
  double avx2 = 0, avx512 = 0, neon = 0;
  // This is the rate of bfloat16 products, two pairs at once, summed in fp32. 0: the processor has no such
  // instruction.
  double bfloat16 = 0;
  double bandwidth = 0; // bytes a second to and from memory, of all threads together

  double flops() const { return std::max({avx2, avx512, neon}); }
};

// Takes a fraction of a second, and memory of four times the last cache's size (128 MiB at least).
Peak measurePeak(ThreadPool &pool);

} // namespace kinema
