// Defines what the library's handles are.
#pragma once

#include "runtime/Data/VideoSource.h"
#include "runtime/Library/Guard.h"
#include "runtime/Program/Program.h"
#include "runtime/Training/ClipLabels.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kinema::library {
struct OpenPackage;
}

// A kinema_tensor is the description of a tensor of a package.
struct kinema_tensor {
  const kinema::library::OpenPackage *package = nullptr;
  kinema_kind kind = KINEMA_INPUT;
  std::string name;
  kinema_type type = KINEMA_FLOAT32;
  std::vector<int64_t> shape; // in files
  std::string inputKind;      // of an input
};

namespace kinema::library {

// An OpenPackage is an open package and what is said of it. Packages, sessions and loaders share it.
struct OpenPackage {
  explicit OpenPackage(Package opened);

  std::mutex reading; // the archive has a place at which it is read
  Package archive;
  std::vector<std::string> targets;
  Manifest network; // that of the first target
  bool hasWeights = false;
  std::map<std::string, std::string, std::less<>> settings;
  std::map<kinema_kind, std::vector<kinema_tensor>> tensors;
};

// Marks a handle as in use by a thread for as long as it lives. Throws Error where another thread has marked
// it.
class Use {
public:
  Use(std::atomic_flag &flag, const char *what) : flag(flag) {
    if (flag.test_and_set(std::memory_order_acquire))
      refuse("the {} is in use by another thread: one thread at a time may use it", what);
  }
  ~Use() { flag.clear(std::memory_order_release); }
  Use(const Use &) = delete;
  Use &operator=(const Use &) = delete;

private:
  std::atomic_flag &flag;
};

} // namespace kinema::library

struct kinema_package {
  std::shared_ptr<kinema::library::OpenPackage> open;
};

struct kinema_list {
  kinema::VideoList list;
};

struct kinema_clips {
  std::shared_ptr<kinema::library::OpenPackage> package;
  kinema::Recipe recipe;
  bool training = false;
  std::unique_ptr<kinema::VideoSource> source;
  std::shared_ptr<kinema::Batch> batch = std::make_shared<kinema::Batch>(); // shared with views of its memory
  int64_t epoch = 0, number = 0;                                            // those of the next batch
  std::vector<kinema::ClipLabels> labels;                                   // of the batch, in training
  std::map<int64_t, std::string> problems;                                  // by video
  mutable std::atomic_flag used;
};
