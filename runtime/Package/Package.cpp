#include "runtime/Package/Package.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <minizip/unzip.h>
#include <minizip/zip.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace kinema {
namespace {

// A zip archive ends with this record, which has these fields (PKWARE's APPNOTE, 4.3.16).
constexpr std::string_view endSignature("PK\5\6", 4);
constexpr int64_t endBytes = 22;
constexpr int64_t directorySizeField = 12, directoryOffsetField = 16, commentSizeField = 20;
constexpr int64_t recordBytes = 46, entryOffsetField = 42; // of the directory's records (APPNOTE, 4.3.12)

constexpr int64_t largestPiece = int64_t{1} << 30; // bytes that are read or written in one call

uint32_t littleEndian(const std::string &text, size_t at, int bytes) {
  uint32_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])) << (8 * i);
  return value;
}

// Reads the last bytes, enough for an end record with the longest comment.
std::string readTail(const Source &source) {
  int64_t bytes = std::min<int64_t>(source.bytes, endBytes + UINT16_MAX);
  return source.read(source.bytes - bytes, bytes);
}

// Returns the offset of the first entry, which the directory's first record tells: entries lie in the
// directory's order.
int64_t firstEntry(const Source &source, int64_t directory, int64_t directoryBytes) {
  if (directory < 0 || directoryBytes < recordBytes || directory > source.bytes - recordBytes)
    fail("{} is damaged: its zip directory points outside the file", source.name);
  return littleEndian(source.read(directory, recordBytes), entryOffsetField, 4);
}

// Looks for the archive's directory at the end of the bytes.
bool findArchive(const Source &source, ArchivePlace &place) {
  std::string tail = readTail(source);
  for (size_t at = tail.rfind(endSignature); at != std::string::npos;
       at = at ? tail.rfind(endSignature, at - 1) : at - 1) {
    int64_t left = static_cast<int64_t>(tail.size() - at);
    if (left < endBytes || left != endBytes + littleEndian(tail, at + commentSizeField, 2))
      continue;
    int64_t directoryBytes = littleEndian(tail, at + directorySizeField, 4);
    int64_t directoryOffset = littleEndian(tail, at + directoryOffsetField, 4);
    // Offsets count from the first byte, or from the archive's where something was put before the archive.
    int64_t directory = source.bytes - left - directoryBytes;
    place.begin = directory - directoryOffset + firstEntry(source, directory, directoryBytes);
    place.bytes = source.bytes - place.begin;
    if (place.begin < 0 || place.begin > directory)
      fail("{} is damaged: its zip directory points outside the file", source.name);
    return true;
  }
  return false;
}

void requireArchive(const Source &source) {
  ArchivePlace place;
  if (!findArchive(source, place))
    fail("{} is no package: there is no zip directory at its end", source.name);
}

// A Stream is a file as minizip sees it, as if `before` bytes came before it.
class Stream {
public:
  explicit Stream(int64_t before) : before(before) {}
  virtual ~Stream() = default;

  zlib_filefunc64_def functions() {
    return {[](void *stream, const void *, int) { return stream; },
            [](void *, void *stream, void *to, uLong count) {
              return of(stream).read(static_cast<char *>(to), count);
            },
            [](void *, void *stream, const void *from, uLong count) {
              return of(stream).write(static_cast<const char *>(from), count);
            },
            [](void *, void *stream) -> ZPOS64_T { return of(stream).before + of(stream).at; },
            [](void *, void *stream, ZPOS64_T offset, int origin) {
              of(stream).seek(static_cast<int64_t>(offset), origin);
              return 0L;
            },
            [](void *, void *) { return 0; },
            [](void *, void *) { return 0; },
            this};
  }

protected:
  virtual int64_t size() const = 0;
  virtual uLong read(char *, uLong) { return 0; }
  virtual uLong write(const char *, uLong) { return 0; }
  int64_t at = 0;

private:
  static Stream &of(void *stream) { return *static_cast<Stream *>(stream); }
  // A damaged archive may lead beyond the end, where nothing can be read.
  void seek(int64_t offset, int origin) {
    at = origin == ZLIB_FILEFUNC_SEEK_SET   ? offset - before
         : origin == ZLIB_FILEFUNC_SEEK_CUR ? at + offset
                                            : size() + offset;
  }
  const int64_t before;
};

