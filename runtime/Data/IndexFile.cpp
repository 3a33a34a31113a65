#include "runtime/Data/IndexFile.h"

#include "runtime/Data/IndexEntry.h"
#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace kinema {
namespace {

constexpr std::string_view signature = "kinema video index 1\n";

// A record is a header and its bytes.
struct Header {
  uint32_t length, complement; // of the bytes; the complement of that
  uint64_t digest;             // of the bytes
};
static_assert(sizeof(Header) == 16);

uint64_t digestOf(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.number();
}

std::string recordOf(std::string_view payload) {
  const auto length = static_cast<uint32_t>(payload.size());
  const Header header{length, ~length, digestOf(payload)};
  std::string record(sizeof header, 0);
  std::memcpy(record.data(), &header, sizeof header);
  record += payload;
  return record;
}

[[noreturn]] void failDamaged(const std::string &file, size_t at, const char *why) {
  fail("{}: the index is damaged at byte {}: {}; remove it, and `data check` makes it anew", file, at, why);
}

// Reads the record that begins at `at`; returns false where it was not written to its end.
bool readRecord(const std::string &file, std::string_view content, size_t &at, IndexEntries &entries) {
  std::string_view rest = content.substr(at);
  Header header;
  if (rest.size() < sizeof header)
    return false;
  std::memcpy(&header, rest.data(), sizeof header);
  if (header.length != ~header.complement)
    failDamaged(file, at, "no record begins there");
  if (rest.size() - sizeof header < header.length)
    return false;
  std::string_view payload = rest.substr(sizeof header, header.length);
  if (digestOf(payload) != header.digest)
    failDamaged(file, at, "the record has other bytes than were written");
  std::optional<IndexEntry> entry = decode(payload);
  if (!entry)
    failDamaged(file, at, "the record is of no video");
  entries.insert_or_assign(std::move(entry->name), std::string(payload));
  at += sizeof header + header.length;
  return true;
}

} // namespace

IndexEntries readIndex(const std::string &file, int64_t *whole) {
  IndexEntries entries;
  size_t at = 0;
  if (std::filesystem::exists(file)) {
    const std::string content = readFile(file);
    const std::string_view begin = std::string_view(content).substr(0, signature.size());
    if (begin != signature.substr(0, begin.size()))
      fail("{}: is no index of videos, or one of another version; remove it, and `data check` makes it anew",
           file);
    if (begin.size() == signature.size()) {
      at = signature.size();
      while (readRecord(file, content, at, entries)) {
      }
      if (!whole && at < content.size())
        failDamaged(file, at, "it ends within a record");
    }
  }
  if (whole)
    *whole = static_cast<int64_t>(at);
  return entries;
}

void writeIndex(const std::string &file, const IndexEntries &entries) {
  AtomicFile out(file, Links::Replace);
  out.write(signature);
  for (const auto &[name, payload] : entries)
    out.write(recordOf(payload));
  out.commit();
}

IndexAppender::IndexAppender(const std::string &file) : file(file) {
  descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor < 0)
    fail("cannot write {}: {}; --index names a folder that can be written", file, std::strerror(errno));
  try {
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      refuse("{} is in use: another `data check` is looking at these videos", file);
    int64_t whole = 0;
    entries = readIndex(file, &whole);
    if (ftruncate(descriptor, whole) != 0 || lseek(descriptor, whole, SEEK_SET) < 0)
      fail("cannot write {}: {}", file, std::strerror(errno));
    if (whole == 0)
      write(signature);
  } catch (...) {
    close(descriptor);
    throw;
  }
}

IndexAppender::~IndexAppender() { close(descriptor); }

void IndexAppender::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR)
      fail("cannot write {}: {}", file, std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
}

void IndexAppender::append(const std::string &encoded) { write(recordOf(encoded)); }

void IndexAppender::remove() { unlink(file.c_str()); }

} // namespace kinema
