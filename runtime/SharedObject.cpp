#include "runtime/SharedObject.h"

#include "runtime/Error.h"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

using namespace kinema;

// Mapping a shared object that was cut off would end the process. Its section table stands last in it.
static bool isWhole(std::string_view content) {
  Elf64_Ehdr header;
  if (content.size() < sizeof header || !content.starts_with(ELFMAG))
    return false;
  std::memcpy(&header, content.data(), sizeof header);
  uint64_t table = uint64_t(header.e_shnum) * header.e_shentsize;
  return table <= content.size() && header.e_shoff <= content.size() - table;
}

SharedObject::~SharedObject() {
  if (handle)
    dlclose(handle);
  if (descriptor >= 0)
    close(descriptor);
}

void SharedObject::load(std::string_view content, const std::string &name) {
  if (!isWhole(content))
    fail("cannot load {}: it is no whole shared object", name);
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
