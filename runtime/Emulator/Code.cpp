#include "runtime/Emulator/Code.h"

#include "runtime/Support/Error.h"

#include <cstring>

using namespace kinema;
using namespace kinema::emulator;

namespace {

// Mirrors the structure that compiler/Target/NVGPU/Emulator/NVVMToEmulator.cpp writes.
struct Info {
  int32_t version, threads[3], cluster, staticShared, sharedLimit, siteCount, globalCount;
  const char *sites; // texts one after the other, each with its zero
  const struct {
    std::byte *begin;
    int64_t bytes, writable;
  } *globals;
};

constexpr int32_t currentVersion = 4;

} // namespace

void Code::load(std::string_view content, const std::string &name) { object.load(content, name); }

const Kernel &Code::find(const std::string &symbol) {
  if (auto found = kernels.find(symbol); found != kernels.end())
    return found->second.kernel;
  auto function = reinterpret_cast<KernelFunction>(object.find(symbol));
  const Info &info = *static_cast<const Info *>(object.find(symbol + ".info"));
  if (info.version != currentVersion)
    fail("kernel {} is code for the emulator of version {}, this is version {}", symbol, info.version,
         currentVersion);
  Loaded &loaded = kernels[symbol];
  const char *text = info.sites;
  for (int32_t i = 0; i < info.siteCount; ++i) {
    loaded.sites.push_back(text);
    text += std::strlen(text) + 1;
  }
  Kernel &kernel = loaded.kernel;
  kernel.name = symbol;
  kernel.function = function;
  std::copy(info.threads, info.threads + 3, kernel.threads);
  kernel.cluster = info.cluster;
  kernel.staticShared = uint32_t(info.staticShared);
  kernel.sharedLimit = uint32_t(info.sharedLimit);
  kernel.sites = loaded.sites.data();
  for (int32_t i = 0; i < info.globalCount; ++i)
    kernel.globals.push_back({info.globals[i].begin, info.globals[i].bytes, info.globals[i].writable != 0});
  return kernel;
}
