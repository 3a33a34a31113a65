// The CPU device: kernels are functions of a shared object, a launch is one OpenMP region.
#include "runtime/Error.h"
#include "runtime/HostDevice.h"
#include "runtime/SharedObject.h"

#include <omp.h>

#include <algorithm>
#include <vector>

namespace kinema {
namespace {

using KernelFunction = void (*)(void *const *args, int64_t begin, int64_t end, void *scratch);

class CpuDevice final : public HostDevice {
public:
  explicit CpuDevice(int wanted)
      : threads(wanted > 0 ? wanted : std::min(maxThreads, omp_get_max_threads())), scratch(threads) {
    omp_set_dynamic(0); // the partition counts on getting as many threads as asked for
#ifdef __clang__
    kmp_set_blocktime(
        1); // ms; threads that wait longer sleep, and leave the cores to those that decode videos
#endif
  }

  std::string describe() const override {
    return fmt::format("CPU, {} thread{}", threads, threads == 1 ? "" : "s");
  }

  void loadCode(std::string_view content, const std::string &name) override { code.load(content, name); }

  LaunchId prepare(const LaunchDescription &description) override {
    Ready ready{reinterpret_cast<KernelFunction>(code.find(description.symbol)), description.grid, {}};
    for (int64_t offset : description.args)
      ready.args.push_back(arena.at(offset, 0));
    launches.push_back(std::move(ready));
    reserveScratch(description.scratch);
    return static_cast<LaunchId>(launches.size()) - 1;
  }

  void launch(LaunchId id) override {
    const Ready &ready = launches[id];
    int64_t parts = std::min<int64_t>(threads, ready.grid);
    if (parts <= 1) {
      if (ready.grid > 0)
        ready.function(ready.args.data(), 0, ready.grid, scratch[0].data());
      return;
    }
#pragma omp parallel num_threads(threads)
    {
      // Where the system gives fewer threads than asked for, each takes several parts: the bits stay the
      // same.
      for (int64_t part = omp_get_thread_num(); part < parts; part += omp_get_num_threads()) {
        BlockRange blocks = blocksOf(part, parts, ready.grid);
        ready.function(ready.args.data(), blocks.begin, blocks.end, scratch[omp_get_thread_num()].data());
      }
    }
  }

private:
  struct Ready {
    KernelFunction function;
    int64_t grid;
    std::vector<void *> args;
  };

  void reserveScratch(int64_t bytes) {
    for (Pages &pages : scratch)
      if (pages.size() < bytes || !pages.data())
        pages = Pages(bytes, "a thread's scratch");
  }

  int threads;
  std::vector<Pages> scratch; // of each thread
  SharedObject code;
  std::vector<Ready> launches;
};

} // namespace

std::unique_ptr<Device> makeCpuDevice(int threads) {
  if (!__builtin_cpu_supports("x86-64-v3"))
    fail("this processor cannot run x86-64-v3 code: AVX2 and FMA are missing");
  if (threads < 0 || threads > maxThreads)
    refuse("the number of threads must be between 1 and {}, found {}", maxThreads, threads);
  return std::make_unique<CpuDevice>(threads);
}

} // namespace kinema
