// Writes files for the fuzz targets to begin with: `fuzz-seeds FOLDER` makes a folder for each target.
#include "runtime/Data/IndexEntry.h"
#include "runtime/Data/IndexFile.h"
#include "runtime/Package/Package.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <fmt/format.h>

using namespace kinema;
using namespace kinema::test;

namespace {

void writeSeed(const std::string &folder, const std::string &name, const std::string &content) {
  makeDirectory(folder);
  writeFile(folder + "/" + name, content);
}

void writeTensorSeeds(const std::string &folder) {
  TensorFile file;
  file.metadata = {{"kinema.checkpoint", "2"}, {"classes", "[\"a\",[98,255]]"}};
  for (ElementType type : {ElementType::F32, ElementType::I32, ElementType::I64})
    file.tensors.emplace_back(fmt::format("t{}", static_cast<int>(type)), type, std::vector<int64_t>{3, 2});
  std::string content = formatTensors(file);
  writeSeed(folder, "tensors", content);
  for (const char *type : {"F16", "BF16", "F64"}) {
    std::string other = content;
    for (size_t at; (at = other.find("\"F32\"")) != std::string::npos;)
      other.replace(at, 5, fmt::format("\"{}\"", type));
    writeSeed(folder, type, other);
  }
}

void writePackageSeeds(const std::string &folder) {
  PackageWriter writer;
  writer.add(manifestEntry, linearManifest().dump());
  writer.add("code/x86-64-v3.so", "code");
  makeDirectory(folder);
  writer.write(folder + "/package");
  writeFile(folder + "/behind", "a program" + readFile(folder + "/package"));
}

void writeListSeeds(const std::string &folder) {
  const std::pair<const char *, const char *> lists[] = {
      {"labels", "a.mp4 0\n# a remark\nb c.mp4 1\n"},
      {"ucf101", "Archery/v_Archery_g01_c01.avi 1\r\nBowling/v_Bowling_g01_c01.avi 2\r\n"},
      {"hmdb51", "a.avi 1 \nb.avi 2 \nc.avi 0 \n"},
      {"kinetics", "label,youtube_id,time_start,time_end,split\n\"a, \"\"b\"\"\",--6bJUbfpnQ,17,27,train\n"},
      {"something", "[{\"id\":\"78687\",\"label\":\"holding [a]\",\"template\":\"Holding [something]\"}]"},
      {"sports1m", "http://www.youtube.com/watch?v=6f-lHgDqhdg 0,13\n"},
      {"classes", "0 red\n1 green leaf\n"}};
  char format = 0;
  for (const auto &[name, text] : lists) {
    for (char other : {'\0', '\1', '\3', '\13'})
      writeSeed(folder, fmt::format("{}-{}", name, static_cast<int>(other)),
                std::string{format, other} + text);
    writeSeed(folder, fmt::format("{}-guessed", name), std::string{'\x7f', '\0'} + text);
    ++format;
  }
}

void writeIndexSeeds(const std::string &folder) {
  IndexEntry entry;
  entry.name = "a.mp4";
  entry.stamp = {12345, 1700000000123456789};
  entry.info.codec = "h264";
  entry.info.frames = 3;
  entry.frames.byTime = true;
  entry.frames.times = {0, 512, 1024, 1500};
  entry.frames.keyTimes = {0, 1024};
  writeSeed(folder, "entry", encode(entry));
  writeIndex(folder + "/index", {{"a.mp4", encode(entry)}, {"b.mp4", encode(entry)}});
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  const std::string folder = std::string(argv[1]) + "/";
  writeSeed(folder + "manifest", "train", linearManifest().dump());
  writeSeed(folder + "manifest", "infer", linearManifest(false).dump());
  writeSeed(folder + "manifest", "two", twoInputManifest().dump());
  writeTensorSeeds(folder + "safetensors");
  writePackageSeeds(folder + "package");
  writeListSeeds(folder + "list");
  writeIndexSeeds(folder + "index");
  return 0;
}
