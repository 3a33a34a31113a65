// Measures the rate of wgmma m64nNk16 (bf16 in, f32 accumulate), and checks its results, in the layouts that
// kernels read and in others that they might.
//   wgmma_rate golden OUT.jsonl [OUT_real.bin]    needs an sm_90a device
//   wgmma_rate rate OUT.jsonl
//   wgmma_rate --host-check    no device: the host model of the descriptors against plain matrix products
// One kernel serves both: an iteration is 3 taps x 4 k-steps of wgmma at compile-time positions, and `rows`
// iterations make one product. With the c8 parameters that is exactly a 1x3x3 convolution of 64 channels read
// by shifted descriptors.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "wgmma_ops.h"

struct Operand { // bytes; offsets are from a 1024-byte aligned base
  uint32_t off = 0, lbo = 16, sbo = 16, kstep = 0, tapstep = 0, rowstep = 0, wgstep = 0;
  uint32_t swizzle = 0, baseOffset = 0; // swizzle: 0 none, 1 = 128 bytes
};
struct Params {
  Operand a, b;
  int iters = 1, rows = 1;
};

constexpr int kImage = 200 * 1024, kSmem = kImage + 1024, kTaps = 3, kSteps = 4, kXform = 16 * 1024;

__device__ __forceinline__ uint64_t descriptor(uint32_t base, const Operand &o, int wg) {
  return uint64_t(((base + o.off + wg * o.wgstep) >> 4) & 0x3FFF) | uint64_t((o.lbo >> 4) & 0x3FFF) << 16 |
         uint64_t((o.sbo >> 4) & 0x3FFF) << 32 | uint64_t(o.baseOffset & 7) << 49 | uint64_t(o.swizzle) << 62;
}

// With XFORM, one more warpgroup applies BN+ReLU in place to other shared memory for as long as the consumers
// run.
template <int N, int TA, int TB, int RS, int XFORM>
__global__ void __launch_bounds__(XFORM ? 384 : 256, 1)
    wgmmaKernel(const __grid_constant__ Params p, const uint4 *image, const uint4 *aRegs, float *out,
                uint32_t *cycles, uint32_t *xbytes) {
  extern __shared__ uint8_t raw[];
  __shared__ volatile int done;
  const uint32_t rawAddr = uint32_t(__cvta_generic_to_shared(raw)), base = (rawAddr + 1023u) & ~1023u;
  uint4 *const mem = reinterpret_cast<uint4 *>(raw + (base - rawAddr));
  for (int i = threadIdx.x; i < kImage / 16; i += blockDim.x)
    mem[i] = image[i];
  if (threadIdx.x == 0)
    done = 0;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const int wg = __shfl_sync(0xFFFFFFFFu, int(threadIdx.x) >> 7, 0), t = threadIdx.x & 127;
  const int consumers = int(blockDim.x >> 7) - XFORM;
  if (XFORM && wg == consumers) {
    float s[8], o[8];
#pragma unroll
    for (int i = 0; i < 8; ++i)
      s[i] = p.rows < 100 ? -1.0f : 1.0f, o[i] = p.rows < 100 ? 4.0f : 0.0f; // 4 - x: stays random
    uint32_t n = 0;
    while (!done) {
      uint4 *q = mem + (kImage - kXform) / 16 + t;
#pragma unroll 4
      for (int i = 0; i < kXform / 2048; ++i, q += 128) {
        uint4 v = *q;
        uint32_t *w = reinterpret_cast<uint32_t *>(&v);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const float lo = fmaxf(fmaf(__uint_as_float(w[j] << 16), s[2 * j], o[2 * j]), 0.0f);
          const float hi = fmaxf(fmaf(__uint_as_float(w[j] & 0xFFFF0000u), s[2 * j + 1], o[2 * j + 1]), 0.0f);
          asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(w[j]) : "f"(hi), "f"(lo));
        }
        *q = v;
      }
      asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
      n += kXform;
    }
    if (t == 0)
      xbytes[blockIdx.x] = n;
    return;
  }
  const uint64_t a0 = descriptor(base, p.a, wg), b0 = descriptor(base, p.b, wg);
  const uint32_t ak = p.a.kstep >> 4, at = p.a.tapstep >> 4, ar = p.a.rowstep >> 4;
  const uint32_t bk = p.b.kstep >> 4, bt = p.b.tapstep >> 4, br = p.b.rowstep >> 4;
  uint32_t areg[kSteps][4];
