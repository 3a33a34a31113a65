#include "runtime/Package/Package.h"

#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <minizip/zip.h>
#include <sys/stat.h>
#include <zlib.h>

using namespace kinema;
using namespace kinema::test;

namespace {

PackageWriter sample() {
  PackageWriter writer;
  writer.add("manifest.json", "{}");
  writer.add("code/x.so", std::string(100000, 'c'));
  return writer;
}

} // namespace

TEST(Package, RoundTrip) {
  TemporaryFolder folder;
  sample().write(folder / "p.kin");
  Package package(folder / "p.kin");
  EXPECT_EQ(package.entries(), (std::vector<std::string>{"manifest.json", "code/x.so"}));
  EXPECT_EQ(package.read("manifest.json"), "{}");
  EXPECT_EQ(package.read("code/x.so"), std::string(100000, 'c'));
  EXPECT_TRUE(package.has("code/x.so"));
  EXPECT_FALSE(package.has("weights.safetensors"));
  EXPECT_EQ(errorOf([&] { package.read("weights.safetensors"); }),
            "package " + (folder / "p.kin") + " has no entry weights.safetensors");
}

TEST(Package, TheSameEntriesGiveTheSameBytes) {
  TemporaryFolder folder;
  sample().write(folder / "a");
  sample().write(folder / "b");
  EXPECT_EQ(readFile(folder / "a"), readFile(folder / "b"));
}

TEST(Package, EntriesAreStored) {
  TemporaryFolder folder;
  sample().write(folder / "a");
  EXPECT_NE(readFile(folder / "a").find(std::string(100000, 'c')), std::string::npos);
}

TEST(Package, BehindAProgram) {
  TemporaryFolder folder;
  std::string program = "\x7f"
                        "ELF" +
                        std::string(5000, 'x');
  folder.write("program", program);
  sample().writeBehind(folder / "program", folder / "trainer");
  EXPECT_EQ(Package(folder / "trainer").read("code/x.so"), std::string(100000, 'c'));
  EXPECT_EQ(readFile(folder / "trainer").substr(0, program.size()), program);
  struct stat status;
  ASSERT_EQ(stat((folder / "trainer").c_str(), &status), 0);
  EXPECT_TRUE(status.st_mode & S_IXUSR);

  // A trainer as the program: its own package gives way to the new one.
  sample().writeBehind(folder / "trainer", folder / "again");
  EXPECT_EQ(readFile(folder / "again"), readFile(folder / "trainer"));
}

TEST(Package, FindArchiveTellsWhereItBegins) {
  TemporaryFolder folder;
  sample().write(folder / "p");
  std::string bytes = readFile(folder / "p");
  folder.write("q", "prefix" + bytes);
  ArchivePlace place;
  ASSERT_TRUE(findArchive(folder / "q", place));
  EXPECT_EQ(place.begin, 6);
  EXPECT_EQ(place.bytes, static_cast<int64_t>(bytes.size()));
  folder.write("r", "no archive");
  EXPECT_FALSE(findArchive(folder / "r", place));
}

TEST(Package, WhatIsNoPackageIsAnError) {
  TemporaryFolder folder;
  folder.write("empty", "");
  folder.write("text", "a text");
  for (const char *name : {"empty", "text"})
    EXPECT_EQ(errorOf([&] { Package package(folder / name); }),
              (folder / name) + " is no package: there is no zip directory at its end");
  EXPECT_EQ(errorOf([&] { Package package(folder / "none"); }),
            "cannot read " + (folder / "none") + ": No such file or directory");
  EXPECT_EQ(errorOf([&] { Package package(folder.name()); }),
            "cannot read " + folder.name() + ": it is a directory");
}

TEST(Package, ANameThatIsTooLongIsAnError) {
  TemporaryFolder folder;
  PackageWriter writer;
  writer.add(std::string(70000, 'x'), "{}");
  EXPECT_NE(errorOf([&] { writer.write(folder / "p"); }).find("cannot make a package: "), std::string::npos);
}

