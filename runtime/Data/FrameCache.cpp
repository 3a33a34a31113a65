#include "runtime/Data/FrameCache.h"

#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace fs = std::filesystem;

namespace kinema {
namespace {

constexpr char part[] = ".part"; // ends the name of a file that is being written

int openFile(const std::string &path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0)
    fail("--cache: {} cannot be written: {}", path, std::strerror(errno));
  return file;
}

// What a frame's file begins with: the frame's name, so that another one whose digest is the same by accident
// is not taken for it, and the digest of the pixels, which a disk that failed does not have.
std::string headOf(const FrameName &name) {
  return fmt::format("{}\n{}\n{} {}x{}\n", name.video, name.decoder, name.frame, name.size.height,
                     name.size.width);
}

std::string digestOf(std::span<const uint8_t> rgb) {
  Digest digest;
  digest.add({reinterpret_cast<const char *>(rgb.data()), rgb.size()});
  return digest.text();
}

struct KeptFile {
  fs::path path;
  int64_t bytes = 0;
  fs::file_time_type time;
};

// Holds a lock of a file between processes while it lives.
class Locked {
public:
  explicit Locked(int file) : file(file) { flock(file, LOCK_EX); }
  ~Locked() { flock(file, LOCK_UN); }
  Locked(const Locked &) = delete;
  Locked &operator=(const Locked &) = delete;

private:
  int file;
};

} // namespace

FrameCache::FrameCache(std::string where, int64_t limit) : folder(std::move(where)), limit(limit) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    fail("--cache: folder {} cannot be made: {}", folder, error.message());
  users = openFile(folder + "/.users");
  count = openFile(folder + "/.bytes");
  if (flock(users, LOCK_EX | LOCK_NB) == 0)
    tidy(); // nobody else is here
  flock(users, LOCK_SH);
}

FrameCache::~FrameCache() {
  close(users);
  close(count);
}

// Counts what is there, and removes what was not finished and, the oldest first, what is too much.
void FrameCache::tidy() {
  std::error_code ignored;
  std::vector<KeptFile> files;
  int64_t bytes = 0;
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored) || entry.path().filename().string().starts_with('.'))
      continue;
    if (entry.path().extension() == part) {
      fs::remove(entry.path(), ignored);
      continue;
    }
    files.push_back(
        {entry.path(), static_cast<int64_t>(entry.file_size(ignored)), entry.last_write_time(ignored)});
    bytes += files.back().bytes;
  }
  std::ranges::sort(files, {}, &KeptFile::time);
  for (const KeptFile &file : files) {
    if (bytes <= limit)
      break;
    fs::remove(file.path, ignored);
    bytes -= file.bytes;
  }
  Locked lock(count);
  full = pwrite(count, &bytes, sizeof bytes, 0) != sizeof bytes; // the disk is
}

// Takes so many bytes of the room that is left, for a file. Where a process is killed before it has written
// the file, they are counted until the folder is tidied.
bool FrameCache::reserve(int64_t bytes) {
  Locked lock(count);
  int64_t used = 0;
  if (pread(count, &used, sizeof used, 0) != sizeof used || used + bytes > limit)
    return false;
  used += bytes;
  return pwrite(count, &used, sizeof used, 0) == sizeof used;
}

std::string FrameCache::placeOf(const std::string &head) const {
  Digest digest;
  digest.add(head);
  const std::string name = digest.text();
  return fmt::format("{}/{}/{}", folder, name.substr(0, 2), name);
}

bool FrameCache::read(const FrameName &name, std::span<uint8_t> rgb) {
  const std::string head = headOf(name);
  std::ifstream file(placeOf(head), std::ios::binary);
  if (!file)
    return false;
  std::string found(head.size(), '\0'), digest(Digest().text().size(), '\0');
  file.read(found.data(), static_cast<std::streamsize>(found.size()));
  file.read(digest.data(), static_cast<std::streamsize>(digest.size()));
  if (!file || found != head)
    return false;
  file.read(reinterpret_cast<char *>(rgb.data()), static_cast<std::streamsize>(rgb.size()));
  if (!file || file.peek() != std::ifstream::traits_type::eof() || digest != digestOf(rgb))
    return false;
  ++readFrames;
  return true;
}

void FrameCache::keep(const FrameName &name, std::span<const uint8_t> rgb) {
  const std::string head = headOf(name), place = placeOf(head), digest = digestOf(rgb);
  if (full || fs::exists(place))
    return;
  if (!reserve(static_cast<int64_t>(head.size() + digest.size() + rgb.size()))) {
    full = true;
    return;
  }
  std::error_code error;
  fs::create_directories(fs::path(place).parent_path(), error);
  const std::string written = fmt::format("{}.{}.{}{}", place, getpid(), number++, part);
  std::ofstream file(written, std::ios::binary);
  file << head << digest;
  file.write(reinterpret_cast<const char *>(rgb.data()), static_cast<std::streamsize>(rgb.size()));
  file.close();
  if (file)
    fs::rename(written, place, error);
  if (file && !error) {
    ++keptFrames;
    return;
  }
  full = true; // the disk is
  fs::remove(written, error);
}

} // namespace kinema
