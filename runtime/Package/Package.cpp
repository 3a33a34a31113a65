#include "runtime/Package/Package.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <minizip/unzip.h>
#include <minizip/zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

namespace kinema {
namespace {

// A zip archive ends with this record, which has these fields (PKWARE's APPNOTE, 4.3.16).
constexpr std::string_view endSignature("PK\5\6", 4);
constexpr int64_t endBytes = 22;
constexpr int64_t directorySizeField = 12, directoryOffsetField = 16, commentSizeField = 20;
constexpr int64_t recordBytes = 46, entryOffsetField = 42; // of the directory's records (APPNOTE, 4.3.12)

uint32_t littleEndian(const std::string &text, size_t at, int bytes) {
  uint32_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])) << (8 * i);
  return value;
}

// A Source is the bytes at whose end an archive lies: those of a file, or of a package in memory.
struct Source {
  std::string name; // for messages
  int64_t bytes = 0;
  std::function<std::string(int64_t offset, int64_t bytes)> read; // of what lies within
};

Source sourceOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || std::filesystem::is_directory(path))
    fail("cannot read {}: {}", path, file ? "it is a directory" : std::strerror(errno));
  return {path, file.tellg(), [path](int64_t offset, int64_t bytes) {
            std::ifstream file(path, std::ios::binary);
            std::string text(bytes, '\0');
            if (!file || !file.seekg(offset) || (!file.read(text.data(), bytes) && bytes > 0))
              fail("cannot read {}: {}", path, std::strerror(errno));
            return text;
          }};
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

// A Memory is a file in memory for the archive's writer and reader, which see it as if `before` bytes came
// before it.
struct Memory {
  size_t before;
  std::string bytes = {};
  size_t at = 0;

  static void *open(void *memory, const void *, int) { return memory; }
  static uLong read(void *, void *stream, void *to, uLong count) {
    auto &file = *static_cast<Memory *>(stream);
    count = std::min<uLong>(count, file.bytes.size() - std::min(file.at, file.bytes.size()));
    std::memcpy(to, file.bytes.data() + file.at, count);
    file.at += count;
    return count;
  }
  static uLong write(void *, void *stream, const void *from, uLong count) {
    auto &file = *static_cast<Memory *>(stream);
    file.bytes.resize(std::max(file.bytes.size(), file.at + count));
    std::memcpy(file.bytes.data() + file.at, from, count);
    file.at += count;
    return count;
  }
  static ZPOS64_T tell(void *, void *stream) {
    auto &file = *static_cast<Memory *>(stream);
    return file.before + file.at;
  }
  static long seek(void *, void *stream, ZPOS64_T offset, int origin) {
    auto &file = *static_cast<Memory *>(stream);
    size_t to = offset - file.before;
    if (origin != ZLIB_FILEFUNC_SEEK_SET)
      to = (origin == ZLIB_FILEFUNC_SEEK_CUR ? file.at : file.bytes.size()) + offset;
    file.at = to; // a damaged archive may lead beyond the end, where nothing can be read
    return 0;
  }
  static int close(void *, void *) { return 0; }
  static int error(void *, void *) { return 0; }
  zlib_filefunc64_def functions() { return {open, read, write, tell, seek, close, error, this}; }
};

constexpr uLong firstDay = 1 << 21 | 1 << 16; // 1 January 1980
constexpr uLong utf8Names = 1 << 11;
constexpr size_t largestPiece = size_t{1} << 30; // bytes that are read or written in one call

void require(int status, const std::string &what) {
  if (status != ZIP_OK)
    fail("cannot make a package: {} ({})", what, status);
}

} // namespace

std::string manifestEntryOf(const std::string &target) { return fmt::format("manifest.{}.json", target); }

bool isManifest(const std::string &entry) {
  return entry == manifestEntry || (entry.starts_with("manifest.") && entry.ends_with(".json"));
}

bool findArchive(const std::string &path, ArchivePlace &place) { return findArchive(sourceOf(path), place); }

struct Package::Archive {
  Memory memory{0}; // the package, where it is not in a file
  unzFile zip = nullptr;
  int64_t bytes = 0; // of the file, or of the package in memory
  ~Archive() {
    if (zip)
      unzClose(zip);
  }
};

Package::Package(const std::string &path) : filePath(path), archive(std::make_unique<Archive>()) {
  Source source = sourceOf(path);
  requireArchive(source);
  archive->bytes = source.bytes;
  archive->zip = unzOpen64(path.c_str());
  requireOpen();
}

Package::Package(std::string content, const std::string &name)
    : filePath(name), archive(std::make_unique<Archive>()) {
  archive->memory.bytes = std::move(content);
  const std::string &bytes = archive->memory.bytes;
  archive->bytes = static_cast<int64_t>(bytes.size());
  requireArchive({name, archive->bytes,
                  [&bytes](int64_t offset, int64_t count) { return bytes.substr(offset, count); }});
  zlib_filefunc64_def functions = archive->memory.functions();
  archive->zip = unzOpen2_64("", &functions);
  requireOpen();
}

void Package::requireOpen() const {
  if (!archive->zip)
    fail("{} is no package: its zip directory is damaged", filePath);
}

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

bool Package::has(const std::string &entry) const {
  constexpr int caseSensitive = 1;
  return unzLocateFile(archive->zip, entry.c_str(), caseSensitive) == UNZ_OK;
}

std::string Package::read(const std::string &entry) const {
  unz_file_info64 info;
  if (!has(entry) ||
      unzGetCurrentFileInfo64(archive->zip, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK)
    fail("package {} has no entry {}", filePath, entry);
  if (info.uncompressed_size > static_cast<uint64_t>(archive->bytes))
    fail("package {}: entry {} claims {} bytes, more than the file has", filePath, entry,
         info.uncompressed_size);
  bool whole = unzOpenCurrentFile(archive->zip) == UNZ_OK;
  std::string content(whole ? info.uncompressed_size : 0, '\0');
  for (size_t done = 0; whole && done < content.size();) {
    auto piece = static_cast<unsigned>(std::min(content.size() - done, largestPiece));
    int count = unzReadCurrentFile(archive->zip, content.data() + done, piece);
    whole = count > 0;
    done += whole ? count : 0;
  }
  if (unzCloseCurrentFile(archive->zip) != UNZ_OK || !whole) // closing compares the checksum
    fail("package {}: entry {} is damaged", filePath, entry);
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
  Memory memory{before};
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
      require(zipWriteInFileInZip(zip, content.data() + done,
                                  static_cast<unsigned>(std::min(content.size() - done, largestPiece))),
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
