#include "runtime/Package.h"

#include "runtime/Error.h"
#include "runtime/Files.h"

#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

namespace kinema {
namespace {

// The record that ends a zip archive, and its fields (PKWARE's APPNOTE, 4.3.16).
constexpr std::string_view endSignature("PK\5\6", 4);
constexpr int64_t endBytes = 22;
constexpr int64_t directorySizeField = 12, directoryOffsetField = 16, commentSizeField = 20;

uint32_t littleEndian(const std::string &text, size_t at, int bytes) {
  uint32_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])) << (8 * i);
  return value;
}

// The file's last bytes: an end record with the longest comment fits.
std::string readTail(const std::string &path, int64_t &fileBytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || std::filesystem::is_directory(path))
    fail("cannot read {}: {}", path, file ? "it is a directory" : std::strerror(errno));
  fileBytes = file.tellg();
  std::string tail(std::min<int64_t>(fileBytes, endBytes + UINT16_MAX), '\0');
  file.seekg(fileBytes - static_cast<int64_t>(tail.size()));
  if (!file.read(tail.data(), tail.size()) && !tail.empty())
    fail("cannot read {}: {}", path, std::strerror(errno));
  return tail;
}

std::string reason(zip_error_t &error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

} // namespace

bool findArchive(const std::string &path, ArchivePlace &place) {
  int64_t fileBytes = 0;
  std::string tail = readTail(path, fileBytes);
  for (size_t at = tail.rfind(endSignature); at != std::string::npos;
       at = at ? tail.rfind(endSignature, at - 1) : at - 1) {
    int64_t left = static_cast<int64_t>(tail.size() - at);
    if (left < endBytes || left != endBytes + littleEndian(tail, at + commentSizeField, 2))
      continue;
    int64_t directoryBytes = littleEndian(tail, at + directorySizeField, 4);
    int64_t directoryOffset = littleEndian(tail, at + directoryOffsetField, 4);
    // The offset counts from the archive's start, which the directory's end, known here, tells.
    place.begin = fileBytes - left - directoryBytes - directoryOffset;
    place.bytes = fileBytes - place.begin;
    if (place.begin < 0)
      fail("{} is damaged: its zip directory points outside the file", path);
    return true;
  }
  return false;
}

struct Package::Archive {
  zip_t *zip = nullptr;
  ~Archive() { zip_discard(zip); }
};

Package::Package(const std::string &path) : filePath(path), archive(std::make_unique<Archive>()) {
  ArchivePlace place;
  if (!findArchive(path, place))
    fail("{} is no package: there is no zip directory at its end", path);
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t *source = zip_source_file_create(path.c_str(), place.begin, place.bytes, &error);
  if (source)
    archive->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  if (!archive->zip) {
    if (source)
      zip_source_free(source);
    fail("{} is no package: {}", path, reason(error));
  }
  zip_error_fini(&error);
}

Package::~Package() = default;
Package::Package(Package &&) noexcept = default;
Package &Package::operator=(Package &&) noexcept = default;

std::vector<std::string> Package::entries() const {
  std::vector<std::string> names;
  for (int64_t i = 0; i < zip_get_num_entries(archive->zip, 0); ++i)
    names.emplace_back(zip_get_name(archive->zip, i, 0));
  return names;
}

bool Package::has(const std::string &entry) const {
  return zip_name_locate(archive->zip, entry.c_str(), 0) >= 0;
}

std::string Package::read(const std::string &entry) const {
  zip_stat_t stat;
  if (zip_stat(archive->zip, entry.c_str(), 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE))
    fail("package {} has no entry {}", filePath, entry);
  if (stat.size > std::filesystem::file_size(filePath))
    fail("package {}: entry {} claims {} bytes, more than the file has", filePath, entry, stat.size);
  std::unique_ptr<zip_file_t, int (*)(zip_file_t *)> file(zip_fopen(archive->zip, entry.c_str(), 0),
                                                          zip_fclose);
  if (!file)
    fail("package {}: cannot read entry {}: {}", filePath, entry, zip_strerror(archive->zip));
  std::string content(stat.size, '\0');
  if (zip_fread(file.get(), content.data(), content.size()) != static_cast<zip_int64_t>(content.size()))
    fail("package {}: entry {} is damaged: {}", filePath, entry, zip_file_strerror(file.get()));
  char more; // reading past the end is what makes libzip compare the checksum
  if (zip_fread(file.get(), &more, 1) != 0)
    fail("package {}: entry {} is damaged: {}", filePath, entry, zip_file_strerror(file.get()));
  return content;
}

void PackageWriter::add(std::string entry, std::string content) {
  contents.emplace_back(std::move(entry), std::move(content));
}

// The archive's bytes.
std::string PackageWriter::archive() const {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t *output = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (!output)
    fail("cannot make a package: {}", reason(error));
  std::unique_ptr<zip_source_t, void (*)(zip_source_t *)> keep(output, zip_source_free);
  zip_source_keep(output); // the archive takes one reference
  zip_t *zip = zip_open_from_source(output, ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (!zip) {
    zip_source_free(output);
    fail("cannot make a package: {}", reason(error));
  }
  auto expect = [&](bool succeeded) {
    if (succeeded)
      return;
    std::string text = zip_strerror(zip);
    zip_discard(zip);
    fail("cannot make a package: {}", text);
  };
  for (const auto &[name, content] : contents) {
    zip_source_t *source = zip_source_buffer(zip, content.data(), content.size(), 0);
    expect(source);
    zip_int64_t index = zip_file_add(zip, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0)
      zip_source_free(source);
    expect(index >= 0);
    expect(zip_set_file_compression(zip, index, ZIP_CM_STORE, 0) == 0);
    expect(zip_file_set_dostime(zip, index, 0, (1 << 5) | 1, 0) == 0); // 1 January 1980
  }
  expect(zip_close(zip) == 0);

  std::string bytes;
  zip_stat_t stat;
  if (zip_source_stat(output, &stat) != 0 || zip_source_open(output) != 0)
    fail("cannot make a package: {}", zip_error_strerror(zip_source_error(output)));
  bytes.resize(stat.size);
  zip_int64_t got = zip_source_read(output, bytes.data(), bytes.size());
  zip_source_close(output);
  if (got != static_cast<zip_int64_t>(bytes.size()))
    fail("cannot make a package: {}", zip_error_strerror(zip_source_error(output)));
  return bytes;
}

void PackageWriter::write(const std::string &path) const { writeFile(path, archive()); }

void PackageWriter::writeBehind(const std::string &program, const std::string &path) const {
  std::string code = readFile(program);
  if (ArchivePlace place; findArchive(program, place))
    code.resize(place.begin);
  AtomicFile file(path);
  file.write(code);
  file.write(archive());
  file.commit(/*executable=*/true);
}

} // namespace kinema
