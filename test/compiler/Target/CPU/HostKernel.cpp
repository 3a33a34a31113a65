#include "test/compiler/Target/CPU/HostKernel.h"
#include "test/compiler/Target/CPU/CompileScheduled.h"
#include "test/compiler/Target/Common/TargetUnderTest.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <dlfcn.h>
#include <numeric>
#include <random>
#include <unistd.h>

using namespace mlir;
using namespace kinema;
using namespace kinema::testing;

namespace {
using Function = void (*)(void *const *, int64_t, int64_t, void *);

class HostKernel : public CompiledKernel {
public:
  explicit HostKernel(const std::string &bytes) {
    // A name of its own: the loader takes two files of one name for the same.
    std::string path = ::testing::TempDir() + "kernels-XXXXXX";
    int file = mkstemp(path.data());
    EXPECT_EQ(write(file, bytes.data(), bytes.size()), ssize_t(bytes.size()));
    close(file);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    unlink(path.c_str());
    if (handle)
      function = reinterpret_cast<Function>(dlsym(handle, "k"));
  }
  ~HostKernel() override {
    if (handle)
      dlclose(handle);
  }

  bool works() const { return function; }

  /// The whole grid at once, then block by block in another order.
  void run(ArrayRef<Buffer> buffers, int64_t grid, unsigned attempt) override {
    std::vector<void *> arguments;
    for (const Buffer &buffer : buffers)
      arguments.push_back(buffer.data);
    if (attempt == 0)
      return function(arguments.data(), 0, grid, nullptr);
    std::vector<int64_t> blocks(grid);
    std::iota(blocks.begin(), blocks.end(), 0);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(attempt));
    for (int64_t block : blocks)
      function(arguments.data(), block, block + 1, nullptr);
  }

private:
  void *handle = nullptr;
  Function function = nullptr;
};
} // namespace

std::unique_ptr<CompiledKernel> kinema::testing::compileForHost(ModuleOp scheduled) {
  setTarget(scheduled, kernel::TargetKind::CPU, cpu::levels[0].name);
  auto code = kinema::testing::compileForCPU(scheduled);
  if (failed(code))
    return nullptr;
  auto kernel = std::make_unique<HostKernel>(*code);
  return kernel->works() ? std::move(kernel) : nullptr;
}
