#include "tools/kinema/PackageCache.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/SHA256.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace fs = std::filesystem;

namespace kinema {
namespace {

/// Hashes parts, each with its length, so that no two lists of parts are one text.
class Hash {
public:
  void add(llvm::StringRef part) {
    sha.update(std::to_string(part.size()) + ":");
    sha.update(part);
  }
  void add(int64_t number) { add(std::to_string(number)); }
  std::string text() { return llvm::toHex(sha.final(), /*LowerCase=*/true); }

private:
  llvm::SHA256 sha;
};

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

uint64_t limitOfBytes() {
  constexpr uint64_t mebibyte = 1 << 20, usual = 1024;
  const std::string wanted = variable("KINEMA_CACHE_MIB");
  if (wanted.empty())
    return usual * mebibyte;
  uint64_t number = 0;
  const char *last = wanted.data() + wanted.size();
  if (auto [end, code] = std::from_chars(wanted.data(), last, number);
      code != std::errc() || end != last || number > (uint64_t{1} << 40))
    refuse("KINEMA_CACHE_MIB is {}, expected a number of MiB", wanted);
  return number * mebibyte;
}

} // namespace

std::string cacheFolder() {
  if (std::string folder = variable("XDG_CACHE_HOME"); fs::path(folder).is_absolute())
    return folder + "/kinema";
  std::string home = variable("HOME");
  return fs::path(home).is_absolute() ? home + "/.cache/kinema" : "";
}

std::string packageKey(Compilation &compilation, const CompileOptions &options) {
  Hash hash;
  hash.add(readFile("/proc/self/exe"));
  hash.add(LLVM_VERSION_STRING);
  hash.add(compilation.program().sources.text(0));
  hash.add(printed(compilation.module(), /*locations=*/true));
  const TargetOptions &target = options.targetOptions;
  for (int64_t number : {int64_t(options.train), int64_t(options.keepGradients), int64_t(options.fuse),
                         options.precision ? int64_t(*options.precision) : int64_t(-1),
                         int64_t(target.reference), int64_t(target.pairs), int64_t(target.emulator),
                         int64_t(target.twins), int64_t(target.watchdog), target.choice})
    hash.add(number);
  hash.add(options.target->name);
  hash.add(target.measurements.empty() ? "" : readFile(target.measurements));
  hash.add(target.toolkit); // else the assembler for GPUs is found by these variables
  for (const char *name : {"CUDA_HOME", "CUDA_PATH", "PATH"})
    hash.add(variable(name));
  return hash.text();
}

PackageCache::PackageCache() : folder(cacheFolder()), limit(limitOfBytes()) {
  if (limit == 0)
    folder.clear();
}

std::optional<std::string> PackageCache::find(const std::string &key) const {
  const std::string file = fileOf(key);
  std::error_code none;
  if (folder.empty() || !fs::is_regular_file(file, none))
    return std::nullopt;
  try {
    const Package package(file);
    for (const std::string &entry : package.entries())
      package.open(entry); // whose checksum is compared
  } catch (const Error &) {
    fs::remove(file, none);
    return std::nullopt;
  }
  fs::last_write_time(file, fs::file_time_type::clock::now(), none); // when it was used last
  return file;
}

std::optional<std::string> PackageCache::add(const std::string &key, const PackageWriter &package) const {
  if (folder.empty())
    return std::nullopt;
  try {
    makeDirectory(folder);
    package.write(fileOf(key));
  } catch (const Error &) {
    return std::nullopt; // it is not kept
  }
  makeRoom();
  std::error_code none;
  if (!fs::is_regular_file(fileOf(key), none))
    return std::nullopt; // it is larger than all that may be kept
  return fileOf(key);
}

void PackageCache::makeRoom() const {
  struct Kept {
    fs::file_time_type used;
    uint64_t bytes;
    fs::path file;
  };
  std::vector<Kept> all;
  std::error_code none;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, none))
    if (entry.is_regular_file(none))
      all.push_back({entry.last_write_time(none), entry.file_size(none), entry.path()});
  std::sort(all.begin(), all.end(), [](const Kept &a, const Kept &b) { return a.used > b.used; });
  uint64_t bytes = 0;
  for (const Kept &kept : all)
    if ((bytes += kept.bytes) > limit)
      fs::remove(kept.file, none);
}

} // namespace kinema
