// One process at a time writes to a folder.
#pragma once

#include <string>

namespace kinema {

// Held from the constructor to the destructor, or until the process ends, however it does. The file
// FOLDER/.lock says who holds it.
class FolderLock {
public:
  // Creates the folder where there is none. Throws Error where it cannot be written, or where another process
  // holds the lock: who that is.
  explicit FolderLock(const std::string &folder);
  ~FolderLock(); // a folder that was created and is empty still goes with the lock
  FolderLock(const FolderLock &) = delete;
  FolderLock &operator=(const FolderLock &) = delete;

  // Not empty where the file system has no locks: why.
  const std::string &remark() const { return missing; }

private:
  bool lockFile();

  std::string folder, path, missing;
  bool created = false;
  int descriptor = -1;
};

} // namespace kinema
