#include "runtime/Cuda/Driver.h"

#include "runtime/Support/Error.h"

#include <dlfcn.h>

using namespace kinema;
using namespace kinema::cuda;

namespace {

constexpr char library[] = "libcuda.so.1";

// The library stays open until the process ends, because the driver has threads of its own.
Driver open() {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail(
        "there is no NVIDIA driver on this machine ({}); run on the CPU with --device cpu and a package that "
        "was compiled for it, or with --device emulator",
        dlerror());
  Driver driver;
#define KINEMA_CUDA_FIND(member, symbol, parameters)                                                         \
  driver.member = reinterpret_cast<decltype(driver.member)>(dlsym(handle, #symbol));                         \
  if (!driver.member)                                                                                        \
    fail("the NVIDIA driver ({}) has no function {}: it is too old for CUDA graphs; update it", library,     \
         #symbol);
  KINEMA_CUDA_FUNCTIONS(KINEMA_CUDA_FIND)
#undef KINEMA_CUDA_FIND
#define KINEMA_CUDA_SEEK(member, symbol, parameters)                                                         \
  driver.member = reinterpret_cast<decltype(driver.member)>(dlsym(handle, #symbol));
  KINEMA_CUDA_NEWER_FUNCTIONS(KINEMA_CUDA_SEEK)
#undef KINEMA_CUDA_SEEK
  if (Result result = driver.init(0); result != success) {
    const char *text = nullptr;
    driver.getErrorString(result, &text);
    fail("the NVIDIA driver does not start: {}", text ? text : fmt::to_string(result));
  }
  int count = 0;
  if (driver.deviceGetCount(&count) != success || count == 0)
    fail("the NVIDIA driver finds no GPU on this machine");
  return driver;
}

} // namespace

const Driver &cuda::driver() {
  static const Driver opened = open();
  return opened;
}

bool cuda::isPresent() {
  try {
    driver();
    return true;
  } catch (const Error &) {
    return false;
  }
}

void cuda::check(Result result, const char *what) {
  if (result != success)
    fail("the NVIDIA driver: {} failed: {} ({})", what, describe(result), nameOf(result));
}

const char *cuda::nameOf(Result result) {
  const char *text = nullptr;
  driver().getErrorName(result, &text);
  return text ? text : "an unknown error";
}

const char *cuda::describe(Result result) {
  const char *text = nullptr;
  driver().getErrorString(result, &text);
  return text ? text : "an unknown error";
}
