#include "runtime/Support/FolderLock.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

namespace kinema {
namespace {

// Returns, for instance, "process 1234 on host".
std::string whoWeAre() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  gethostname(host.data(), host.size() - 1);
  return fmt::format("process {} on {}", getpid(), host.data());
}

std::string readStart(int descriptor) {
  std::array<char, 256> text{};
  ssize_t count = pread(descriptor, text.data(), text.size(), 0);
  return count > 0 ? std::string(text.data(), static_cast<size_t>(count)) : "another process";
}

} // namespace

FolderLock::FolderLock(const std::string &folder, const std::string &doing)
    : folder(folder), doing(doing), path(folder + "/.lock"), created(!std::filesystem::exists(folder)) {
  makeDirectory(folder);
  while (!lockFile()) {
  }
}

// Returns false where the locked file no longer stands under its name, because the last holder has just
// removed it.
bool FolderLock::lockFile() {
  descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0)
    fail("cannot write {}: {}", path, std::strerror(errno));
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    int why = errno;
    std::string holder = readStart(descriptor);
    if (why != EWOULDBLOCK) {
      missing = fmt::format("{} cannot be locked ({}): see to it that no other run writes to it", folder,
                            std::strerror(why));
      return true;
    }
    close(descriptor);
    refuse("{} is in use: {} is {} there; choose another --out", folder, holder, doing);
  }
  struct stat held, named;
  if (fstat(descriptor, &held) != 0 || stat(path.c_str(), &named) != 0 || held.st_ino != named.st_ino) {
    close(descriptor);
    return false;
  }
  std::string holder = whoWeAre();
  if (ftruncate(descriptor, 0) != 0 ||
      pwrite(descriptor, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    int why = errno;
    unlink(path.c_str());
    close(descriptor);
    fail("cannot write {}: {}", path, std::strerror(why));
  }
  return true;
}

// The file is removed while the lock is held, so that a process that opened it earlier sees that it is gone.
FolderLock::~FolderLock() {
  unlink(path.c_str());
  close(descriptor);
  if (created)
    rmdir(folder.c_str()); // fails where it is not empty
}

} // namespace kinema
