#include "runtime/Cuda/Nccl.h"

#include "runtime/Support/Error.h"

#include <dlfcn.h>

#include <cstdlib>

using namespace kinema;
using namespace kinema::nccl;

namespace {

constexpr const char *variable = "KINEMA_NCCL_LIBRARY";

// Returns "2.28.9" for 22809, and "2.8.3" for 2803, as versions up to 2.8 are numbered.
std::string textOf(int version) {
  const int hundred = 100, major = version < 10000 ? 1000 : 10000;
  return fmt::format("{}.{}.{}", version / major, version % major / hundred, version % hundred);
}

// The library stays open until the process ends, because it has threads of its own.
Library open() {
  Library opened;
  const char *named = std::getenv(variable);
  opened.file = named ? named : "libnccl.so.2";
  void *handle = dlopen(opened.file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail("NCCL cannot be opened: {}; install NVIDIA's libnccl2, or name its file in {}", dlerror(), variable);
  auto find = [&](const char *symbol) {
    void *address = dlsym(handle, symbol);
    if (!address)
      fail("NCCL ({}) has no function {}: it is older than 2.11; update it", opened.file, symbol);
    return address;
  };
#define KINEMA_NCCL_FIND(member, symbol, parameters)                                                         \
  opened.member = reinterpret_cast<decltype(opened.member)>(find(#symbol));
  KINEMA_NCCL_FUNCTIONS(KINEMA_NCCL_FIND)
#undef KINEMA_NCCL_FIND
  opened.getErrorString = reinterpret_cast<decltype(opened.getErrorString)>(find("ncclGetErrorString"));
  int version = 0;
  opened.getVersion(&version);
  opened.version = textOf(version);
  return opened;
}

} // namespace

const Library &nccl::library() {
  static const Library opened = open();
  return opened;
}
