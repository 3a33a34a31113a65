// The most that this machine's processor and memory can do, measured: what the times of kernels are held
// against.
#pragma once

namespace kinema {

class ThreadPool;

struct Peak {
  int threads = 0; // that it was measured with; 0: not known
  // fp32 operations a second of all threads together, a multiply-add counting two, in vectors of 256 and of
  // 512 bits. 0: the processor has none.
  double avx2 = 0, avx512 = 0;
  // The same of products of bfloat16, two pairs at once, added up in fp32. 0: the processor has none.
  double bfloat16 = 0;
  double bandwidth = 0; // bytes a second to and from memory, of all threads together

  double flops() const { return avx2 > avx512 ? avx2 : avx512; }
};

// Takes a fraction of a second, and four times the last cache's size of memory (128 MiB at least).
Peak measurePeak(ThreadPool &pool);

} // namespace kinema