// Reads ahead, since minizip asks for a directory byte by byte.
class Reading final : public Stream {
public:
  explicit Reading(const Source &source) : Stream(0), source(source) {}

private:
  int64_t size() const override { return source.bytes; }
  uLong read(char *to, uLong count) override {
    if (at < 0 || at > source.bytes)
      return 0;
    auto within = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(count), source.bytes - at));
    try {
      if (within > mostAhead)
        source.read(at, to, static_cast<int64_t>(within));
      else
        ahead(within).copy(to, within);
    } catch (...) {
      return 0; // nothing may be thrown through a library in C, which finds that bytes are missing
    }
    at += static_cast<int64_t>(within);
    return within;
  }

  // Returns the next bytes, and those behind them that are read already.
  std::string_view ahead(size_t count) {
    if (at < begin || at + static_cast<int64_t>(count) > begin + static_cast<int64_t>(buffer.size())) {
      buffer = source.read(at, std::min<int64_t>(mostAhead, source.bytes - at));
      begin = at;
    }
    return std::string_view(buffer).substr(at - begin);
  }

  static constexpr size_t mostAhead = 4096;
  const Source &source;
  std::string buffer;
  int64_t begin = 0; // of the buffer in the source
};

class Writing final : public Stream {
public:
  using Stream::Stream;
  std::string bytes;

private:
  int64_t size() const override { return static_cast<int64_t>(bytes.size()); }
  uLong write(const char *from, uLong count) override {
    bytes.resize(std::max<size_t>(bytes.size(), at + count));
    std::memcpy(bytes.data() + at, from, count);
    at += static_cast<int64_t>(count);
    return count;
  }
};

constexpr uLong firstDay = 1 << 21 | 1 << 16; // 1 January 1980
constexpr uLong utf8Names = 1 << 11;

void require(int status, const std::string &what) {
  if (status != ZIP_OK)
    fail("cannot make a package: {} ({})", what, status);
}

} // namespace

std::string manifestEntryOf(const std::string &target) { return fmt::format("manifest.{}.json", target); }

bool isManifest(const std::string &entry) {
  return entry == manifestEntry || (entry.starts_with("manifest.") && entry.ends_with(".json"));
}

bool findArchive(const std::string &path, ArchivePlace &place) { return findArchive(*openFile(path), place); }

struct Package::Archive {
  std::unique_ptr<const Source> source;
  Reading stream;
  unzFile zip = nullptr;

  explicit Archive(std::unique_ptr<const Source> given) : source(std::move(given)), stream(*source) {
    requireArchive(*source);
    zlib_filefunc64_def functions = stream.functions();
    zip = unzOpen2_64("", &functions);
    if (!zip)
      fail("{} is no package: its zip directory is damaged", source->name);
  }
  ~Archive() {
    if (zip)
      unzClose(zip);
  }

  bool locate(const std::string &entry) const;
  unz_file_info64 find(const std::string &entry) const;
  // Returns where the current entry lies in the archive, if it is stored as it is and lies within; else null.
  std::unique_ptr<const Source> storedEntry(const unz_file_info64 &info) const;
  // Decompresses the current entry; returns null where it is damaged.
  std::unique_ptr<const Source> decompressed(const unz_file_info64 &info) const;
};

// Returns the checksum of a source, which is read piece by piece.
static uLong checksumOf(const Source &source) {
  std::vector<Bytef> piece(std::min<int64_t>(source.bytes, 1 << 18));
  uLong sum = crc32_z(0, nullptr, 0);
  for (int64_t done = 0; done < source.bytes;) {
    int64_t count = std::min<int64_t>(source.bytes - done, static_cast<int64_t>(piece.size()));
    source.read(done, piece.data(), count);
    sum = crc32_z(sum, piece.data(), count);
    done += count;
  }
  return sum;
}

static uLong checksumOf(const std::string &content) {
  return crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef *>(content.data()), content.size());
}

std::unique_ptr<const Source> Package::Archive::storedEntry(const unz_file_info64 &info) const {
  const bool opened = unzOpenCurrentFile(zip) == UNZ_OK;
  const auto begin = static_cast<int64_t>(opened ? unzGetCurrentFileZStreamPos64(zip) : 0);
  unzCloseCurrentFile(zip);
  const auto bytes = static_cast<int64_t>(info.uncompressed_size);
  if (!opened || info.compressed_size != info.uncompressed_size || begin > source->bytes - bytes)
    return nullptr;
  return partOf(*source, begin, bytes);
}

std::unique_ptr<const Source> Package::Archive::decompressed(const unz_file_info64 &info) const {
  bool whole = unzOpenCurrentFile(zip) == UNZ_OK;
  std::string content(whole ? info.uncompressed_size : 0, '\0');
  for (size_t done = 0; whole && done < content.size();) {
    auto piece = static_cast<unsigned>(std::min<size_t>(content.size() - done, largestPiece));
    int count = unzReadCurrentFile(zip, content.data() + done, piece);
    whole = count > 0;
    done += whole ? count : 0;
  }
  whole = unzCloseCurrentFile(zip) == UNZ_OK && whole; // closing compares the checksum
  return whole ? sourceOf(std::move(content), source->name) : nullptr;
}

Package::Package(const std::string &path)
    : filePath(path), archive(std::make_unique<Archive>(openFile(path))) {}

