#include "runtime/Emulator/Emulator.h"

#include "runtime/Emulator/Current.h"
#include "runtime/Emulator/GlobalLog.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>

using namespace kinema;
using namespace kinema::emulator;

// These limits hold on every GPU that CUDA knows (CUDA C++ Programming Guide, "Compute Capabilities").
static constexpr int64_t mostThreads = 1024;            // threads of a block
static constexpr uint32_t mostStaticShared = 48 * 1024; // bytes of a block

std::string kinema::emulator::textOf(const Kernel &kernel, uint32_t site) {
  const char *text = kernel.sites[site & 0xFFFF];
  uint32_t others = site >> 16;
  return others ? fmt::format("{} #{}", text, others + 1) : text;
}

static void check(const Launch &launch) {
  const Kernel &kernel = *launch.kernel;
  int64_t threads = int64_t(kernel.threads[0]) * kernel.threads[1] * kernel.threads[2];
  if (threads < 1 || threads > mostThreads)
    fail("kernel {} has {} threads a block; a GPU runs 1 to {}", kernel.name, threads, mostThreads);
  if (kernel.staticShared > mostStaticShared)
    fail("kernel {} has {} bytes of static shared memory; a GPU gives {}", kernel.name, kernel.staticShared,
         mostStaticShared);
  if (uint64_t(kernel.staticShared) + launch.dynamicShared > kernel.sharedLimit)
    fail("kernel {} needs {} bytes of shared memory; a block has {}", kernel.name,
         uint64_t(kernel.staticShared) + launch.dynamicShared, kernel.sharedLimit);
  if (kernel.cluster < 1 || kernel.cluster > Window::mostBlocks)
    fail("kernel {} has clusters of {} blocks; a GPU runs 1 to {}", kernel.name, kernel.cluster,
         Window::mostBlocks);
  if (launch.grid < 0 || launch.grid % kernel.cluster)
    fail("kernel {} has clusters of {} blocks and a grid of {}: not a multiple", kernel.name, kernel.cluster,
         launch.grid);
}

namespace {

// Holds what the workers share.
struct Progress {
  std::vector<int64_t> order; // order in which the clusters run
  std::atomic<size_t> taken = 0;
  std::mutex mutex;
  std::optional<Violation> lowest;
  std::exception_ptr failure;

  bool isNeeded(int64_t block) {
    std::lock_guard lock(mutex);
    return !failure && (!lowest || block < lowest->block);
  }
  void note(Violation violation) {
    std::lock_guard lock(mutex);
    if (!lowest || violation.block < lowest->block)
      lowest = std::move(violation);
  }
};

} // namespace

static void work(const Launch &launch, GlobalLog *log, Progress &progress) {
  Cluster cluster(launch, log);
  Cluster *outer = std::exchange(currentCluster, &cluster);
  for (size_t i; (i = progress.taken++) < progress.order.size();) {
    int64_t first = progress.order[i] * launch.kernel->cluster;
    if (progress.isNeeded(first))
      if (auto violation = cluster.run(first))
        progress.note(std::move(*violation));
  }
  currentCluster = outer;
}

std::optional<Violation> kinema::emulator::run(const Launch &launch) {
  check(launch);
  Progress progress;
  progress.order.resize(launch.grid / launch.kernel->cluster);
  std::iota(progress.order.begin(), progress.order.end(), 0);
  Random random(launch.seed, ~uint64_t(0));
  if (launch.seed == 1)
    std::reverse(progress.order.begin(), progress.order.end());
  else if (launch.seed > 1)
    for (size_t i = progress.order.size(); i > 1; --i)
      std::swap(progress.order[i - 1], progress.order[random.below(uint32_t(i))]);
  std::optional<GlobalLog> log;
  if (launch.watchesOrder)
    log.emplace(launch.memory);
  auto guarded = [&] {
    try {
      work(launch, log ? &*log : nullptr, progress);
    } catch (...) {
      std::lock_guard lock(progress.mutex);
      progress.failure = std::current_exception();
    }
  };
  int workers = std::min<int64_t>(launch.workers, int64_t(progress.order.size()));
  std::vector<std::thread> others;
  for (int i = 1; i < workers; ++i)
    others.emplace_back(guarded);
  guarded();
  for (std::thread &other : others)
    other.join();
  if (progress.failure)
    std::rethrow_exception(progress.failure);
  return progress.lowest;
}
