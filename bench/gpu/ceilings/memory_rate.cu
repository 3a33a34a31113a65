// Measures the memory paths of a Hopper GPU that Kinema's kernels depend on: device copy, L2 reads, and
// filling shared memory by TMA (5-D boxes over the c8 layout N,C/8,T,H,W,8 typed as 64-bit integers, other
// box forms, 1-D bulk copies).
//   memory_rate basic|verify|fill OUT.jsonl    (apart, so that one that hangs does not take the others along)
#include <cuda.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#define CK(x)                                                                                                \
  do {                                                                                                       \
    cudaError_t e_ = (x);                                                                                    \
    if (e_ != cudaSuccess) {                                                                                 \
      printf("%s:%d %s: %s\n", __FILE__, __LINE__, #x, cudaGetErrorString(e_));                              \
      exit(2);                                                                                               \
    }                                                                                                        \
  } while (0)

static FILE *json;
static int sms;
static cudaEvent_t e0, e1;

template <class F> static float medianMs(int reps, F f) {
  std::vector<float> v;
  for (int r = 0; r < reps + 2; ++r) {
    CK(cudaEventRecord(e0));
    f();
    CK(cudaGetLastError());
    CK(cudaEventRecord(e1));
    CK(cudaEventSynchronize(e1));
    float ms;
    CK(cudaEventElapsedTime(&ms, e0, e1));
    if (r >= 2)
      v.push_back(ms);
  }
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

__device__ __forceinline__ uint32_t mix(uint32_t x) {
  x ^= x >> 16, x *= 0x7FEB352Du, x ^= x >> 15, x *= 0x846CA68Bu;
  return x ^ (x >> 16);
}
__global__ void fillRandom(uint4 *p, size_t n) { // finite bf16 pairs: exponents near one
  for (size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x; i < n; i += size_t(gridDim.x) * blockDim.x) {
    uint32_t w[4];
    for (int j = 0; j < 4; ++j)
      w[j] = (mix(uint32_t(i * 4 + j)) & 0x80FF80FFu) | 0x3F003F00u;
    p[i] = {w[0], w[1], w[2], w[3]};
  }
}
__global__ void __launch_bounds__(512)
    copyKernel(const uint4 *__restrict__ a, uint4 *__restrict__ b, size_t n) {
  const size_t step = size_t(gridDim.x) * 512;
  size_t i = blockIdx.x * size_t(512) + threadIdx.x;
  for (; i + 3 * step < n; i += 4 * step) {
    uint4 v[4];
#pragma unroll
    for (int j = 0; j < 4; ++j)
      v[j] = __ldcs(a + i + j * step);
#pragma unroll
    for (int j = 0; j < 4; ++j)
      __stcs(b + i + j * step, v[j]);
  }
  for (; i < n; i += step)
    b[i] = a[i];
}
__global__ void __launch_bounds__(512) writeKernel(uint4 *b, size_t n) {
  const size_t step = size_t(gridDim.x) * 512;
  for (size_t i = blockIdx.x * size_t(512) + threadIdx.x; i < n; i += step)
    b[i] = {uint32_t(i), 1, 2, 3};
}
// Every block reads all n (a multiple of 512 * 8) 16-byte words `passes` times, starting at its own place; L1
// is bypassed.
__global__ void __launch_bounds__(512)
    readAll(const uint4 *__restrict__ a, uint32_t n, int passes, uint32_t *sink) {
  const uint32_t chunks = n / (512 * 8);
  uint32_t c = uint32_t(uint64_t(blockIdx.x) * chunks / gridDim.x);
  uint32_t acc = 0;
  for (uint32_t k = chunks * passes; k; --k) {
    const uint4 *p = a + size_t(c) * (512 * 8) + threadIdx.x;
    uint4 v[8];
#pragma unroll
    for (int j = 0; j < 8; ++j)
      v[j] = __ldcg(p + j * 512);
#pragma unroll
    for (int j = 0; j < 8; ++j)
      acc ^= v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
    if (++c == chunks)
      c = 0;
  }
  if (acc == 0x12345678u)
    sink[0] = acc;
}
// Reads every word once.
__global__ void __launch_bounds__(512) readOnce(const uint4 *__restrict__ a, size_t n, uint32_t *sink) {
  const size_t step = size_t(gridDim.x) * 512;
  uint32_t acc = 0;
  size_t i = blockIdx.x * size_t(512) + threadIdx.x;
  for (; i + 7 * step < n; i += 8 * step) {
    uint4 v[8];
#pragma unroll
    for (int j = 0; j < 8; ++j)
      v[j] = __ldcg(a + i + j * step);
#pragma unroll
    for (int j = 0; j < 8; ++j)
      acc ^= v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
  }
  if (acc == 0x12345678u)
    sink[0] = acc;
}

// ---------------------------------------------------------------- TMA
enum Form { C8_U64, C8_BF16, NDHWC, BULK_ROWS, BULK_FLAT };
struct Walk { // boxes of a launch: counts per axis, first coordinate, step
  int form;
  int nc, ny, nt, nn; // boxes along channels, rows, frames, clips
  int x0, y0, t0;     // first coordinates (negative: halo)
  int dc, dy, dt;     // steps
  int channelBlocks;  // C/8 of the tensor (C8_BF16 and bulk)
  int T, H, W;
  int rows, blocks; // bulk: rows and channel blocks a box
  uint32_t boxBytes, stageBytes;
  int stages;
  long long boxes; // to be moved in all, walking round
};

__device__ __forceinline__ uint32_t smemAddr(const void *p) { return uint32_t(__cvta_generic_to_shared(p)); }
__device__ __forceinline__ void waitBarrier(uint32_t bar, uint32_t parity) {
  asm volatile("{\n.reg .pred p;\nW: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n@p bra D;\nbra "
               "W;\nD:\n}\n" ::"r"(bar),
               "r"(parity)
               : "memory");
}
__device__ __forceinline__ void expect(uint32_t bar, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
}
__device__ __forceinline__ void box5(uint32_t dst, const CUtensorMap *m, uint32_t bar, int c0, int c1, int c2,
                                     int c3, int c4) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, "
               "{%3, %4, %5, %6, %7}], [%2];" ::"r"(dst),
               "l"(m), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
               : "memory");
}
__device__ __forceinline__ void bulk(uint32_t dst, const void *src, uint32_t bytes, uint32_t bar) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(dst),
      "l"(src), "r"(bytes), "r"(bar)
      : "memory");
}
__device__ __forceinline__ void issue(const Walk &w, const CUtensorMap *m, const uint8_t *data, long long box,
                                      uint32_t dst, uint32_t bar) {
  uint32_t i = uint32_t(box);
  const int ic = i % w.nc;
  i /= w.nc;
  const int y = w.y0 + int(i % w.ny) * w.dy;
  i /= w.ny;
  const int t = w.t0 + int(i % w.nt) * w.dt, n = int(i / w.nt % w.nn);
  expect(bar, w.boxBytes);
  if (w.form == C8_U64) {
    box5(dst, m, bar, w.x0, y, t, ic * w.dc, n);
  } else if (w.form == C8_BF16) {
    box5(dst, m, bar, 0, w.x0, y, t, n * w.channelBlocks + ic * w.dc);
  } else if (w.form == NDHWC) {
    box5(dst, m, bar, ic * w.dc, w.x0, y, t, n);
  } else if (w.form == BULK_ROWS) { // the rows of one channel block and frame are contiguous
    const uint32_t bytes = w.boxBytes / w.blocks;
    const int yy = min(max(y, 0), w.H - w.rows);
    for (int b = 0; b < w.blocks; ++b)
      bulk(dst + b * bytes,
           data + ((((size_t(n) * w.channelBlocks + ic * w.dc + b) * w.T + t) * w.H + yy) * w.W) * 16, bytes,
           bar);
  } else {
    bulk(dst, data + size_t(box) * w.boxBytes, w.boxBytes, bar);
  }
}

