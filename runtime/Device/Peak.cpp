#include "runtime/Device/Peak.h"

#include "runtime/Device/Device.h"
#include "runtime/Device/HostArena.h"
#include "runtime/Device/ThreadPool.h"
#include "runtime/Support/Clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <unistd.h>
#ifdef __x86_64__
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace kinema {
namespace {

// The sums are independent: more of them than two units with a latency of five cycles can have under way, or
// an Arm processor's four with one of four.
#ifdef __x86_64__
constexpr int sums = 12;
#else
constexpr int sums = 24;
#endif
constexpr int64_t rounds = 1'000'000; // a few milliseconds
constexpr int repetitions = 10;

// On x86-64 the sums tend to 2, so they are neither infinite nor denormal. The numbers are volatile, so that
// the compiler cannot compute the sums itself.
volatile float half = 0.5f, one = 1;
thread_local volatile float sink;

// Returns the shortest time of several, since other programs only ever make it longer.
double leastSeconds(ThreadPool &pool, int32_t grid, const ThreadPool::Work &work) {
  double least = 1e9;
  for (int i = 0; i < repetitions; ++i) {
    double begin = now();
    pool.run(grid, work);
    least = std::min(least, now() - begin);
  }
  return least;
}

double flops(ThreadPool &pool, int factors, void (*multiplyAdd)()) {
  double seconds = leastSeconds(pool, pool.threads(), [&](int, BlockRange blocks) {
    for (int64_t block = blocks.begin; block < blocks.end; ++block)
      multiplyAdd();
  });
  return 2.0 * sums * factors * static_cast<double>(rounds) * pool.threads() / seconds;
}

#ifdef __x86_64__

__attribute__((target("avx2,fma"))) void multiplyAdd256() {
  const __m256 factor = _mm256_set1_ps(half), term = _mm256_set1_ps(one);
  std::array<__m256, sums> values{};
  for (int64_t i = 0; i < rounds; ++i)
    for (__m256 &value : values)
      value = _mm256_fmadd_ps(value, factor, term);
  for (__m256 value : values)
    sink = sink + _mm256_cvtss_f32(value);
}

__attribute__((target("avx512f"))) void multiplyAdd512() {
  const __m512 factor = _mm512_set1_ps(half), term = _mm512_set1_ps(one);
  std::array<__m512, sums> values{};
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512 &value : values)
      value = _mm512_fmadd_ps(value, factor, term);
  for (__m512 value : values)
    sink = sink + _mm512_cvtss_f32(value);
}

__attribute__((target("avx512bf16"))) void multiplyPairs512() {
  const __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(half), _mm512_set1_ps(half));
  std::array<__m512, sums> values{};
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512 &value : values)
      value = _mm512_dpbf16_ps(value, factor, factor);
  for (__m512 value : values)
    sink = sink + _mm512_cvtss_f32(value);
}

void measureProducts(ThreadPool &pool, Peak &peak) {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    peak.avx2 = flops(pool, 8, multiplyAdd256);
  if (__builtin_cpu_supports("avx512f"))
    peak.avx512 = flops(pool, 16, multiplyAdd512);
  if (__builtin_cpu_supports("avx512bf16"))
    peak.bfloat16 = flops(pool, 32, multiplyPairs512);
}

#elif defined(__aarch64__)

// Sums that are added to in place need no copies of registers. They grow by a half in each round.
void multiplyAdd128() {
  const float32x4_t factor = vdupq_n_f32(half), term = vdupq_n_f32(one);
  std::array<float32x4_t, sums> values{};
  for (int64_t i = 0; i < rounds; ++i)
    for (float32x4_t &value : values)
      value = vfmaq_f32(value, factor, term);
  for (float32x4_t value : values)
    sink = sink + vgetq_lane_f32(value, 0);
}

void measureProducts(ThreadPool &pool, Peak &peak) { peak.neon = flops(pool, 4, multiplyAdd128); }

#endif

// Adds up `bytes` bytes, a multiple of 256.
void readAll(const char *memory, int64_t bytes) {
  using Vector [[gnu::vector_size(16)]] = float;
  std::array<Vector, 16> values{};
  for (const char *end = memory + bytes; memory < end; memory += 256)
    for (size_t i = 0; i < values.size(); ++i)
      values[i] += reinterpret_cast<const Vector *>(memory)[i];
  for (Vector value : values)
    sink = sink + value[0];
}

// Returns the size of the last cache, which glibc knows of x86-64 alone and Linux of all processors; 0 where
// neither does.
int64_t lastCacheBytes() {
  if (const long known = sysconf(_SC_LEVEL3_CACHE_SIZE); known > 0)
    return known;
  int64_t most = 0, kilobytes = 0;
  for (int index = 0; index < 8; ++index) {
    std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/size", index));
    if (file >> kilobytes)
      most = std::max(most, 1024 * kilobytes);
  }
  return most;
}

// Returns the larger bandwidth of reading and of copying: which one it is depends on the machine.
double bandwidth(ThreadPool &pool) {
  constexpr int64_t unit = 4096; // ranges begin at pages
  const int64_t least = int64_t{128} << 20;
  const int64_t bytes = std::max(least, 4 * lastCacheBytes());
  Pages pages(bytes, "measuring memory");
  std::memset(pages.data(), 0, bytes);
  const auto units = static_cast<int32_t>(bytes / 2 / unit);
  double copied = leastSeconds(pool, units, [&](int, BlockRange range) {
    auto [begin, end] = range;
    std::memcpy(pages.data() + bytes / 2 + begin * unit, pages.data() + begin * unit, (end - begin) * unit);
  });
  double read = leastSeconds(pool, units, [&](int, BlockRange range) {
    auto [begin, end] = range;
    readAll(pages.data() + 2 * begin * unit, 2 * (end - begin) * unit);
  });
  return static_cast<double>(bytes) / std::min(copied, read);
}

} // namespace

Peak measurePeak(ThreadPool &pool) {
  Peak peak;
  peak.threads = pool.threads();
  measureProducts(pool, peak);
  peak.bandwidth = bandwidth(pool);
  return peak;
}

} // namespace kinema
