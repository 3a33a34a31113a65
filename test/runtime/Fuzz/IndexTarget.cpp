// libFuzzer's entry: an index of videos of any bytes, and an entry of any bytes, which is what a record holds
// whose checksum is right.
#include "runtime/Data/IndexEntry.h"
#include "runtime/Data/IndexFile.h"
#include "test/runtime/Fuzz/Fuzz.h"

using namespace kinema;
using namespace kinema::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view content(reinterpret_cast<const char *>(data), size);
  const std::string path = fileOf("list.index", content);
  readOrRefuse([&] { readIndex(path); });
  readOrRefuse([&] {
    int64_t whole = 0;
    readIndex(path, &whole);
    require(whole < 0 || whole > static_cast<int64_t>(size) ? "more was read than is there" : "");
  });
  auto readAgain = [&](std::optional<int64_t> fileBytes) {
    std::optional<IndexEntry> entry = decode(content, fileBytes);
    std::optional<IndexEntry> again = entry ? decode(encode(*entry), fileBytes) : std::nullopt;
    require(!entry || (again && again->name == entry->name) ? ""
                                                            : "an entry that was written reads as another");
    return entry;
  };
  constexpr int64_t largest = 1 << 16; // the file that the frames are of
  if (std::optional<IndexEntry> entry = readAgain(std::nullopt); entry && entry->stamp.bytes <= largest)
    readAgain(entry->stamp.bytes);
  return 0;
}