// Measures the rate of landing in shared memory: one thread a block keeps `stages` boxes in flight, and
// nothing reads them.
__global__ void __launch_bounds__(32, 1)
    tmaFill(const __grid_constant__ CUtensorMap map, const __grid_constant__ Walk w, const uint8_t *data) {
  extern __shared__ uint8_t raw[];
  __shared__ alignas(8) uint64_t bars[16];
  const uint32_t base = (smemAddr(raw) + 1023u) & ~1023u;
  if (threadIdx.x)
    return;
  for (int s = 0; s < w.stages; ++s)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(smemAddr(&bars[s])) : "memory");
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  const long long period = (long long)w.nc * w.ny * w.nt * w.nn;
  int s = 0, filled = 0;
  uint32_t parity = 0;
  long long box = blockIdx.x;
  for (long long k = blockIdx.x; k < w.boxes; k += gridDim.x) {
    while (box >= period)
      box -= period;
    if (filled >= w.stages)
      waitBarrier(smemAddr(&bars[s]), parity);
    issue(w, &map, data, box, base + s * w.stageBytes, smemAddr(&bars[s]));
    ++filled;
    if (++s == w.stages)
      s = 0, parity ^= filled > w.stages;
    box += gridDim.x;
  }
  const int live = min(filled, w.stages);
  for (int j = 0; j < live; ++j) { // the oldest first
    if (filled < w.stages) {
      waitBarrier(smemAddr(&bars[j]), 0);
    } else {
      waitBarrier(smemAddr(&bars[s]), parity);
      if (++s == w.stages)
        s = 0, parity ^= 1;
    }
  }
}

