#include "runtime/Data/FrameCache.h"

#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace fs = std::filesystem;

namespace kinema {
namespace {

constexpr char part[] = ".part"; // ends the name of a file that is being written
// Counts the ways in which frames were scaled and stored; a change of either needs a new number.
constexpr int way = 1;

int openFile(const std::string &path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0)
    fail("--cache: {} cannot be written: {}", path, std::strerror(errno));
  return file;
}

// What a frame's file begins with: the frame's name, so that another one whose digest is the same by accident
// is not taken for it, and the digest of the pixels, which a disk that failed does not have.
std::string headOf(const FrameName &name) {
  return fmt::format("frame {}\n{}\n{}\n{} {}x{}\n", way, name.video, name.decoder, name.frame,
                     name.size.height, name.size.width);
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
  explicit Locked(int file) : file(file) {
    while (flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Locked() { flock(file, LOCK_UN); }
  Locked(const Locked &) = delete;
  Locked &operator=(const Locked &) = delete;

private:
  int file;
};

bool isHex(const std::string &text, size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Returns the folders of frames, each named by the first two digits of its frames' names.
std::vector<fs::path> foldersIn(const fs::path &folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (std::error_code ignored; isHex(at->path().filename(), 2) && at->is_directory(ignored))
      found.push_back(at->path());
  return found;
}

// Whether a file is a frame or, by the end of its name, was to become one.
bool isFrame(const fs::path &file) {
  const std::string name = file.filename().string();
  return isHex(name.substr(0, name.find('.')), Digest().text().size()) &&
         (name.find('.') == std::string::npos || file.extension() == part);
}

// A folder that has other files is somebody's, and frames are to be told from these.
void requireOwn(const std::string &folder) {
  std::error_code error;
  const bool used = fs::exists(folder + "/.users", error);
  if (!used && !fs::is_empty(folder, error) && !error)
    fail("--cache: folder {} has other files: name an empty one, or one that has been a cache", folder);
}

} // namespace

FrameCache::FrameCache(std::string where, int64_t limit) : folder(std::move(where)), limit(limit) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    fail("--cache: folder {} cannot be made: {}", folder, error.message());
  requireOwn(folder);
  users = openFile(folder + "/.users");
  count = openFile(folder + "/.bytes");
  if (flock(users, LOCK_EX | LOCK_NB) == 0)
    tidy(); // nobody else is here
  if (flock(users, LOCK_SH) != 0)
    fail("--cache: {} cannot be locked: {}; name a folder on a disk of this machine", folder,
         std::strerror(errno));
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
  for (const fs::path &inner : foldersIn(folder)) {
    std::error_code error;
    for (fs::directory_iterator at(inner, error), end; !error && at != end; at.increment(error)) {
      if (!isFrame(at->path()) || !at->is_regular_file(ignored))
        continue;
      if (at->path().extension() == part) {
        fs::remove(at->path(), ignored);
        continue;
      }
      files.push_back(
          {at->path(), static_cast<int64_t>(at->file_size(ignored)), at->last_write_time(ignored)});
      bytes += files.back().bytes;
    }
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
  std::lock_guard ofThreads(counting);
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
  const std::string head = headOf(name), place = placeOf(head);
  std::ifstream file(place, std::ios::binary);
  if (!file)
    return false;
  // Its bytes are counted until the folder is tidied.
  auto removed = [&] {
    std::error_code ignored;
    fs::remove(place, ignored);
    return false;
  };
  std::string found(head.size(), '\0'), digest(Digest().text().size(), '\0');
  file.read(found.data(), static_cast<std::streamsize>(found.size()));
  file.read(digest.data(), static_cast<std::streamsize>(digest.size()));
  if (!file)
    return removed();
  if (found != head)
    return false;
  file.read(reinterpret_cast<char *>(rgb.data()), static_cast<std::streamsize>(rgb.size()));
  if (!file || file.peek() != std::ifstream::traits_type::eof() || digest != digestOf(rgb))
    return removed();
  ++readFrames;
  return true;
}

void FrameCache::keep(const FrameName &name, std::span<const uint8_t> rgb) {
  const std::string head = headOf(name), place = placeOf(head), digest = digestOf(rgb);
  std::error_code error;
  if (full || fs::exists(place, error) || error)
    return;
  if (!reserve(static_cast<int64_t>(head.size() + digest.size() + rgb.size()))) {
    full = true;
    return;
  }
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