// The parts of a zip directory at the end of a file that say where the rest of it lies.
TEST(Package, ADirectoryThatDoesNotFitIsAnError) {
  TemporaryFolder folder;
  PackageWriter writer;
  writer.add("manifest.json", "{}");
  writer.write(folder / "p");
  const std::string whole = readFile(folder / "p");
  auto error = [&](size_t fromEnd, uint32_t value) {
    std::string changed = whole;
    changed.replace(changed.size() - fromEnd, 4, reinterpret_cast<const char *>(&value), 4);
    folder.write("changed", changed);
    return errorOf([&] { Package(folder / "changed").read("manifest.json"); });
  };
  const size_t disk = 18, directoryBytes = 10, directoryOffset = 6, end = 22;
  const size_t record = end + 46 + std::string("manifest.json").size(); // of the only entry
  const size_t entryBytes = record - 24;
  EXPECT_EQ(error(disk, 1), (folder / "changed") + " is no package: its zip directory is damaged");
  EXPECT_EQ(error(entryBytes, 1 << 30),
            "package " + (folder / "changed") +
                ": entry manifest.json claims 1073741824 bytes, more than the file has");
  EXPECT_EQ(error(directoryBytes, 1 << 30),
            (folder / "changed") + " is damaged: its zip directory points outside the file");
  EXPECT_EQ(error(directoryOffset, 1 << 30),
            (folder / "changed") + " is damaged: its zip directory points outside the file");
}

TEST(Package, AnEntryIsReadInParts) {
  TemporaryFolder folder;
  sample().writeBehind(folder.write("program", "before"), folder / "p");
  Package package(folder / "p");
  auto manifest = package.open("manifest.json"), code = package.open("code/x.so");
  EXPECT_EQ(manifest->read(1, 1), "}");
  EXPECT_EQ(code->bytes, 100000);
  EXPECT_EQ(code->read(99990, 10), "cccccccccc");
}

// Writes a package as other programs do.
static void writeCompressed(const std::string &path, const std::string &name, const std::string &content) {
  zipFile zip = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  zip_fileinfo info = {};
  ASSERT_EQ(zipOpenNewFileInZip64(zip, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, Z_DEFLATED,
                                  Z_DEFAULT_COMPRESSION, 0),
            ZIP_OK);
  ASSERT_EQ(zipWriteInFileInZip(zip, content.data(), static_cast<unsigned>(content.size())), ZIP_OK);
  ASSERT_EQ(zipCloseFileInZip(zip), ZIP_OK);
  ASSERT_EQ(zipClose(zip, nullptr), ZIP_OK);
}

TEST(Package, CompressedEntriesAreReadToo) {
  TemporaryFolder folder;
  std::string content; // which compresses badly: no entry may claim more bytes than the file has
  for (uint32_t i = 0, random = 1; i < 5000; ++i, random = random * 1664525 + 1013904223)
    content += static_cast<char>(random >> 24);
  writeCompressed(folder / "p", "manifest.json", content);
  EXPECT_EQ(Package(folder / "p").read("manifest.json"), content);
}

TEST(Package, AFileThatBecomesShorterIsAnError) {
  TemporaryFolder folder;
  sample().write(folder / "p");
  Package package(folder / "p");
  auto code = package.open("code/x.so");
  folder.write("p", readFile(folder / "p").substr(0, 50000)); // in place
  EXPECT_EQ(errorOf([&] { code->read(0, 100000); }),
            "cannot read " + (folder / "p") + ": it has become shorter");
  EXPECT_NE(errorOf([&] { package.read("code/x.so"); }), "");
}

// Every cut, and a flipped bit anywhere, is an error or harmless, never a crash.
static void checkDamage(const TemporaryFolder &folder) {
  std::string whole = readFile(folder / "p");
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    folder.write("cut", whole.substr(0, bytes));
    EXPECT_NE(errorOf([&] { Package(folder / "cut").read("manifest.json"); }), "") << bytes;
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] ^= 0x10;
    folder.write("flipped", flipped);
    std::string content;
    if (errorOf([&] { content = Package(folder / "flipped").read("manifest.json"); }).empty()) {
      EXPECT_EQ(content, "{\"format\": 1}") << i;
    }
  }
}

TEST(Package, DamageIsAnError) {
  TemporaryFolder folder;
  PackageWriter writer;
  writer.add("manifest.json", "{\"format\": 1}");
  writer.write(folder / "p");
  checkDamage(folder);
  writeCompressed(folder / "p", "manifest.json", "{\"format\": 1}");
  checkDamage(folder);
}
