// Implements the CPU device: kernels are functions of a shared object, and the threads of a pool share a
// launch.
#include "runtime/Device/HostDevice.h"
#include "runtime/Device/Peak.h"
#include "runtime/Device/ThreadPool.h"
#include "runtime/Support/Cores.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/SharedObject.h"

#include <algorithm>
#include <vector>

namespace kinema {
namespace {

using KernelFunction = void (*)(void *const *args, int64_t begin, int64_t end, void *scratch);

class CpuDevice final : public HostDevice {
public:
  explicit CpuDevice(int threads) : pool(threads), scratch(threads) {}

  std::string describe() const override {
    return fmt::format("CPU, {} thread{}", pool.threads(), pool.threads() == 1 ? "" : "s");
  }

  void loadCode(std::string_view content, const std::string &name) override { code.load(content, name); }

  LaunchId prepare(const LaunchDescription &description) override {
    Ready ready{reinterpret_cast<KernelFunction>(code.find(description.symbol)),
                static_cast<int32_t>(description.grid),
                {}};
    for (int64_t offset : description.args)
      ready.args.push_back(arena.at(offset, 0));
    launches.push_back(std::move(ready));
    reserveScratch(description.scratch);
    return static_cast<LaunchId>(launches.size()) - 1;
  }

  void launch(LaunchId id) override {
    const Ready &ready = launches[id];
    pool.run(ready.grid, [&](int thread, BlockRange blocks) {
      ready.function(ready.args.data(), blocks.begin, blocks.end, scratch[thread].data());
    });
  }

  Peak measurePeak() override { return kinema::measurePeak(pool); }

private:
  struct Ready {
    KernelFunction function;
    int32_t grid; // 32 bits are enough: no manifest has more blocks
    std::vector<void *> args;
  };

  void reserveScratch(int64_t bytes) {
    for (Pages &pages : scratch)
      if (pages.size() < bytes || !pages.data())
        pages = Pages(bytes, "a thread's scratch");
  }

  ThreadPool pool;
  std::vector<Pages> scratch; // one for each thread
  SharedObject code;
  std::vector<Ready> launches;
};

} // namespace

std::unique_ptr<Device> makeCpuDevice(int threads) {
  if (threads < 0 || threads > maxThreads)
    refuse("the number of threads must be between 1 and {}, found {}", maxThreads, threads);
  int all = std::clamp(availableCores(), 1, maxThreads);
  return std::make_unique<CpuDevice>(threads ? threads : all);
}

} // namespace kinema