// Copies one box at given coordinates into poisoned shared memory and dumps it.
__global__ void __launch_bounds__(128, 1) tmaOne(const __grid_constant__ CUtensorMap map, int c0, int c1,
                                                 int c2, int c3, int c4, uint32_t bytes, uint4 *dump) {
  extern __shared__ uint8_t raw[];
  __shared__ alignas(8) uint64_t bar;
  const uint32_t pad = ((smemAddr(raw) + 1023u) & ~1023u) - smemAddr(raw);
  uint4 *mem = reinterpret_cast<uint4 *>(raw + pad);
  for (uint32_t i = threadIdx.x; i < bytes / 16; i += 128)
    mem[i] = {0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu};
  if (threadIdx.x == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(smemAddr(&bar)) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  if (threadIdx.x == 0) {
    expect(smemAddr(&bar), bytes);
    box5(smemAddr(mem), &map, smemAddr(&bar), c0, c1, c2, c3, c4);
  }
  waitBarrier(smemAddr(&bar), 0);
  for (uint32_t i = threadIdx.x; i < bytes / 16; i += 128)
    dump[i] = mem[i];
}

using Encode = CUresult (*)(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *,
                            const cuuint64_t *, const cuuint32_t *, const cuuint32_t *, CUtensorMapInterleave,
                            CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
static Encode encode;

struct Tensor {
  int N, C, T, H, W;
  size_t bytes() const { return size_t(N) * C * T * H * W * 2; }
};
struct Map {
  CUtensorMap map;
  uint64_t dim[5], stride[5]; // elements, bytes (stride[0] = element size)
  uint32_t box[5], boxBytes;
  bool swizzle;
};

// Makes the map for boxes of so many pixels along W, rows, frames and channels.
static bool makeMap(Map &m, int form, const Tensor &t, void *data, int px, int rows, int frames, int channels,
                    CUtensorMapL2promotion promo) {
  const uint64_t row = uint64_t(t.W) * 16, plane = row * t.H,
                 vol = plane * t.T; // c8: bytes of a block's row, frame, clip
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  uint32_t elem = 2;
  auto set = [&](std::initializer_list<uint64_t> d, std::initializer_list<uint64_t> s,
                 std::initializer_list<uint32_t> b) {
    std::copy(d.begin(), d.end(), m.dim), std::copy(s.begin(), s.end(), m.stride + 1),
        std::copy(b.begin(), b.end(), m.box);
  };
  m.swizzle = false;
  const uint64_t W = t.W, H = t.H, T = t.T, C = t.C, N = t.N;
  if (form == C8_U64) {
    type = CU_TENSOR_MAP_DATA_TYPE_UINT64, elem = 8;
    set({2 * W, H, T, C / 8, N}, {row, plane, vol, vol * (C / 8)},
        {uint32_t(2 * px), uint32_t(rows), uint32_t(frames), uint32_t(channels / 8), 1});
  } else if (form == C8_BF16) {
    set({8, W, H, T, C / 8 * N}, {16, row, plane, vol},
        {8, uint32_t(px), uint32_t(rows), uint32_t(frames), uint32_t(channels / 8)});
  } else {
    set({C, W, H, T, N}, {C * 2, C * W * 2, C * W * H * 2, C * W * H * T * 2},
        {uint32_t(channels), uint32_t(px), uint32_t(rows), uint32_t(frames), 1});
    m.swizzle = channels == 64;
  }
  m.stride[0] = elem;
  m.boxBytes = elem;
  for (uint32_t b : m.box)
    m.boxBytes *= b;
  const uint32_t ones[5] = {1, 1, 1, 1, 1};
  const CUresult r =
      encode(&m.map, type, 5, data, m.dim, m.stride + 1, m.box, ones, CU_TENSOR_MAP_INTERLEAVE_NONE,
             m.swizzle ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE, promo,
             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (r != CUDA_SUCCESS)
    printf("  tensor map refused (%d): form %d box %d x %d x %d x %d\n", int(r), form, px, rows, frames,
           channels);
  return r == CUDA_SUCCESS;
}

static int checked, wrong;
static void verify(const char *name, int form, const Tensor &t, const std::vector<uint8_t> &host, void *dev,
                   uint4 *dump, int px, int rows, int frames, int channels, const int (&at)[5]) {
  Map m;
  ++checked;
  if (!makeMap(m, form, t, dev, px, rows, frames, channels, CU_TENSOR_MAP_L2_PROMOTION_L2_128B)) {
    ++wrong;
    fprintf(json, "{\"test\":\"tma_verify\",\"case\":\"%s\",\"pass\":false,\"note\":\"map refused\"}\n",
            name);
    return;
  }
  std::vector<uint8_t> got(m.boxBytes);
  tmaOne<<<1, 128, 225 * 1024>>>(m.map, at[0], at[1], at[2], at[3], at[4], m.boxBytes, dump);
  CK(cudaGetLastError());
  CK(cudaDeviceSynchronize());
  CK(cudaMemcpy(got.data(), dump, m.boxBytes, cudaMemcpyDeviceToHost));
  size_t bad = 0, outside = 0, off = 0;
  const uint32_t el = uint32_t(m.stride[0]);
  for (uint32_t i4 = 0; i4 < m.box[4]; ++i4)
    for (uint32_t i3 = 0; i3 < m.box[3]; ++i3)
      for (uint32_t i2 = 0; i2 < m.box[2]; ++i2)
        for (uint32_t i1 = 0; i1 < m.box[1]; ++i1)
          for (uint32_t i0 = 0; i0 < m.box[0]; ++i0, off += el) {
            const uint32_t i[5] = {i0, i1, i2, i3, i4};
            bool in = true;
            size_t src = 0;
            for (int d = 0; d < 5; ++d) {
              const long long x = (long long)at[d] + i[d];
              in &= x >= 0 && x < (long long)m.dim[d];
              src += size_t(x) * m.stride[d];
            }
            const uint32_t where =
                m.swizzle ? uint32_t(off) ^ ((uint32_t(off) >> 7 & 7) << 4) : uint32_t(off);
            outside += !in;
            for (uint32_t b = 0; b < el; ++b)
              bad += got[where + b] != (in ? host[src + b] : 0);
          }
  wrong += bad != 0;
  fprintf(json,
          "{\"test\":\"tma_verify\",\"case\":\"%s\",\"box_bytes\":%u,\"elements_outside\":%zu,\"wrong_"
          "bytes\":%zu,\"pass\":%s}\n",
          name, m.boxBytes, outside, bad, bad ? "false" : "true");
  printf("  %-44s %6u bytes, %6zu elements outside: %s\n", name, m.boxBytes, outside, bad ? "WRONG" : "ok");
}

static void fillRate(const char *what, const char *where, int form, const Tensor &t, uint8_t *data, int px,
                     int rows, int frames, int channels, int halo, int stages) {
  Map m;
  memset(&m, 0, sizeof m);
  Walk w{};
  w.form = form, w.stages = stages, w.T = t.T, w.H = t.H, w.W = t.W, w.channelBlocks = t.C / 8;
  w.nc = t.C / channels, w.dc = form == NDHWC ? channels : channels / 8;
  w.dy = halo == 1 ? rows - 2 : rows, w.ny = std::max(1, (t.H + w.dy - 1) / w.dy), w.y0 = halo == 1 ? -1 : 0;
  w.dt = halo == 2 ? frames - 2 : frames, w.nt = (t.T + w.dt - 1) / w.dt, w.t0 = halo == 2 ? -1 : 0,
  w.nn = t.N;
  w.x0 = halo == 1 ? (form == C8_U64 ? -2 : -1) : 0;
  if (form == BULK_ROWS) {
    w.rows = rows, w.blocks = channels / 8, w.boxBytes = uint32_t(rows * t.W * 2 * channels);
  } else if (form == BULK_FLAT) {
    w.boxBytes = uint32_t(rows * t.W * 2 * channels);
    w.nc = int(std::min<size_t>(t.bytes() / w.boxBytes, 1u << 30)), w.ny = w.nt = w.nn = 1;
  } else {
    if (!makeMap(m, form, t, data, px, rows, frames, channels, CU_TENSOR_MAP_L2_PROMOTION_L2_256B))
      return;
    w.boxBytes = m.boxBytes;
  }
  w.stageBytes = (w.boxBytes + 1023) / 1024 * 1024;
  while (w.stages > 1 && w.stages * w.stageBytes > 224 * 1024)
    --w.stages;
  const long long period = (long long)w.nc * w.ny * w.nt * w.nn;
  const double target = 8e9; // bytes landed a launch: 2 ms or so
  w.boxes = std::max<long long>(period, (long long)(target / w.boxBytes) / period * period);
  const float ms = medianMs(5, [&] { tmaFill<<<sms, 32, 225 * 1024>>>(m.map, w, data); });
  const double landed = double(w.boxes) * w.boxBytes, unique = double(w.boxes) / period * t.bytes();
  const double gb = landed / ms / 1e6, ub = std::min(unique, landed) / ms / 1e6;
  fprintf(json,
          "{\"test\":\"tma_fill\",\"form\":\"%s\",\"from\":\"%s\",\"c\":%d,\"w\":%d,\"tensor_mb\":%.1f,\"box_"
          "bytes\":%u,\"stages\":%d,\"landed_gb_s\":%.1f,"
          "\"unique_gb_s\":%.1f,\"boxes_per_us_per_sm\":%.4f,\"ms\":%.4f}\n",
          what, where, t.C, t.W, t.bytes() / 1e6, w.boxBytes, w.stages, gb, ub,
          double(w.boxes) / sms / ms / 1e3, ms);
  printf("  %-26s %-3s C=%-3d W=%-2d box %6u B x %d  landed %7.1f GB/s  unique %7.1f GB/s\n", what, where,
         t.C, t.W, w.boxBytes, w.stages, gb, ub);
}

int main(int argc, char **argv) {
  if (argc < 3)
    return printf("usage: memory_rate basic|verify|fill OUT.jsonl\n"), 3;
  const std::string part = argv[1];
  setvbuf(stdout, nullptr, _IOLBF, 0);
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || !devices)
    return printf("no device\n"), 2;
  json = fopen(argv[2], "a");
  if (!json)
    return printf("cannot write %s\n", argv[2]), 3;
  setvbuf(json, nullptr, _IOLBF, 0);
  cudaDeviceProp prop;
  CK(cudaGetDeviceProperties(&prop, 0));
  sms = prop.multiProcessorCount;
  CK(cudaEventCreate(&e0));
  CK(cudaEventCreate(&e1));
  void *sym = nullptr;
  cudaDriverEntryPointQueryResult found;
  CK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &sym, 12000, cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess || !sym)
    return printf("no cuTensorMapEncodeTiled\n"), 2;
  encode = reinterpret_cast<Encode>(sym);
  if (part == "basic")
    printf("== memory: %s, %d SMs, L2 %.1f MB, %zu KB shared memory a block ==\n", prop.name, sms,
           prop.l2CacheSize / 1e6, prop.sharedMemPerBlockOptin / 1024);

  const size_t big = size_t(4) << 30;
  uint8_t *a, *b;
  uint32_t *sink;
  CK(cudaMalloc(&a, big));
  CK(cudaMalloc(&b, big));
  CK(cudaMalloc(&sink, 256));
  fillRandom<<<sms * 8, 256>>>(reinterpret_cast<uint4 *>(a), big / 16);
  CK(cudaDeviceSynchronize());
  auto line = [&](const char *test, double mb, double gb, float ms) {
    fprintf(json, "{\"test\":\"%s\",\"mb\":%.1f,\"gb_s\":%.1f,\"ms\":%.4f}\n", test, mb, gb, ms);
    printf("  %-24s %8.1f MB  %8.1f GB/s\n", test, mb, gb);
  };
  uint4 *a4 = reinterpret_cast<uint4 *>(a), *b4 = reinterpret_cast<uint4 *>(b);
  float ms;
  if (part == "basic") {
    ms = medianMs(7, [&] { CK(cudaMemcpyAsync(b, a, big, cudaMemcpyDeviceToDevice)); });
    line("copy_memcpy_rw", big / 1e6, 2.0 * big / ms / 1e6, ms);
    ms = medianMs(7, [&] { copyKernel<<<sms * 4, 512>>>(a4, b4, big / 16); });
    line("copy_kernel_rw", big / 1e6, 2.0 * big / ms / 1e6, ms);
    ms = medianMs(7, [&] { readOnce<<<sms * 4, 512>>>(a4, big / 16, sink); });
    line("read_hbm", big / 1e6, big / ms / 1e6, ms);
    ms = medianMs(7, [&] { writeKernel<<<sms * 4, 512>>>(b4, big / 16); });
    line("write_hbm", big / 1e6, big / ms / 1e6, ms);
    printf("== L2: every block reads the whole set, 16-byte loads past L1 ==\n");
    for (int mb : {4, 8, 16, 24, 32, 40, 48, 64}) {
      const uint32_t n = uint32_t(mb) << 16; // 16-byte words
      const int passes = std::max(1, 64 / mb), grid = sms * 4;
      ms = medianMs(5, [&] { readAll<<<grid, 512>>>(a4, n, passes, sink); });
      line("l2_read_all", mb * 1.048576, double(grid) * passes * n * 16 / ms / 1e6, ms);
    }
    return 0;
  }

  CK(cudaFuncSetAttribute(tmaOne, cudaFuncAttributeMaxDynamicSharedMemorySize, 225 * 1024));
  CK(cudaFuncSetAttribute(tmaFill, cudaFuncAttributeMaxDynamicSharedMemorySize, 225 * 1024));
  if (part == "verify") {
    printf("== TMA boxes against a host model: halo zero-filled, the rest in place ==\n");
    const Tensor t{2, 64, 4, 56, 56}, s{2, 64, 4, 7, 7};
    std::vector<uint8_t> host(t.bytes());
    CK(cudaMemcpy(host.data(), a, t.bytes(), cudaMemcpyDeviceToHost));
    uint4 *dump = b4;
    verify("c8 u64, left and top halo", C8_U64, t, host, a, dump, 57, 6, 1, 32, {-2, -1, 0, 0, 0});
    verify("c8 u64, interior rows", C8_U64, t, host, a, dump, 57, 6, 1, 32, {-2, 11, 2, 4, 1});
    verify("c8 u64, bottom halo, last clip", C8_U64, t, host, a, dump, 57, 6, 1, 32, {-2, 53, 3, 4, 1});
    verify("c8 u64, both sides (W + 2)", C8_U64, t, host, a, dump, 58, 6, 1, 32, {-2, -1, 1, 0, 1});
    verify("c8 u64, frames -1..1", C8_U64, t, host, a, dump, 56, 2, 3, 32, {0, 4, -1, 0, 0});
    verify("c8 u64, frames 2..4, all outside above", C8_U64, t, host, a, dump, 57, 2, 3, 32,
           {-2, -2, 2, 4, 1});
    verify("c8 u64, channel blocks past the end", C8_U64, t, host, a, dump, 57, 4, 1, 64, {-2, -1, 0, 4, 0});
    verify("c8 u64, 7 x 7 whole frame with halo", C8_U64, s, host, a, dump, 8, 9, 1, 64, {-2, -1, 1, 0, 1});
    verify("c8 bf16 16-byte rows, left and top halo", C8_BF16, t, host, a, dump, 57, 6, 1, 32,
           {0, -1, -1, 1, 4});
    verify("NDHWC 128-byte swizzle, left and top halo", NDHWC, t, host, a, dump, 58, 6, 1, 64,
           {0, -1, -1, 1, 1});
    printf("  %d boxes, %d wrong\n", checked, wrong);
    return wrong != 0;
  }

  printf("== filling shared memory, one issuing thread per SM; landed counts box bytes with halo, unique the "
         "tensor's ==\n");
  struct Shape {
    Tensor t;
    int rows, channels;
  };
  for (int hbm = 0; hbm < 2; ++hbm) {
    const char *from = hbm ? "HBM" : "L2";
    const int f = hbm ? 80 : 1; // clips: 12.8 MB or 1.03 GB
    const Shape shapes[] = {{{2 * f, 64, 16, 56, 56}, 6, 32},
                            {{4 * f, 128, 8, 28, 28}, 7, 64},
                            {{16 * f, 256, 4, 14, 14}, 10, 64},
                            {{64 * f, 512, 2, 7, 7}, 9, 64}};
    for (const Shape &s : shapes) {
      const Tensor &t = s.t;
      for (int stages : {2, 4, 8})
        fillRate("c8 u64 halo", from, C8_U64, t, a, t.W + 1, s.rows, 1, s.channels, 1, stages);
      fillRate("c8 u64 no halo", from, C8_U64, t, a, t.W, s.rows - 2, 1, s.channels, 0, 8);
      fillRate("c8 u64 3 frames", from, C8_U64, t, a, t.W, std::max(1, std::min(t.H, 128 / t.W)), 3,
               s.channels / 2, 2, 4);
      fillRate("c8 16-byte rows halo", from, C8_BF16, t, a, t.W + 1, s.rows, 1, s.channels, 1, 4);
      fillRate("NDHWC swizzled halo", from, NDHWC, t, a, t.W + 2, s.rows, 1, 64, 1, 4);
      for (int stages : {4, 8, 16}) // 224 to 896 bytes a copy
        fillRate("bulk, single rows", from, BULK_ROWS, t, a, 0, 1, 1, s.channels, 0, stages);
      if (t.H > s.rows)
        fillRate("bulk, a block's rows", from, BULK_ROWS, t, a, 0, s.rows, 1, s.channels, 0, 4);
      fillRate("bulk, flat", from, BULK_FLAT, t, a, 0, s.rows, 1, s.channels, 0, 4);
    }
  }
  return 0;
}