#pragma unroll
  for (int s = 0; s < kSteps; ++s) {
    const uint4 v = RS ? aRegs[(wg * kSteps + s) * 128 + t] : uint4{0, 0, 0, 0};
    areg[s][0] = v.x, areg[s][1] = v.y, areg[s][2] = v.z, areg[s][3] = v.w;
  }
  float d[N / 2];
#pragma unroll
  for (int i = 0; i < N / 2; ++i)
    d[i] = 0.0f;
  int row = 0;
  asm volatile("bar.sync 1, %0;" ::"r"(consumers * 128) : "memory");
  const long long t0 = clock64();
  for (int it = 0; it < p.iters; ++it) {
    uint64_t a = a0 + uint32_t(row) * ar, b = b0 + uint32_t(row) * br;
    asm volatile("" : "+l"(a), "+l"(b)); // keep the sums inside the loop
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int tap = 0; tap < kTaps; ++tap)
#pragma unroll
      for (int s = 0; s < kSteps; ++s) {
        const int keep = tap + s > 0 ? 1 : row != 0;
        const uint64_t bd = b + uint32_t(tap * bt + s * bk);
        if constexpr (RS)
          Rs<N, TB>::mma(d, areg[s], bd, keep);
        else
          Ss<N, TA, TB>::mma(d, a + uint32_t(tap * at + s * ak), bd, keep);
      }
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
    row = row + 1 == p.rows ? 0 : row + 1;
  }
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
  for (int i = 0; i < N / 2; ++i)
    asm volatile("" : "+f"(d[i])::"memory");
  asm volatile("bar.sync 1, %0;" ::"r"(consumers * 128) : "memory");
  const long long t1 = clock64();
  if (threadIdx.x == 0)
    cycles[blockIdx.x] = uint32_t(t1 - t0), done = 1;
  if (blockIdx.x == 0) {
    const int r = (t >> 5) * 16 + ((t & 31) >> 2);
    float *o = out + (wg * 64 + r) * N + (t & 3) * 2;
#pragma unroll
    for (int j = 0; j < N / 8; ++j) {
      o[8 * j] = d[4 * j], o[8 * j + 1] = d[4 * j + 1];
      o[8 * N + 8 * j] = d[4 * j + 2], o[8 * N + 8 * j + 1] = d[4 * j + 3];
    }
  }
}

