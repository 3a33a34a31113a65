#include "runtime/Data/VideoIndex.h"

#include "runtime/Support/Digest.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <fmt/ranges.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace kinema {
namespace {

constexpr std::string_view signature = "kinema video index 1\n";

// A record is its length, the complement of that, the digest of its bytes, and these.
constexpr size_t headerBytes = 4 + 4 + 8;

class Writer {
public:
  void number(uint64_t value) { // in groups of seven bits, the lowest first
    for (; value >= 0x80; value >>= 7)
      bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
  }
  void signedNumber(int64_t value) {
    number(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }
  void fixed(uint64_t value, int width) {
    for (int i = 0; i < width; ++i)
      bytes += static_cast<char>(value >> 8 * i);
  }
  void real(double value) { fixed(std::bit_cast<uint64_t>(value), 8); }
  void text(std::string_view value) {
    number(value.size());
    bytes += value;
  }
  // Writes times as runs of equal steps.
  void times(const std::vector<int64_t> &values) {
    number(values.size());
    uint64_t last = 0;
    for (size_t i = 0; i < values.size();) {
      const uint64_t step = static_cast<uint64_t>(values[i]) - last;
      size_t end = i;
      for (; end < values.size() && static_cast<uint64_t>(values[end]) - last == step; ++end)
        last = static_cast<uint64_t>(values[end]);
      signedNumber(static_cast<int64_t>(step));
      number(end - i);
      i = end;
    }
  }

  std::string bytes;
};

class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes(bytes) {}

  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = fixed(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80)
        return value;
    }
    good = false;
    return 0;
  }
  int64_t signedNumber() {
    uint64_t value = number();
    return static_cast<int64_t>(value >> 1 ^ (0 - (value & 1)));
  }
  uint64_t fixed(int width) {
    uint64_t value = 0;
    if (bytes.size() < static_cast<size_t>(width)) {
      good = false;
      return 0;
    }
    for (int i = 0; i < width; ++i)
      value |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
    bytes.remove_prefix(width);
    return value;
  }
  double real() { return std::bit_cast<double>(fixed(8)); }
  std::string text() {
    uint64_t size = number();
    if (size > bytes.size()) {
      good = false;
      return "";
    }
    std::string value(bytes.substr(0, size));
    bytes.remove_prefix(size);
    return value;
  }
  std::vector<int64_t> times() {
    constexpr uint64_t most = uint64_t{1} << 28; // months of video
    uint64_t size = number(), last = 0;
    good &= size <= most;
    std::vector<int64_t> values;
    while (good && values.size() < size) {
      const auto step = static_cast<uint64_t>(signedNumber());
      const uint64_t count = number();
      good &= count > 0 && count <= size - values.size();
      for (uint64_t i = 0; good && i < count; ++i)
        values.push_back(static_cast<int64_t>(last += step));
    }
    return values;
  }
  bool ended() const { return good && bytes.empty(); }
  bool fine() const { return good; }

private:
  std::string_view bytes;
  bool good = true;
};

uint64_t digestOf(std::string_view bytes) {
  Digest digest;
  digest.add(bytes);
  return digest.number();
}

std::string recordOf(std::string_view payload) {
  Writer record;
  const auto length = static_cast<uint32_t>(payload.size());
  record.fixed(length, 4);
  record.fixed(~length, 4);
  record.fixed(digestOf(payload), 8);
  record.bytes += payload;
  return std::move(record.bytes);
}

[[noreturn]] void failDamaged(const std::string &file, size_t at, const char *why) {
  fail("{}: the index is damaged at byte {}: {}; remove it, and `data check` makes it anew", file, at, why);
}

// Reads the record that begins at `at`; returns false where it was not written to its end.
bool readRecord(const std::string &file, std::string_view content, size_t &at, IndexEntries &entries) {
  std::string_view rest = content.substr(at);
  if (rest.size() < headerBytes)
    return false;
  Reader header(rest);
  const auto length = static_cast<uint32_t>(header.fixed(4)),
             complement = static_cast<uint32_t>(header.fixed(4));
  const uint64_t digest = header.fixed(8);
  if (length != static_cast<uint32_t>(~complement))
    failDamaged(file, at, "no record begins there");
  if (rest.size() - headerBytes < length)
    return false;
  std::string_view payload = rest.substr(headerBytes, length);
  if (digestOf(payload) != digest)
    failDamaged(file, at, "the record has other bytes than were written");
  std::optional<IndexEntry> entry = decode(payload, false);
  if (!entry)
    failDamaged(file, at, "the record is of no video");
  entries.insert_or_assign(std::move(entry->name), std::string(payload));
  at += headerBytes + length;
  return true;
}

} // namespace