Package::Package(std::string content, const std::string &name)
    : filePath(name), archive(std::make_unique<Archive>(sourceOf(std::move(content), name))) {}

Package::~Package() = default;
Package::Package(Package &&) noexcept = default;
Package &Package::operator=(Package &&) noexcept = default;

std::vector<std::string> Package::entries() const {
  std::vector<std::string> names;
  int status = unzGoToFirstFile(archive->zip);
  for (; status == UNZ_OK; status = unzGoToNextFile(archive->zip)) {
    unz_file_info64 info;
    std::string name(UINT16_MAX, '\0');
    status = unzGetCurrentFileInfo64(archive->zip, &info, name.data(), name.size(), nullptr, 0, nullptr, 0);
    if (status != UNZ_OK)
      break;
    names.push_back(name.substr(0, info.size_filename));
  }
  if (status != UNZ_END_OF_LIST_OF_FILE)
    fail("{} is no package: its zip directory is damaged", filePath);
  return names;
}

bool Package::has(const std::string &entry) const { return archive->locate(entry); }

// Makes an entry the archive's current one. Returns whether there is one.
bool Package::Archive::locate(const std::string &entry) const {
  constexpr int caseSensitive = 1;
  return unzLocateFile(zip, entry.c_str(), caseSensitive) == UNZ_OK;
}

// Locates an entry and says what the directory has of it.
unz_file_info64 Package::Archive::find(const std::string &entry) const {
  unz_file_info64 info;
  if (!locate(entry) || unzGetCurrentFileInfo64(zip, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK)
    fail("package {} has no entry {}", source->name, entry);
  if (info.uncompressed_size > static_cast<uint64_t>(source->bytes))
    fail("package {}: entry {} claims {} bytes, more than the file has", source->name, entry,
         info.uncompressed_size);
  return info;
}

static bool isStored(const unz_file_info64 &info) { return info.compression_method == 0; }

void Package::failDamaged(const std::string &entry) const {
  fail("package {}: entry {} is damaged", filePath, entry);
}

std::unique_ptr<const Source> Package::open(const std::string &entry) const {
  const unz_file_info64 info = archive->find(entry);
  auto source = isStored(info) ? archive->storedEntry(info) : archive->decompressed(info);
  if (!source || (isStored(info) && checksumOf(*source) != info.crc))
    failDamaged(entry);
  return source;
}

// The checksum is that of the bytes that are returned: the file may change.
std::string Package::read(const std::string &entry) const {
  const unz_file_info64 info = archive->find(entry);
  auto source = isStored(info) ? archive->storedEntry(info) : archive->decompressed(info);
  if (!source)
    failDamaged(entry);
  std::string content = source->read(0, source->bytes);
  if (checksumOf(content) != info.crc)
    failDamaged(entry);
  return content;
}

void PackageWriter::add(std::string entry, std::string content) {
  contents.emplace_back(std::move(entry), std::move(content));
}

bool PackageWriter::has(const std::string &entry) const {
  return std::any_of(contents.begin(), contents.end(),
                     [&](const auto &content) { return content.first == entry; });
}

// Returns the archive's bytes, made to stand behind `before` others.
std::string PackageWriter::archive(size_t before) const {
  Writing memory(static_cast<int64_t>(before));
  zlib_filefunc64_def functions = memory.functions();
  // The library's own state is freed by closing the archive, also when an entry is refused.
  auto close = [](zipFile open) { zipClose(open, nullptr); };
  std::unique_ptr<void, decltype(close)> owner(zipOpen2_64("", APPEND_STATUS_CREATE, nullptr, &functions),
                                               close);
  if (!owner)
    throw std::bad_alloc();
  zipFile zip = owner.get();
  for (const auto &[name, content] : contents) {
    zip_fileinfo info = {};
    info.dosDate = firstDay;
    bool large = content.size() >= UINT32_MAX;
    constexpr int stored = 0;
    require(zipOpenNewFileInZip4_64(zip, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, stored, 0, 0,
                                    -MAX_WBITS, DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr, 0, 0, utf8Names,
                                    large),
            name);
    for (size_t done = 0; done < content.size(); done += largestPiece)
      require(
          zipWriteInFileInZip(zip, content.data() + done,
                              static_cast<unsigned>(std::min<size_t>(content.size() - done, largestPiece))),
          name);
    require(zipCloseFileInZip(zip), name);
  }
  require(zipClose(owner.release(), nullptr), "its directory");
  return std::move(memory.bytes);
}

void PackageWriter::write(const std::string &path) const { writeFile(path, archive(0)); }

void PackageWriter::writeBehind(const std::string &program, const std::string &path) const {
  std::string code = readFile(program);
  if (ArchivePlace place; findArchive(program, place))
    code.resize(place.begin);
  AtomicFile file(path);
  file.write(code);
  file.write(archive(code.size()));
  file.commit(/*executable=*/true);
}

} // namespace kinema
