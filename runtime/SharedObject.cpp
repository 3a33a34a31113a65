#include "runtime/SharedObject.h"

#include "runtime/Error.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

using namespace kinema;

SharedObject::~SharedObject() {
  if (handle)
    dlclose(handle);
  if (descriptor >= 0)
    close(descriptor);
}

void SharedObject::load(std::string_view content, const std::string &name) {
  descriptor = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (descriptor < 0)
    fail("cannot load {}: {}", name, std::strerror(errno));
  for (size_t done = 0; done < content.size();) {
    ssize_t written = write(descriptor, content.data() + done, content.size() - done);
    if (written < 0)
      fail("cannot load {}: {}", name, std::strerror(errno));
    done += static_cast<size_t>(written);
  }
  handle = dlopen(fmt::format("/proc/self/fd/{}", descriptor).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail("cannot load {}: {}", name, dlerror());
}

void *SharedObject::find(const std::string &symbol) const {
  void *address = handle ? dlsym(handle, symbol.c_str()) : nullptr;
  if (!address)
    fail("the package's code has no kernel {}", symbol);
  return address;
}