// ---------------------------------------------------------------- host model
static uint16_t toBf16(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return uint16_t((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
}
static float fromBf16(uint16_t h) {
  const uint32_t u = uint32_t(h) << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}
static uint32_t mix(uint32_t x) {
  x ^= x >> 16, x *= 0x7FEB352Du, x ^= x >> 15, x *= 0x846CA68Bu, x ^= x >> 16;
  return x;
}
// Returns a random value; in exact mode an integer in -4..4, so that every sum is exact in f32 and the
// comparison is for equality.
static uint16_t value(uint32_t seed, uint32_t i, bool exact) {
  const uint32_t h = mix(seed * 0x9E3779B9u + i);
  if (exact)
    return toBf16(float(int(h % 9) - 4));
  return toBf16((float(h & 0xFFFF) + float(h >> 16)) / 65536.0f - 1.0f);
}
static uint32_t swz(uint32_t x, uint32_t mode) { return mode == 1 ? x ^ (((x >> 7) & 7) << 4) : x; }

// Returns the byte address of element (mn, k) of one k16 operand, in the canonical layouts.
static uint32_t address(const Operand &o, uint32_t start, bool mnMajor, int mn, int k) {
  if (o.swizzle == 0)
    return mnMajor ? start + (mn % 8) * 2 + (mn / 8) * o.sbo + (k % 8) * 16 + (k / 8) * o.lbo
                   : start + (mn % 8) * 16 + (mn / 8) * o.sbo + (k / 8) * o.lbo + (k % 8) * 2;
  return swz(mnMajor ? start + (mn % 64) * 2 + (mn / 64) * o.lbo + (k % 8) * 128 + (k / 8) * o.sbo
                     : start + (mn % 8) * 128 + (mn / 8) * o.sbo + k * 2,
             1);
}

struct Case {
  std::string name;
  int N = 64, ta = 0, tb = 0, rs = 0;
  Params p;
  std::vector<uint16_t> image = std::vector<uint16_t>(kImage / 2);
  std::vector<uint16_t> aRegs = std::vector<uint16_t>(2 * kSteps * 128 * 8);
  std::function<float(int, int, int, int, int)> A, B; // logical (m or n, row, tap, k 0..63, unused)
  void put(uint32_t byte, uint16_t v) {
    if (byte + 2 > kImage)
      fprintf(stderr, "%s: image too small\n", name.c_str()), exit(3);
    image[byte / 2] = v;
  }
  float get(uint32_t byte) const { return fromBf16(image[byte / 2]); }
};

static constexpr int P = 57; // row pitch of a 56-wide c8 tile

static void c8Tile(Case &c, Operand &o, int channels, int pixels, int padPixels, uint32_t seed, bool exact) {
  const uint32_t cb = uint32_t(pixels + padPixels) * 16;
  for (int ch = 0; ch < channels; ++ch)
    for (int x = 0; x < pixels; ++x)
      c.put(o.off + ch / 8 * cb + x * 16 + ch % 8 * 2, value(seed, ch * 4096 + x, exact));
  o.lbo = cb; // callers swap for MN-major
}
static void packTile(Case &c, const Operand &o, int kTotal, int cols, uint32_t seed,
                     bool exact) { // [tap][k/8][cols][8]
  for (int tap = 0; tap < kTaps; ++tap)
    for (int k = 0; k < kTotal; ++k)
      for (int n = 0; n < cols; ++n)
        c.put(o.off + (tap * kTotal / 8 + k / 8) * cols * 16 + n * 16 + k % 8 * 2,
              value(seed, (tap * 512 + k) * 512 + n, exact));
}
static void rowsSw128(Case &c, const Operand &o, int rows, uint32_t seed,
                      bool exact) { // rows of 64 k, 128 bytes each
  for (int r = 0; r < rows; ++r)
    for (int k = 0; k < 64; ++k)
      c.put(swz(o.off + r * 128 + k * 2, 1), value(seed, r * 64 + k, exact));
}
static void mnSw128(Case &c, Operand &o, int mn, uint32_t seed, bool exact) { // [mn/64][k/8][k%8][64], 64 k
  for (int i = 0; i < mn; ++i)
    for (int k = 0; k < 64; ++k)
      c.put(swz(o.off + i / 64 * 8192 + k / 8 * 1024 + k % 8 * 128 + i % 64 * 2, 1),
            value(seed, i * 64 + k, exact));
  o.lbo = 8192, o.sbo = 1024, o.kstep = 2048;
}

constexpr uint32_t kBOff = 64 * 1024;

// The forms: c8_*: as kernels read, blocks of 8 channels without swizzle; fprop: pixels are rows, starts are
// shifted (_pad: with a gap between blocks); chanM: channels are rows; dgrad: weights with N innermost;
// wgrad: both with M and N innermost. sw128_*: a swizzle of 128 bytes, both K-major (_K), shifted by whole
// rows (_shift), both MN-major (_MN). rs_*: A in registers.
static bool build(Case &c, const std::string &mode, int N, bool exact, int shift = 0) {
  c.name = mode, c.N = N;
  Operand &a = c.p.a, &b = c.p.b;
  b.off = kBOff;
  const auto v = [exact](uint32_t seed, uint32_t i) { return fromBf16(value(seed, i, exact)); };
  auto packed = [=](uint32_t seed) {
    return [=](int n, int, int tap, int k, int) { return v(seed, uint32_t((tap * 512 + k) * 512 + n)); };
  };
  auto pixels = [=](uint32_t seed, int extra) { // K-major tile: mn is a pixel, k a channel
    return [=](int m, int row, int tap, int k, int) {
      return v(seed, uint32_t(k * 4096 + m + tap + row * P + extra));
    };
  };
  const bool pad = mode == "c8_fprop_pad";
  if (mode == "c8_fprop" || pad || mode == "c8_fprop_start") {
    // A: pixels (K-major, shifted), B: weights [tap][Cin/8][Cout][8] (K-major)
    c8Tile(c, a, 64, 128 + 2 * P + 2, pad ? 4 : 0, 1, exact);
    a.sbo = 128, a.kstep = 2 * a.lbo, a.tapstep = 16, a.rowstep = P * 16, a.wgstep = 64 * 16, c.p.rows = 3;
    packTile(c, b, 64, N, 2, exact);
    b.lbo = N * 16, b.sbo = 128, b.kstep = 2 * N * 16, b.tapstep = 8 * N * 16;
    if (mode == "c8_fprop_start") { // one start address, no stepping: names the shift that fails
      a.off = shift * 16, a.tapstep = a.rowstep = 0, c.p.rows = 1;
      c.A = [=](int m, int, int, int k, int) { return v(1, uint32_t(k * 4096 + m + shift)); };
    } else {
      c.A = pixels(1, 0);
    }
    c.B = packed(2);
  } else if (mode == "c8_chanM") {
    // A: weights (K-major, channels as M), B: pixels as N (K-major, shifted)
    packTile(c, a, 64, 128, 2, exact);
    a.lbo = 128 * 16, a.sbo = 128, a.kstep = 2 * 128 * 16, a.tapstep = 8 * 128 * 16, a.wgstep = 64 * 16;
    c8Tile(c, b, 64, N + 2 * P + 2, 0, 1, exact);
    b.sbo = 128, b.kstep = 2 * b.lbo, b.tapstep = 16, b.rowstep = P * 16, c.p.rows = 3;
    c.A = packed(2), c.B = pixels(1, 0);
  } else if (mode == "c8_dgrad") {
    // A: gradient pixels (K-major, shifted), B: the same weight pack read N-major: n = Cin, k = Cout = 64
    c8Tile(c, a, 64, 128 + 2 * P + 2, 0, 1, exact);
    a.sbo = 128, a.kstep = 2 * a.lbo, a.tapstep = 16, a.rowstep = P * 16, a.wgstep = 64 * 16, c.p.rows = 3;
    packTile(c, b, N, 64, 2, exact); // [tap][Cin/8][Cout][8 cin]
    b.lbo = 128, b.sbo = 64 * 16, b.kstep = 256, b.tapstep = N / 8 * 64 * 16, c.tb = 1;
    c.A = pixels(1, 0);
    c.B = [=](int n, int, int tap, int k, int) { return v(2, uint32_t((tap * 512 + n) * 512 + k)); };
  } else if (mode == "c8_wgrad") {
    // A: gradient tile (M-major: m = Cout, k = pixel), B: activation tile (N-major: n = Cin, k = pixel,
    // shifted)
    c8Tile(c, a, 128, 64, 0, 1, exact);
    a.sbo = a.lbo, a.lbo = 128, a.kstep = 256, a.wgstep = 8 * a.sbo, c.ta = 1;
    c8Tile(c, b, N, 64 + 2 * P + 2, 0, 2, exact);
    b.sbo = b.lbo, b.lbo = 128, b.kstep = 256, b.tapstep = 16, b.rowstep = P * 16, c.tb = 1, c.p.rows = 3;
    c.A = [=](int m, int, int, int k, int) { return v(1, uint32_t(m * 4096 + k)); };
    c.B = [=](int n, int row, int tap, int k, int) { return v(2, uint32_t(n * 4096 + k + tap + row * P)); };
  } else if (mode == "sw128_K" || mode == "sw128_K_shift" || mode == "sw128_K_start0" ||
             mode == "sw128_K_startB") {
    // rows of 64 channels, 128-byte swizzle, both K-major; _shift steps A by whole rows as a halo tile would
    const bool step = mode == "sw128_K_shift", start = mode == "sw128_K_start0" || mode == "sw128_K_startB";
    const int s = start ? shift : 0;
    a.swizzle = b.swizzle = 1, a.sbo = b.sbo = 1024, a.kstep = b.kstep = 32;
    rowsSw128(c, a, 128 + 2 * P + 2, 1, exact);
    rowsSw128(c, b, kTaps * N, 2, exact);
    a.wgstep = 64 * 128, b.tapstep = N * 128;
    if (step)
      a.tapstep = 128, a.rowstep = P * 128, c.p.rows = 3;
    a.off = s * 128, a.baseOffset = mode == "sw128_K_startB" ? s & 7 : 0;
    c.A = [=](int m, int row, int tap, int k, int) {
      return v(1, uint32_t((m + s + (step ? tap + row * P : 0)) * 64 + k));
    };
    c.B = [=](int n, int, int tap, int k, int) { return v(2, uint32_t((tap * N + n) * 64 + k)); };
  } else if (mode == "sw128_MN") {
    a.swizzle = b.swizzle = 1, c.ta = c.tb = 1;
    mnSw128(c, a, 128, 1, exact), mnSw128(c, b, N, 2, exact);
    a.wgstep = 8192;
    c.A = [=](int m, int, int, int k, int) { return v(1, uint32_t(m * 64 + k)); };
    c.B = [=](int n, int, int, int k, int) { return v(2, uint32_t(n * 64 + k)); };
  } else if (mode == "rs_c8" || mode == "rs_sw128") {
    c.rs = 1;
    if (mode == "rs_c8") {
      packTile(c, b, 64, N, 2, exact);
      b.lbo = N * 16, b.sbo = 128, b.kstep = 2 * N * 16, b.tapstep = 8 * N * 16;
      c.B = packed(2);
    } else {
      b.swizzle = 1, b.sbo = 1024, b.kstep = 32, b.tapstep = N * 128;
      rowsSw128(c, b, kTaps * N, 2, exact);
      c.B = [=](int n, int, int tap, int k, int) { return v(2, uint32_t((tap * N + n) * 64 + k)); };
    }
    c.A = [=](int m, int, int, int k, int) { return v(1, uint32_t(m * 64 + k)); };
    for (int wg = 0; wg < 2; ++wg)
      for (int s = 0; s < kSteps; ++s)
        for (int t = 0; t < 128; ++t)
          for (int i = 0; i < 8; ++i) { // register i/2, half i%2
            const int m = wg * 64 + t / 32 * 16 + t % 32 / 4 + (i / 2 % 2) * 8,
                      k = s * 16 + t % 4 * 2 + i % 2 + (i / 4) * 8;
            c.aRegs[((wg * kSteps + s) * 128 + t) * 8 + i] = value(1, m * 64 + k, exact);
          }
  } else {
    return false;
  }
  c.p.iters = c.p.rows;
  return true;
}

// Computes the product of what the descriptors select, by the canonical layouts, or (direct) of the logical
// matrices.
static std::vector<double> product(const Case &c, bool direct, std::vector<double> *absSum = nullptr) {
  std::vector<double> D(size_t(128) * c.N), S(D.size());
  std::vector<float> av(128 * 16), bv(size_t(c.N) * 16);
  for (int wg = 0; wg < 2; ++wg)
    for (int row = 0; row < c.p.rows; ++row)
      for (int tap = 0; tap < kTaps; ++tap)
        for (int s = 0; s < kSteps; ++s) {
          auto fill = [&](std::vector<float> &x, int n, const Operand &o, bool mnMajor, bool logical,
                          int first, auto &f) {
            const uint32_t st = o.off + wg * o.wgstep + row * o.rowstep + tap * o.tapstep + s * o.kstep;
            for (int i = 0; i < n; ++i)
              for (int k = 0; k < 16; ++k)
                x[i * 16 + k] =
                    logical ? f(first + i, row, tap, s * 16 + k, 0) : c.get(address(o, st, mnMajor, i, k));
          };
          fill(av, 64, c.p.a, c.ta, direct || c.rs, wg * 64, c.A);
          fill(bv, c.N, c.p.b, c.tb, direct, 0, c.B);
          for (int m = 0; m < 64; ++m)
            for (int n = 0; n < c.N; ++n) {
              double sum = 0, as = 0;
              for (int k = 0; k < 16; ++k) {
                const double x = double(av[m * 16 + k]) * bv[n * 16 + k];
                sum += x, as += std::fabs(x);
              }
              D[size_t(wg * 64 + m) * c.N + n] += sum, S[size_t(wg * 64 + m) * c.N + n] += as;
            }
        }
  if (absSum)
    *absSum = S;
  return D;
}

static const int kSizes[] = {64, 128, 144, 232, 256};
static const char *const kModes[] = {"c8_fprop", "c8_fprop_pad",  "c8_chanM", "c8_dgrad", "c8_wgrad",
                                     "sw128_K",  "sw128_K_shift", "sw128_MN", "rs_c8",    "rs_sw128"};
static const int kShifts[] = {1, 2, 3, 4, 7, 8, 57, 58, 59, 114, 116};

struct Golden {
  std::string mode;
  int N, shift;
};
static std::vector<Golden> goldens() {
  std::vector<Golden> g;
  for (const char *m : kModes)
    for (int n : kSizes)
      g.push_back({m, n, 0});
  for (int s : kShifts)
    g.push_back({"c8_fprop_start", 64, s});
  for (const char *m : {"sw128_K_start0", "sw128_K_startB"})
    for (int s : kShifts)
      g.push_back({m, 64, s});
  return g;
}

static int hostCheck() {
  int bad = 0, n = 0;
  for (const Golden &g : goldens()) {
    Case c;
    if (!build(c, g.mode, g.N, true, g.shift))
      return 3;
    const bool same = product(c, true) == product(c, false);
    if (!same)
      printf("host model differs: %s N=%d shift=%d\n", g.mode.c_str(), g.N, g.shift);
    bad += !same, ++n;
  }
  printf("host check: %d cases, %d differ\n", n, bad);
  return bad != 0;
}

// ---------------------------------------------------------------- device
#define CK(x)                                                                                                \
  do {                                                                                                       \
    cudaError_t e_ = (x);                                                                                    \
    if (e_ != cudaSuccess) {                                                                                 \
      printf("%s:%d %s: %s\n", __FILE__, __LINE__, #x, cudaGetErrorString(e_));                              \
      exit(2);                                                                                               \
    }                                                                                                        \
  } while (0)

using Kernel = void (*)(Params, const uint4 *, const uint4 *, float *, uint32_t *, uint32_t *);
template <int N> static Kernel pick(int ta, int tb, int rs, int xf) {
  if constexpr (N == 64 || N == 144 || N == 232)
    if (xf)
      return wgmmaKernel<N, 0, 0, 0, 1>;
  if (xf)
    return nullptr;
  if (rs)
    return wgmmaKernel<N, 0, 0, 1, 0>;
  return ta ? wgmmaKernel<N, 1, 1, 0, 0> : tb ? wgmmaKernel<N, 0, 1, 0, 0> : wgmmaKernel<N, 0, 0, 0, 0>;
}
static Kernel kernelFor(int N, int ta, int tb, int rs, int xf) {
  switch (N) {
  case 64:
    return pick<64>(ta, tb, rs, xf);
  case 128:
    return pick<128>(ta, tb, rs, xf);
  case 144:
    return pick<144>(ta, tb, rs, xf);
  case 232:
    return pick<232>(ta, tb, rs, xf);
  default:
    return pick<256>(ta, tb, rs, xf);
  }
}

struct Device {
  int sms = 0;
  uint4 *image, *aRegs;
  float *out;
  uint32_t *cycles, *xbytes;
  cudaEvent_t e0, e1;
  void load(const Case &c) {
    CK(cudaMemcpy(image, c.image.data(), kImage, cudaMemcpyHostToDevice));
    CK(cudaMemcpy(aRegs, c.aRegs.data(), c.aRegs.size() * 2, cudaMemcpyHostToDevice));
  }
  void launch(const Case &c, const Params &p, int grid, int wgs, int xf) {
    Kernel k = kernelFor(c.N, c.ta, c.tb, c.rs, xf);
    CK(cudaFuncSetAttribute(reinterpret_cast<const void *>(k), cudaFuncAttributeMaxDynamicSharedMemorySize,
                            kSmem));
    k<<<grid, (wgs + xf) * 128, kSmem>>>(p, image, aRegs, out, cycles, xbytes);
    CK(cudaGetLastError());
  }
  std::vector<float> result(const Case &c, const Params &p) {
    CK(cudaMemset(out, 0xFF, 128 * 256 * 4)); // poison: NaN
    launch(c, p, 1, 2, 0);
    CK(cudaDeviceSynchronize());
    std::vector<float> r(size_t(128) * c.N);
    CK(cudaMemcpy(r.data(), out, r.size() * 4, cudaMemcpyDeviceToHost));
    return r;
  }
};

static std::string describe(const Operand &o, int mnMajor) {
  char s[256];
  snprintf(s, sizeof s,
           "{\"major\":\"%s\",\"swizzle\":%u,\"lbo\":%u,\"sbo\":%u,\"base_offset\":%u,\"k_step\":%u,\"tap_"
           "step\":%u,\"row_step\":%u}",
           mnMajor ? "mn" : "k", o.swizzle ? 128 : 0, o.lbo, o.sbo, o.baseOffset, o.kstep, o.tapstep,
           o.rowstep);
  return s;
}

static size_t mismatches(const std::vector<float> &g, const std::vector<double> &r) {
  size_t n = 0;
  for (size_t i = 0; i < g.size(); ++i)
    n += !(double(g[i]) == r[i]);
  return n;
}

static void runGolden(Device &dev, FILE *f, const char *real) {
  int passed = 0, failed = 0;
  for (const Golden &g : goldens()) {
    Case c;
    build(c, g.mode, g.N, true, g.shift);
    dev.load(c);
    const std::vector<double> ref = product(c, true);
    const size_t bad = mismatches(dev.result(c, c.p), ref);
    std::string note;
    if (bad && c.N == 64 && c.p.a.swizzle == 0 &&
        c.p.b.swizzle == 0) // would exchanging the two byte offsets explain it?
      for (int m = 1; m < 4; ++m) {
        Params q = c.p;
        if (m & 1)
          std::swap(q.a.lbo, q.a.sbo);
        if (m & 2)
          std::swap(q.b.lbo, q.b.sbo);
        if (!mismatches(dev.result(c, q), ref))
          note += m == 1   ? " right with A's LBO/SBO swapped"
                  : m == 2 ? " right with B's swapped"
                           : " right with both swapped";
      }
    const bool info = g.mode == "sw128_K_start0" || g.mode == "sw128_K_startB" || g.mode == "sw128_K_shift" ||
                      (g.mode == "sw128_MN" && g.N % 64 != 0); // a question, not an expectation
    (bad ? failed : passed) += !info;
    fprintf(f,
            "{\"test\":\"wgmma_golden\",\"case\":\"%s\",\"n\":%d,\"shift\":%d,\"elements\":%zu,"
            "\"mismatches\":%zu,\"pass\":%s,\"question\":%s,\"note\":\"%s\","
            "\"a\":%s,\"b\":%s}\n",
            g.mode.c_str(), g.N, g.shift, ref.size(), bad, bad ? "false" : "true", info ? "true" : "false",
            note.c_str(), c.rs ? "\"registers\"" : describe(c.p.a, c.ta).c_str(),
            describe(c.p.b, c.tb).c_str());
    printf("  %-16s N=%-3d shift=%-3d %s%s\n", g.mode.c_str(), g.N, g.shift,
           bad ? (info ? "no" : "FAIL") : (info ? "yes" : "ok"), note.c_str());
  }
  printf("  expected forms: %d ok, %d failed ('yes'/'no' rows are questions: row-shifted starts with "
         "128-byte swizzle, base offset 0 or row %% 8; MN-major "
         "128-byte swizzle with N not a multiple of 64)\n",
         passed, failed);

  // Real values: how the hardware accumulates, in units of 2^-24 of the sum of magnitudes.
  for (const char *m : {"c8_fprop", "sw128_K"}) {
    Case c;
    build(c, m, 64, false);
    dev.load(c);
    std::vector<double> mag;
    const std::vector<double> ref = product(c, true, &mag);
    const std::vector<float> got = dev.result(c, c.p);
    double worst = 0, se = 0, sr = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      const double e = double(got[i]) - ref[i];
      worst = std::max(worst, std::fabs(e) / mag[i] * 16777216.0), se += e * e, sr += ref[i] * ref[i];
    }
    fprintf(f,
            "{\"test\":\"wgmma_real\",\"case\":\"%s\",\"n\":64,\"products\":%d,\"rel_l2\":%.4e,\"worst_2m24_"
            "of_magnitude\":%.3f}\n",
            m, c.p.rows * kTaps * 64, std::sqrt(se / sr), worst);
    printf("  real values %-9s: rel. L2 %.2e, worst %.2f x 2^-24 of the sum of magnitudes\n", m,
           std::sqrt(se / sr), worst);
    if (real && !strcmp(m, "sw128_K")) { // A rows 0..127 x 64, B 3 taps x 64 x 64 (bf16), D 128 x 64 (f32)
      if (FILE *g = fopen(real, "wb")) {
        for (int i = 0; i < 128 * 64; ++i) {
          const uint16_t h = value(1, i, false);
          fwrite(&h, 2, 1, g);
        }
        for (int i = 0; i < kTaps * 64 * 64; ++i) {
          const uint16_t h = value(2, i, false);
          fwrite(&h, 2, 1, g);
        }
        fwrite(got.data(), 4, got.size(), g);
        fclose(g);
      }
    }
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--host-check"))
    return hostCheck();
  if (argc < 3)
    return printf("usage: wgmma_rate golden|rate OUT.jsonl [OUT_real.bin] | --host-check\n"), 3;
  const bool golden = !strcmp(argv[1], "golden");
  setvbuf(stdout, nullptr, _IOLBF, 0);
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || !devices)
    return printf("no device\n"), 2;
  FILE *f = fopen(argv[2], "a");
  if (!f)
    return printf("cannot write %s\n", argv[2]), 3;
  setvbuf(f, nullptr, _IOLBF, 0);
  cudaDeviceProp prop;
  CK(cudaGetDeviceProperties(&prop, 0));
  Device dev;
  dev.sms = prop.multiProcessorCount;
  CK(cudaMalloc(&dev.image, kImage));
  CK(cudaMalloc(&dev.aRegs, 2 * kSteps * 128 * 16));
  CK(cudaMalloc(&dev.out, 128 * 256 * 4));
  CK(cudaMalloc(&dev.cycles, dev.sms * 4));
  CK(cudaMalloc(&dev.xbytes, dev.sms * 4));
  CK(cudaEventCreate(&dev.e0));
  CK(cudaEventCreate(&dev.e1));

  if (golden) {
    printf("== wgmma golden checks (exact integers; every element of 128 x N) ==\n");
    runGolden(dev, f, argc > 3 ? argv[3] : nullptr);
    fclose(f);
    return 0;
  }

  printf(
      "== wgmma rate, %d SMs, random data; share = N/2 cycles over measured cycles per m64nNk16 and SM ==\n",
      dev.sms);
  auto rate = [&](const std::string &mode, int n, int wgs, int xf) {
    if (!kernelFor(n, 0, 0, 0, xf))
      return;
    Case c;
    build(c, mode, n, false);
    for (int i = 0; xf && i < kXform; i += 2)
      c.put(kImage - kXform + i, value(9, i, false));
    dev.load(c);
    Params p = c.p;
    p.iters = std::max(64, 6800000 / (6 * n * wgs)) / 3 * 3;
    std::vector<float> ms;
    for (int r = 0; r < 6; ++r) {
      CK(cudaEventRecord(dev.e0));
      dev.launch(c, p, dev.sms, wgs, xf);
      CK(cudaEventRecord(dev.e1));
      CK(cudaEventSynchronize(dev.e1));
      float x;
      CK(cudaEventElapsedTime(&x, dev.e0, dev.e1));
      if (r)
        ms.push_back(x);
    }
    std::sort(ms.begin(), ms.end());
    std::vector<uint32_t> cyc(dev.sms), xb(dev.sms);
    CK(cudaMemcpy(cyc.data(), dev.cycles, dev.sms * 4, cudaMemcpyDeviceToHost));
    CK(cudaMemcpy(xb.data(), dev.xbytes, dev.sms * 4, cudaMemcpyDeviceToHost));
    std::sort(cyc.begin(), cyc.end());
    const double count = double(p.iters) * kTaps * kSteps * wgs, med = ms[ms.size() / 2],
                 per = cyc[dev.sms / 2] / count;
    const double tf = count * dev.sms * 64.0 * n * 16 * 2 / (med * 1e9), mhz = cyc[dev.sms / 2] / (med * 1e3);
    // bytes of shared memory one wgmma reads, per cycle
    const double bpc = ((c.rs ? 0 : 64 * 32) + n * 32) / per,
                 xbpc = xf ? 2.0 * xb[dev.sms / 2] / cyc[dev.sms / 2] : 0;
    fprintf(f,
            "{\"test\":\"wgmma_rate\",\"mode\":\"%s\",\"n\":%d,\"warpgroups\":%d,\"transform\":%d,\"tflops\":"
            "%.1f,\"ms\":%.4f,\"cycles_per_wgmma\":%.2f,"
            "\"share_of_issue\":%.4f,\"smem_bytes_per_cycle\":%.1f,\"transform_bytes_per_cycle\":%.1f,"
            "\"mhz\":%.0f}\n",
            mode.c_str(), n, wgs, xf, tf, med, per, n / 2.0 / per, bpc, xbpc, mhz);
    printf("  %-14s N=%-3d wg=%d%s %7.1f TFLOP/s  %7.2f cycles  share %5.1f%%  %5.1f B/clk", mode.c_str(), n,
           wgs, xf ? "+transform" : "", tf, per, 100 * n / 2.0 / per, bpc);
    if (xf)
      printf(" + transform %5.1f B/clk (read + write)", xbpc);
    printf("\n");
  };
  for (const char *m : kModes)
    for (int n : kSizes)
      for (int wgs : {1, 2})
        rate(m, n, wgs, 0);
  for (const char *m : {"c8_fprop", "sw128_K"}) // an in-place BN+ReLU warpgroup beside the consumers
    for (int n : {64, 144, 232})
      rate(m, n, 2, 1);
  fclose(f);
  return 0;
}
