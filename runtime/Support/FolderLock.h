// Lets only one process at a time write to a folder.
#pragma once

#include <string>

namespace kinema {

// Holds a folder's lock from the constructor to the destructor, or until the process ends, however it ends.
// The file FOLDER/.lock says who holds it.
class FolderLock {
public:
  // Creates the folder where there is none. Throws Error where the folder cannot be written, or where another
  // process holds the lock, with the name of that process and `doing`, which it is then said to be.
  explicit FolderLock(const std::string &folder, const std::string &doing = "training");
  ~FolderLock(); // removes a folder that the constructor created if it is still empty
  FolderLock(const FolderLock &) = delete;
  FolderLock &operator=(const FolderLock &) = delete;

  // Returns a warning where the file system has no locks, else an empty string.
  const std::string &remark() const { return missing; }

private:
  bool lockFile();

  std::string folder, doing, path, missing;
  bool created = false;
  int descriptor = -1;
};

} // namespace kinema
