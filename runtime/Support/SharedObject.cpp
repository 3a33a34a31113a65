#include "runtime/Support/SharedObject.h"

#include "runtime/Support/Error.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

using namespace kinema;

// Mapping a shared object that was cut off would end the process. The section table stands last, so a file
// that contains all of it is whole.
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

static void writeTo(int descriptor, std::string_view content, const std::string &name) {
  while (!content.empty()) {
    ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0)
      fail("cannot load {}: {}", name, std::strerror(errno));
    content.remove_prefix(static_cast<size_t>(written));
  }
}

// A file in memory has a name under /proc alone. Where that is not mounted, the object is written to a file
// in the folder for temporary files, which is removed as soon as it is open.
void SharedObject::load(std::string_view content, const std::string &name) {
  if (!isWhole(content))
    fail("cannot load {}: it is no whole shared object", name);
  bool named = access("/proc/self/fd", F_OK) == 0;
  std::error_code none;
  std::string path = (std::filesystem::temp_directory_path(none) / "kinema-XXXXXX").string();
  descriptor = named ? memfd_create(name.c_str(), MFD_CLOEXEC) : mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0)
    fail("cannot load {}{}: {}", name, named ? "" : fmt::format(": /proc is not mounted, and {}", path),
         std::strerror(errno));
  try {
    writeTo(descriptor, content, name);
    if (named)
      path = fmt::format("/proc/self/fd/{}", descriptor);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      fail("cannot load {}: {}", name, dlerror());
  } catch (...) {
    if (!named)
      unlink(path.c_str());
    throw;
  }
  if (!named)
    unlink(path.c_str());
}

void *SharedObject::find(const std::string &symbol) const {
  void *address = handle ? dlsym(handle, symbol.c_str()) : nullptr;
  if (!address)
    fail("the package's code has no kernel {}", symbol);
  return address;
}