std::string encode(const IndexEntry &entry) {
  Writer out;
  out.text(entry.name);
  out.signedNumber(entry.stamp.bytes);
  out.signedNumber(entry.stamp.modified);
  out.fixed(entry.content, 8);
  out.text(entry.problem);
  out.text(entry.info.codec);
  out.number(static_cast<uint64_t>(entry.info.height));
  out.number(static_cast<uint64_t>(entry.info.width));
  out.number(static_cast<uint64_t>(entry.info.frames));
  out.real(entry.info.fps);
  out.real(entry.info.seconds);
  out.number((entry.info.truncated ? 1 : 0) | (entry.frames.byTime ? 2 : 0) |
             (entry.frames.truncated ? 4 : 0));
  out.times(entry.frames.times);
  out.times(entry.frames.keyTimes);
  return std::move(out.bytes);
}

std::optional<IndexEntry> decode(std::string_view bytes, bool withFrames) {
  Reader in(bytes);
  IndexEntry entry;
  entry.name = in.text();
  entry.stamp.bytes = in.signedNumber();
  entry.stamp.modified = in.signedNumber();
  entry.content = in.fixed(8);
  entry.problem = in.text();
  entry.info.codec = in.text();
  entry.info.height = static_cast<int>(in.number());
  entry.info.width = static_cast<int>(in.number());
  entry.info.frames = static_cast<int64_t>(in.number());
  entry.info.fps = in.real();
  entry.info.seconds = in.real();
  const uint64_t flags = in.number();
  entry.info.truncated = flags & 1;
  entry.frames.byTime = flags & 2;
  entry.frames.truncated = flags & 4;
  if (!in.fine())
    return std::nullopt;
  if (!withFrames)
    return entry;
  entry.frames.times = in.times();
  entry.frames.keyTimes = in.times();
  return in.ended() ? std::optional(std::move(entry)) : std::nullopt;
}

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
  AtomicFile out(file);
  out.write(signature);
  for (const auto &[name, payload] : entries)
    out.write(recordOf(payload));
  out.commit();
}

IndexAppender::IndexAppender(const std::string &file) : file(file) {
  descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
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

std::optional<IndexEntry> VideoIndex::find(std::string_view name) const {
  auto found = entries.find(name);
  return found == entries.end() ? std::nullopt : decode(found->second, false);
}

std::shared_ptr<const FrameIndex> VideoIndex::frames(std::string_view name) const {
  auto found = entries.find(name);
  std::optional<IndexEntry> entry = found == entries.end() ? std::nullopt : decode(found->second, true);
  if (!entry)
    fail("the index does not say where the frames of {} are", name);
  return std::make_shared<const FrameIndex>(std::move(entry->frames));
}

// Says in one line what the index knows, and in another which videos it knows to be bad.
static void addNotes(VideoList &list, const std::string &file, int64_t known,
                     const std::vector<std::string> &changed, const std::vector<std::string> &bad) {
  static constexpr size_t examples = 3;
  auto first = [](std::vector<std::string> all) {
    all.resize(std::min(examples, all.size()));
    return fmt::format("{}", fmt::join(all, "; "));
  };
  std::string text = fmt::format("{}: it knows {} of {} videos", file, known, list.videos.size());
  if (!changed.empty())
    text += fmt::format("; {} others have changed since, such as {}", changed.size(), first(changed));
  if (known < static_cast<int64_t>(list.videos.size() - list.unreadable.size() + bad.size()))
    text += "; `data check` finds out about the others";
  list.notes.push_back(text);
  if (!bad.empty())
    list.notes.push_back(fmt::format("{}: {} videos cannot be read, such as {}; all of them are in {}",
                                     list.file, bad.size(), first(bad), badPath(file)));
}

void useIndex(VideoList &list, const std::string &file) {
  auto index = std::make_shared<const VideoIndex>(file);
  list.indexed.assign(list.videos.size(), 0);
  std::vector<std::string> changed, bad;
  int64_t known = 0;
  for (size_t i = 0; i < list.videos.size(); ++i) {
    const LabelledVideo &video = list.videos[i];
    std::optional<IndexEntry> entry = list.stamps[i].exists() ? index->find(video.name) : std::nullopt;
    if (!entry)
      continue;
    if (entry->stamp != list.stamps[i]) {
      changed.push_back(video.name);
      continue;
    }
    ++known;
    list.indexed[i] = entry->problem.empty();
    if (entry->problem.empty())
      continue;
    list.unreadable.emplace(static_cast<int64_t>(i), entry->problem);
    bad.push_back(fmt::format("{}: {}", video.name, entry->problem));
  }
  addNotes(list, file, known, changed, bad);
  list.index = std::move(index);
}

std::string badPath(const std::string &index) {
  constexpr std::string_view ending = ".index";
  return index.substr(0, index.size() - ending.size()) + ".bad";
}

std::string indexPath(const std::string &list, const std::string &folder) {
  std::string own = list;
  while (own.size() > 1 && own.ends_with('/'))
    own.pop_back();
  if (folder.empty())
    return own + ".index";
  Digest place;
  place.add(std::filesystem::weakly_canonical(own).string());
  return (std::filesystem::path(folder) /
          fmt::format("{}-{}.index", std::filesystem::path(own).filename().string(), place.text()))
      .string();
}

} // namespace kinema
